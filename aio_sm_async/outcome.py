"""What the caller gets for each way in which an invocation can end: a result, or an error to raise."""

from __future__ import annotations

from typing import assert_never

from aio_sm_async.codecs import decode_body
from aio_sm_async.errors import DeadlinePassedError, ExpiredError, InferenceFailedError, ResultError
from aio_sm_async.protocol.completion import Completed, Expired, Failed
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.registry import DeadlinePassed, Outcome, Undeliverable
from aio_sm_async.results import Downloads, InferenceResult, ResponseBody

Result = InferenceResult[object]


class Outcomes:
    """Makes results and errors.

    Args:
        downloads: Reads the bodies that are not in memory.
        max_body_bytes: Larger ones are not.
    """

    def __init__(self, downloads: Downloads, *, max_body_bytes: int) -> None:
        self._downloads = downloads
        self._max_body_bytes = max_body_bytes

    def of(
        self,
        invocation: Invocation,
        outcome: Outcome,
        *,
        source: str,
        accept: str | None,
        body: ResponseBody | None = None,
    ) -> Result | Exception:
        """The result, or the error to raise; ``body`` is what was fetched, if it had to be."""
        inference_id, endpoint_name = invocation.inference_id, invocation.endpoint_name
        match outcome:
            case Completed():
                return self._result(invocation, outcome, source, accept, body or _included(outcome))
            case Failed(reason=reason, body=words):
                return InferenceFailedError(inference_id, endpoint_name, reason, response=words or None)
            case Expired(reason=reason):
                return ExpiredError(inference_id, endpoint_name, reason)
            case DeadlinePassed(reason=reason):
                return DeadlinePassedError(inference_id, endpoint_name, reason)
            case Undeliverable(error=error):
                return error
            case _:
                assert_never(outcome)

    def _result(
        self,
        invocation: Invocation,
        completed: Completed,
        source: str,
        accept: str | None,
        body: ResponseBody | None,
    ) -> Result | Exception:
        if body is None:
            return ResultError(
                f"{invocation.inference_id} succeeded, but its response is lost: {invocation.endpoint_name} "
                "has no S3OutputPath, and the notification did not include it (SageMaker includes 128 KB at "
                "most). Give the endpoint an S3OutputPath."
            )
        return InferenceResult(
            completed,
            body,
            endpoint_name=invocation.endpoint_name,
            source=source,
            decode=decode_body,
            accept=accept,
            max_body_bytes=self._max_body_bytes,
            downloads=self._downloads,
        )


def _included(completed: Completed) -> ResponseBody | None:
    if completed.body is None:
        return None
    return ResponseBody(completed.body, completed.content_type, len(completed.body))
