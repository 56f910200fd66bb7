"""Uploading payloads."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.clock import VirtualClock
from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    InternalFailure,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
)
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.retries import Retries
from aio_sm_async.uploads import S3Uploads, Uploader
from tests.bucket import Bucket

PART = 5 * 1024 * 1024
PLACE = S3Location("bucket", "in/1")
DENIED = AccessDeniedError("UploadPart", "AccessDenied", "no", status=403)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


async def loop_steps() -> None:
    """Let every task run until it waits."""
    for _ in range(100):
        await asyncio.sleep(0)


def uploader(bucket: Bucket, *, concurrent: int = 4, owner: str | None = None) -> Uploader:
    settings = S3Uploads(
        "s3://bucket/in/", part_bytes=PART, max_concurrent_parts=concurrent, expected_bucket_owner=owner
    )
    return Uploader(settings, bucket, Retries(VirtualClock(), dice=lambda: 0.0))


def encoded(size: int) -> EncodedPayload:
    return EncodedPayload(bytes(size), "image/png")


def pieces(number: int, size: int = PART) -> StreamedPayload:
    async def source() -> AsyncIterator[bytes]:
        for index in range(number):
            yield bytes([index]) * size

    return StreamedPayload(source(), "image/png")


@pytest.mark.parametrize("size", [0, 1, PART])
async def test_small_payloads_go_in_one_request(bucket: Bucket, size: int) -> None:
    """Up to the size of a part, one PUT is all."""
    await uploader(bucket).upload(encoded(size), PLACE)

    assert bucket.calls == ["put"]
    assert bucket.objects[PLACE].body == bytes(size)
    assert bucket.objects[PLACE].content_type == "image/png"


@pytest.mark.parametrize("size", [0, PART - 1])
async def test_small_streams_go_in_one_request(bucket: Bucket, size: int) -> None:
    """A stream that ends within its first part needs no multipart upload."""
    await uploader(bucket).upload(pieces(1, size), PLACE)

    assert (["put"], size) == (bucket.calls, bucket.objects[PLACE].size_bytes)


async def test_large_payloads_go_in_parts(bucket: Bucket) -> None:
    """Beyond the size of a part the object is made of parts, and is there as a whole at the end."""
    body = b"0" * PART + b"1" * PART + b"2"
    await uploader(bucket).upload(EncodedPayload(body, "image/png"), PLACE)

    assert bucket.calls == ["create_multipart", *["upload_part"] * 3, "complete_multipart"]
    assert bucket.objects[PLACE].body == body


async def test_files_go_in_parts(bucket: Bucket, tmp_path: Path) -> None:
    """A large file arrives as it is."""
    path = anyio.Path(tmp_path / "input.bin")
    body = b"0" * PART + b"1" * PART
    await path.write_bytes(body)
    await uploader(bucket).upload(StreamedPayload(path, "image/png"), PLACE)

    assert bucket.objects[PLACE].body == body
    assert bucket.uploads == {}


async def test_headers_go_where_they_belong(bucket: Bucket) -> None:
    """The object's headers go with its beginning, the expected owner with every call that takes it."""
    up = uploader(bucket, owner="123456789012")
    await up.upload(encoded(PART + 1), PLACE)
    await up.delete(PLACE)

    owner = {"x-amz-expected-bucket-owner": "123456789012"}
    first, *others = bucket.headers
    assert first == ("create_multipart", {"Content-Type": "image/png", **owner})
    assert [headers for _, headers in others] == [owner] * 4


@pytest.mark.parametrize("concurrent", [1, 2, 3])
async def test_memory_is_bounded(bucket: Bucket, concurrent: int) -> None:
    """No more parts are read than may be under way, however slow S3 is."""
    bucket.gate = asyncio.Event()
    read = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(8):
            read += 1
            yield bytes(PART)

    payload = StreamedPayload(source(), "image/png")
    running = asyncio.create_task(uploader(bucket, concurrent=concurrent).upload(payload, PLACE))
    await loop_steps()
    read_while_stuck = read
    bucket.gate.set()
    await running

    assert read_while_stuck == concurrent
    assert bucket.most_parts_under_way == concurrent


@pytest.mark.parametrize("call", ["create_multipart", "upload_part", "complete_multipart", "put"])
async def test_faults_that_pass_are_tried_again(bucket: Bucket, call: str) -> None:
    """A refused connection, a lost answer and a server error cost a retry of that call alone."""
    bucket.trouble[call] = [
        NotSentError("refused"),
        AmbiguousError("reset"),
        InternalFailure("S3", "InternalError", "oops", status=500),
    ]
    payload = pieces(2) if call != "put" else encoded(1)
    await uploader(bucket).upload(payload, PLACE)

    assert PLACE in bucket.objects
    assert bucket.calls.count(call) == {"upload_part": 5}.get(call, 4)


async def test_completion_whose_answer_was_lost(bucket: Bucket) -> None:
    """When the retry of a completion finds no upload any more, the first try has completed it."""
    bucket.lost_answers["complete_multipart"] = [AmbiguousError("reset")]
    await uploader(bucket).upload(pieces(2), PLACE)

    assert bucket.objects[PLACE].size_bytes == 2 * PART
    assert bucket.calls[-2:] == ["complete_multipart"] * 2


async def test_upload_that_vanished(bucket: Bucket) -> None:
    """A first completion that finds no upload is a failure: somebody aborted it."""
    bucket.trouble["complete_multipart"] = [NotFoundError("S3", "NoSuchUpload", "gone", status=404)]

    with pytest.raises(NotFoundError):
        await uploader(bucket).upload(pieces(2), PLACE)

    assert PLACE not in bucket.objects


@pytest.mark.parametrize("call", ["upload_part", "complete_multipart"])
async def test_failure_leaves_nothing(bucket: Bucket, call: str) -> None:
    """A failed upload is aborted: nothing is visible, and no part is left to be paid for."""
    bucket.trouble[call] = [DENIED]

    with pytest.raises(AccessDeniedError) as caught:
        await uploader(bucket).upload(pieces(3), PLACE)

    assert caught.value is DENIED
    assert (bucket.objects, bucket.uploads) == ({}, {})
    assert bucket.calls[-1] == "abort_multipart"


async def test_failing_source_leaves_nothing(bucket: Bucket) -> None:
    """What the caller's own source raises comes out as it is, after the abort."""
    mistake = KeyError("row 7")

    async def source() -> AsyncIterator[bytes]:
        yield bytes(PART)
        raise mistake

    with pytest.raises(KeyError) as caught:
        await uploader(bucket).upload(StreamedPayload(source(), "image/png"), PLACE)

    assert caught.value is mistake
    assert (bucket.objects, bucket.uploads) == ({}, {})


async def test_source_that_is_too_short_leaves_nothing(bucket: Bucket) -> None:
    """A stream that ends before the size that was told makes no object."""
    payload = StreamedPayload(pieces(2).source, "image/png", size_bytes=3 * PART)

    with pytest.raises(InvalidRequestError):
        await uploader(bucket).upload(payload, PLACE)

    assert (bucket.objects, bucket.uploads) == ({}, {})


async def test_small_source_that_is_too_short_leaves_nothing(bucket: Bucket) -> None:
    """That holds for one that ends within its first part too."""
    with pytest.raises(InvalidRequestError):
        await uploader(bucket).upload(StreamedPayload(io.BytesIO(b"012"), "image/png", 4), PLACE)

    assert bucket.calls == []


async def test_cancel_leaves_nothing(bucket: Bucket) -> None:
    """A cancelled upload is aborted, and even a second cancel does not interrupt the abort."""
    bucket.gate = asyncio.Event()
    running = asyncio.create_task(uploader(bucket).upload(pieces(9), PLACE))
    await loop_steps()
    running.cancel()
    await loop_steps()
    aborting = bucket.calls[-1]
    running.cancel()
    await loop_steps()
    bucket.gate.set()
    await asyncio.wait([running])

    assert aborting == "abort_multipart"
    assert running.cancelled()
    assert (bucket.objects, bucket.uploads) == ({}, {})


async def test_abort_that_fails_is_told(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """The first failure is the one that is raised; the parts that stay behind are logged."""
    bucket.trouble["upload_part"] = [DENIED]
    bucket.trouble["abort_multipart"] = [AccessDeniedError("Abort", "AccessDenied", "no", status=403)]

    with caplog.at_level(logging.WARNING), pytest.raises(AccessDeniedError) as caught:
        await uploader(bucket).upload(pieces(2), PLACE)

    assert caught.value is DENIED
    assert "lifecycle rule" in caplog.text
    assert str(PLACE) in caplog.text


async def test_deleting(bucket: Bucket) -> None:
    """A payload can be deleted, and once more, and a fault on the way is tried again."""
    up = uploader(bucket)
    await up.upload(encoded(1), PLACE)
    bucket.trouble["delete"] = [AmbiguousError("reset")]
    await up.delete(PLACE)
    await up.delete(PLACE)

    assert bucket.objects == {}


@pytest.mark.parametrize(
    ("inference_id", "key"),
    [
        ("worker-3.aB3.x_Y-z9", "in/worker-3.aB3.x_Y-z9"),
        ("../../other/id", "in/!2E.!2F..!2Fother!2Fid"),
        (".", "in/!2E"),
        ("a b!", "in/a!20b!21"),
        ("é", "in/!C3!A9"),
    ],
)
def test_keys_are_safe(bucket: Bucket, inference_id: str, key: str) -> None:
    """Our ids are keys as they are; a caller's own cannot leave the prefix."""
    assert uploader(bucket).location_for(inference_id) == S3Location("bucket", key)


@given(st.text(min_size=1), st.text(min_size=1))
def test_keys_are_distinct(one: str, other: str) -> None:
    """Two invocations never share an object, one always has the same."""
    up = uploader(Bucket())

    assert (one == other) == (up.location_for(one) == up.location_for(other))


def test_repr_tells_the_place(bucket: Bucket) -> None:
    """The repr shows where payloads go."""
    assert repr(uploader(bucket)) == "<Uploader to s3://bucket/in/>"


async def test_defaults_work(bucket: Bucket) -> None:
    """Clock and dice need not be given."""
    await Uploader(S3Uploads("s3://bucket/in/"), bucket).upload(encoded(1), PLACE)

    assert PLACE in bucket.objects
