"""Responses that are too large for memory, and uploads that break off."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from aio_sm_async import (
    AsyncInferenceError,
    BodyTooLargeError,
    InferenceFailedError,
    S3Uploads,
    SqsNotifications,
)
from aio_sm_async.assembly import OBJECT_CONNECTIONS
from aio_sm_async.emulator import Emulator, ModelError, mishaps
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import echo
from aio_sm_async.emulator.rule import Rule
from tests.scenarios.stage import FAST_POLLING, Clients, until

MEBIBYTE = 1024 * 1024
BODY = hashlib.shake_128(b"large").digest(MEBIBYTE)


@pytest.mark.parametrize("notifications", [True, False])
async def test_large_response_stays_in_s3_until_it_is_read(
    aws: Emulator, clients: Clients, tmp_path: Path, notifications: bool
) -> None:
    """Above ``max_body_bytes`` a result knows its size, and streams as often as it is asked to."""
    endpoint = await aws.create_endpoint("e", lambda _: BODY, notifications=notifications)
    client = await clients.open(endpoint, max_body_bytes=200_000, polling=FAST_POLLING)

    result = await client.invoke("x")
    chunks = [chunk async for chunk in result.iter_bytes(chunk_bytes=50_000)]
    written = await result.download_to(tmp_path / "out.bin")

    assert MEBIBYTE == result.size_bytes == written
    assert BODY == b"".join(chunks) == (tmp_path / "out.bin").read_bytes()
    assert max(map(len, chunks)) <= 50_000
    with pytest.raises(BodyTooLargeError, match="iter_bytes"):
        _ = result.value


async def test_unread_results_hold_no_connection(aws: Emulator, clients: Clients) -> None:
    """More results lie unread than there are connections to S3, and yet each can be read."""
    endpoint = await aws.create_endpoint("e", lambda _: BODY, max_concurrent_invocations_per_instance=100)
    client = await clients.open(endpoint, max_body_bytes=1000)
    futures = [await client.submit("x") for _ in range(OBJECT_CONNECTIONS + 1)]
    results = [await future for future in futures]

    async with aclosing(results[-1].iter_bytes()) as chunks:
        first = await anext(chunks)

    assert BODY.startswith(first)


async def test_truncated_response_is_read_on(aws: Emulator, clients: Clients) -> None:
    """A stream that breaks goes on where it broke."""
    endpoint = await aws.create_endpoint("e", lambda _: BODY)
    client = await clients.open(endpoint, max_body_bytes=1000)
    result = await client.invoke("x")
    aws.trouble.add(Rule("s3", "GetObject", Fault("truncate"), times=2))

    body = b"".join([chunk async for chunk in result.iter_bytes()])

    assert BODY == body
    assert 2 == aws.trouble.injected["truncate"]


async def test_truncated_fetch_is_repeated(aws: Emulator, clients: Clients) -> None:
    """A body that arrived by half is fetched again before anybody sees it."""
    endpoint = await aws.create_endpoint("e", lambda _: BODY)
    client = await clients.open(endpoint)
    aws.trouble.add(Rule("s3", "GetObject", Fault("truncate"), times=1))

    result = await client.invoke("x")

    assert BODY == result.body


async def test_large_failure_is_kept_in_part(aws: Emulator, clients: Clients) -> None:
    """A container that fails at great length fails its invocation nonetheless."""

    async def rant(_: object) -> bytes:
        raise ModelError(500, b"x" * 200_000)

    endpoint = await aws.create_endpoint("e", rant)
    client = await clients.open(endpoint)

    with pytest.raises(InferenceFailedError) as caught:
        await client.invoke("x")

    assert "server error (500)" in caught.value.reason


async def test_upload_that_fails_leaves_nothing(aws: Emulator, clients: Clients) -> None:
    """A multipart upload that S3 refuses is aborted, and its request is never sent."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)
    uploads = S3Uploads("s3://inputs/in/", part_bytes=5 * MEBIBYTE)
    client = await clients.open(endpoint, uploads=uploads)
    aws.trouble.add(mishaps.access_denied("UploadPart", nth=2))

    with pytest.raises(AsyncInferenceError, match="s3:PutObject"):
        await client.submit(b"x" * (6 * MEBIBYTE))

    assert ([], {}) == (aws.objects.keys("inputs"), aws.objects.bucket("inputs").uploads)
    assert [] == endpoint.invocations
    assert (1, 0) == (client.statistics().rejected, client.statistics().in_flight)


async def test_source_that_fails_leaves_nothing(aws: Emulator, clients: Clients) -> None:
    """What the caller's own stream raises comes out as it is, and leaves no parts."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (6 * MEBIBYTE)
        raise ZeroDivisionError

    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)
    uploads = S3Uploads("s3://inputs/in/", part_bytes=5 * MEBIBYTE)
    client = await clients.open(endpoint, uploads=uploads)

    with pytest.raises(ZeroDivisionError):
        await client.submit(broken(), content_type="video/mp4")

    await until(lambda: client.statistics().in_flight == 0)
    assert ([], {}) == (aws.objects.keys("inputs"), aws.objects.bucket("inputs").uploads)
    assert [] == endpoint.invocations


async def test_uploads_in_another_account(aws: Emulator, clients: Clients) -> None:
    """Uploads and notifications may each have a session of their own."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)
    assert endpoint.queue_url is not None
    client = await clients.open(
        endpoint,
        uploads=S3Uploads("s3://inputs/in/", session=clients.session()),
        notifications=SqsNotifications([endpoint.queue_url], session=clients.session()),
    )

    result = await client.invoke(b"x" * 128_001)

    assert 128_001 == result.size_bytes
