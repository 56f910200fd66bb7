"""Response bodies out of S3."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aio_sm_async.clock import VirtualClock
from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    NotFoundError,
    NotSentError,
    ResultError,
    ServiceUnavailable,
)
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.results import Downloads, ResponseBody
from aio_sm_async.retries import Retries
from tests.bucket import CHUNK_BYTES, Bucket, Stored

PLACE = S3Location("bucket", "out/1.out")
BODY = bytes(range(256)) * 20


@pytest.fixture
def bucket() -> Bucket:
    return filled(BODY)


def filled(body: bytes) -> Bucket:
    return Bucket({PLACE: Stored(body, {"Content-Type": "application/json"}, len(body))})


def downloads(bucket: Bucket, tries: int = 3) -> Downloads:
    return Downloads(bucket, Retries(VirtualClock(), dice=lambda: 0.0, tries=tries))


async def read(bucket: Bucket, etag: str | None = None, size: int = len(BODY)) -> bytes:
    stream = downloads(bucket).stream(PLACE, ResponseBody(None, None, size, etag))
    async with aclosing(stream) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_a_body_within_the_limit_is_fetched_at_once(bucket: Bucket) -> None:
    """One GET brings the bytes and all that is known of them."""
    body = await downloads(bucket).fetch(PLACE, max_body_bytes=len(BODY))

    assert body == ResponseBody(BODY, "application/json", len(BODY), bucket.objects[PLACE].etag)
    assert bucket.calls == ["get"]


async def test_a_body_over_the_limit_stays_in_s3(bucket: Bucket) -> None:
    """Of a larger body everything but the bytes is known; it is no failure."""
    body = await downloads(bucket).fetch(PLACE, max_body_bytes=len(BODY) - 1)

    assert body == ResponseBody(None, "application/json", len(BODY), bucket.objects[PLACE].etag)


async def test_a_truncated_fetch_is_tried_again(bucket: Bucket) -> None:
    """A body that broke off is fetched anew, and never handed out in part."""
    bucket.trouble["get"] = [AmbiguousError("truncated"), NotSentError("refused")]

    body = await downloads(bucket).fetch(PLACE, max_body_bytes=10_000)

    assert body.data == BODY


async def test_a_missing_body_is_told_at_once(bucket: Bucket) -> None:
    """That nothing is there yet is for the caller to judge, without retries."""
    bucket.objects.clear()

    with pytest.raises(NotFoundError):
        await downloads(bucket).fetch(PLACE, max_body_bytes=10_000)

    assert bucket.calls == ["get"]


async def test_streaming(bucket: Bucket) -> None:
    """A stream gives the whole object, and then holds no connection."""
    assert await read(bucket, bucket.objects[PLACE].etag) == BODY
    assert (bucket.open_streams, bucket.starts) == (0, [0])


async def test_an_empty_body_is_not_even_asked_for() -> None:
    """There is nothing to read, and a range cannot begin at its end."""
    bucket = filled(b"")

    assert await read(bucket, size=0) == b""
    assert bucket.calls == []


@settings(max_examples=25)
@given(st.lists(st.none() | st.integers(0, len(BODY)), max_size=3), st.booleans())
async def test_a_broken_stream_goes_on_where_it_broke(breaks: list[int | None], etag_known: bool) -> None:
    """However the connection breaks, each byte comes once and in order."""
    bucket = filled(BODY)
    bucket.breaks = [*breaks, None]
    bucket.breaks = [None if after is None else max(after, CHUNK_BYTES) for after in bucket.breaks]

    body = await read(bucket, bucket.objects[PLACE].etag if etag_known else None)

    assert body == BODY
    assert bucket.open_streams == 0


async def test_it_resumes_by_range(bucket: Bucket) -> None:
    """What has arrived is not read again."""
    bucket.breaks = [2 * CHUNK_BYTES, CHUNK_BYTES]
    await read(bucket)

    assert bucket.starts == [0, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES]


async def test_tries_without_progress_are_bounded(bucket: Bucket) -> None:
    """A stream that gives nothing several times in a row fails; one that creeps on does not."""
    bucket.breaks = [CHUNK_BYTES, 0, CHUNK_BYTES, 0, 0]

    with pytest.raises(AmbiguousError):
        await read(bucket)

    assert bucket.starts == [0, CHUNK_BYTES, CHUNK_BYTES, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES]


async def test_a_stream_that_ends_early_is_not_the_whole(bucket: Bucket) -> None:
    """A connection that closes in good order, and too early, is a broken one."""
    with pytest.raises(AmbiguousError, match=r"ended after 5,120 of 5,121 bytes"):
        await read(bucket, size=len(BODY) + 1)


@pytest.mark.parametrize("etag_known", [True, False])
async def test_an_overwritten_object_is_not_mixed(bucket: Bucket, etag_known: bool) -> None:
    """When the object changes between two reads, the second is refused."""
    etag = bucket.objects[PLACE].etag if etag_known else None
    bucket.breaks = [CHUNK_BYTES]
    stream = downloads(bucket).stream(PLACE, ResponseBody(None, None, len(BODY), etag))
    async with aclosing(stream) as chunks:
        await anext(chunks)
        bucket.objects[PLACE] = Stored(BODY[::-1], {}, len(BODY))

        with pytest.raises(ResultError, match="was overwritten"):
            await anext(chunks)


async def test_faults_before_the_first_byte(bucket: Bucket) -> None:
    """A stream that cannot be opened is tried again; one that is refused is not."""
    bucket.trouble["stream"] = [ServiceUnavailable("GetObject", "SlowDown", "slow", status=503)]
    body = await read(bucket)
    bucket.trouble["stream"] = [AccessDeniedError("GetObject", "AccessDenied", "no", status=403)]

    assert body == BODY
    with pytest.raises(AccessDeniedError):
        await read(bucket)


async def test_leaving_early_frees_the_connection(bucket: Bucket) -> None:
    """A reader that has seen enough closes the stream, and with it the connection."""
    stream = Downloads(bucket).stream(PLACE, ResponseBody(None, None, len(BODY)))
    async with aclosing(stream) as chunks:
        await anext(chunks)
        during = bucket.open_streams

    assert (during, bucket.open_streams) == (1, 0)
