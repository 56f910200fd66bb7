"""Bodies that are left in S3 until their turn comes."""

from __future__ import annotations

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.codecs import decode_body
from aio_sm_async.errors import AccessDeniedError, BodyTooLargeError, ResultError
from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.results import Downloads, InferenceResult, ResponseBody
from aio_sm_async.results.memory import forget_body, held_bytes, recall_body
from aio_sm_async.retries import Retries
from tests.bucket import Bucket, Stored

PLACE = S3Location("bucket", "out/1.out")
BODY = b'{"a": 1}'


def answer(
    bucket: Bucket, *, location: S3Location | None = PLACE, etag: str | None = None
) -> InferenceResult[object]:
    """A result whose body came with its notification, or from the bucket if it has an ETag."""
    bucket.objects[PLACE] = Stored(BODY, {"Content-Type": "binary/octet-stream"}, len(BODY))
    return InferenceResult(
        Completed("id-1", output_location=location, body=BODY),
        ResponseBody(BODY, "application/json", len(BODY), etag),
        endpoint_name="endpoint",
        source="sqs",
        decode=decode_body,
        downloads=Downloads(bucket, Retries(VirtualClock(), dice=lambda: 0.0, tries=1)),
    )


async def test_there_and_back() -> None:
    """A body that was let go of is the same again afterwards, and is what its container called it."""
    result = answer(Bucket())
    held = held_bytes(result)
    done = forget_body(result)

    assert (8, True, 0) == (held, done, held_bytes(result))
    with pytest.raises(BodyTooLargeError):
        result.body  # noqa: B018 - reading it is the test
    assert BODY not in repr(result._completion).encode()
    await recall_body(result)
    assert (BODY, {"a": 1}, "application/json", 8) == (
        result.body,
        result.value,
        result.content_type,
        held_bytes(result),
    )


async def test_the_only_copy_is_kept() -> None:
    """A body that S3 does not have stays in memory."""
    result = answer(Bucket(), location=None)

    assert not forget_body(result)
    assert BODY == result.body


async def test_deleted_meanwhile() -> None:
    """A body that was deleted in S3 meanwhile is an error that names it."""
    bucket = Bucket()
    result = answer(bucket)
    forget_body(result)
    bucket.objects.clear()

    with pytest.raises(ResultError, match=r"s3://bucket/out/1\.out was deleted before id-1"):
        await recall_body(result)


@pytest.mark.parametrize(("etag", "now"), [(None, b"longer than it was"), (None, b"short"), ("old", BODY)])
async def test_overwritten_meanwhile(etag: str | None, now: bytes) -> None:
    """Another body at the same place is not taken for it."""
    bucket = Bucket()
    result = answer(bucket, etag=etag)
    forget_body(result)
    bucket.objects[PLACE] = Stored(now, {}, len(now))

    with pytest.raises(ResultError, match="was overwritten"):
        await recall_body(result)


async def test_not_allowed_to_read() -> None:
    """What S3 refuses is told as it is."""
    bucket = Bucket()
    result = answer(bucket)
    forget_body(result)
    bucket.trouble["get"] = [AccessDeniedError("GetObject", "AccessDenied", "no", status=403)]

    with pytest.raises(AccessDeniedError):
        await recall_body(result)
