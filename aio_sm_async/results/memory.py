"""Lets a result that has to wait leave its body in S3, and reads it again when its turn comes."""

from __future__ import annotations

from dataclasses import replace

from aio_sm_async.errors import NotFoundError, ResultError
from aio_sm_async.results.result import InferenceResult

# A result's own body is touched here and nowhere else outside its class: callers have no business with it.
# ruff: noqa: SLF001


def held_bytes(result: InferenceResult[object]) -> int:
    """How many bytes of the body are in memory."""
    return len(result._body.data or b"")


def forget_body(result: InferenceResult[object]) -> bool:
    """Let go of the bytes, and tell whether that was done: it is where S3 has them too."""
    if result.output_location is None or result._downloads is None:
        return False
    result._body = result._body._replace(data=None)
    result._completion = replace(result._completion, body=None)
    return True


async def recall_body(result: InferenceResult[object]) -> None:
    """Read the bytes again that `forget_body` let go of.

    Raises:
        ResultError: They are not there any more, or others are.
        AsyncInferenceError: S3 could not be reached, or refused.
    """
    location, known, downloads = result.output_location, result._body, result._downloads
    assert location is not None
    assert downloads is not None
    try:
        body = await downloads.fetch(location, max_body_bytes=known.size_bytes)
    except NotFoundError as exc:
        raise ResultError(
            f"{location} was deleted before {result.inference_id} had its turn. Keep outputs for longer, "
            "take results faster, or raise max_buffered_bytes."
        ) from exc
    if body.size_bytes != known.size_bytes or known.etag not in (None, body.etag):
        raise ResultError(
            f"{location} was overwritten since {result.inference_id} ended. "
            "Give each invocation an output of its own."
        )
    result._body = body._replace(content_type=known.content_type)
