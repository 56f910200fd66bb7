"""Payloads in and results out, through signed HTTP, against the emulated S3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from aiobotocore.session import AioSession

from aio_sm_async.clock import SystemClock
from aio_sm_async.codecs import StreamedPayload, decode_body
from aio_sm_async.emulator.clock import SystemClock as EmulatorClock
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.object_store import ObjectStore
from aio_sm_async.emulator.objects import ObjectService
from aio_sm_async.emulator.rule import Rule
from aio_sm_async.emulator.server import Server
from aio_sm_async.emulator.trouble import Trouble
from aio_sm_async.errors import AccessDeniedError
from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.results import Downloads, InferenceResult
from aio_sm_async.retries import Retries
from aio_sm_async.uploads import S3Uploads, Uploader
from aio_sm_async.wire.call import SignedCalls
from aio_sm_async.wire.http1 import Http1Transport
from aio_sm_async.wire.objects import Objects
from aio_sm_async.wire.session import AwsSession

MEBIBYTE = 1024 * 1024
BODY = bytes(range(256)) * (11 * MEBIBYTE // 256) + b"the end"


class EmulatedS3:
    """S3 alone, of the emulator's four services."""

    def __init__(self) -> None:
        clock = EmulatorClock()
        self.trouble = Trouble(clock=clock)
        self.objects = ObjectStore(clock)
        self.server = Server(
            [ObjectService(self.objects, "000000000000")],
            accounts={"AKIAEMULATOR00000000": "not-a-secret"},
            trouble=self.trouble,
            clock=clock,
        )


@pytest.fixture
async def aws() -> AsyncIterator[EmulatedS3]:
    emulated = EmulatedS3()
    emulated.objects.create_bucket("bucket")
    await emulated.server.start()
    yield emulated
    await emulated.server.aclose()
    assert emulated.server.errors == []


@pytest.fixture
async def objects(aws: EmulatedS3) -> AsyncIterator[Objects]:
    boto = AioSession()
    boto.set_credentials("AKIAEMULATOR00000000", "not-a-secret")
    async with AsyncExitStack() as stack:
        session = AwsSession(boto, region_name="us-east-1", endpoint_urls={"s3": aws.server.url})
        await session.open()
        stack.push_async_callback(session.aclose)
        transport = Http1Transport(10, proxy=lambda url: None, ssl_context=None)
        stack.push_async_callback(transport.aclose)
        yield Objects(SignedCalls(session, transport, clock=SystemClock(), count=lambda name: None), session)


def uploader(objects: Objects) -> Uploader:
    settings = S3Uploads("s3://bucket/in/", part_bytes=5 * MEBIBYTE, tags={"team": "vision"})
    return Uploader(settings, objects, Retries(dice=lambda: 0.0))


async def pieces() -> AsyncIterator[bytes]:
    for start in range(0, len(BODY), 70_000):
        yield BODY[start : start + 70_000]


async def test_large_payload_survives_faults(aws: EmulatedS3, objects: Objects) -> None:
    """A stream goes up in parts, through resets, a lost answer and a server error, and arrives whole."""
    aws.trouble.add(
        Rule("s3", "CreateMultipartUpload", Fault("status", 503, "SlowDown"), nth=1),
        Rule("s3", "UploadPart", Fault("reset"), nth=1),
        Rule("s3", "UploadPart", Fault("reset_after"), nth=3),
        Rule("s3", "CompleteMultipartUpload", Fault("reset_after"), nth=1),
    )
    up = uploader(objects)
    place = up.location_for("id/1")
    await up.upload(StreamedPayload(pieces(), "image/png", len(BODY)), place)

    stored = aws.objects.get("bucket", "in/id!2F1")
    assert stored is not None
    assert (stored.body == BODY, stored.content_type) == (True, "image/png")
    assert sum(aws.trouble.injected.values()) == 4


async def test_refused_upload_leaves_nothing(aws: EmulatedS3, objects: Objects) -> None:
    """A part that S3 refuses ends the upload: no object is there, and no part is left."""
    aws.trouble.add(Rule("s3", "UploadPart", Fault("status", 403, "AccessDenied"), nth=2))

    with pytest.raises(AccessDeniedError):
        await uploader(objects).upload(StreamedPayload(pieces(), "image/png"), S3Location("bucket", "in/1"))

    assert aws.objects.keys("bucket") == []
    assert aws.objects.bucket("bucket").uploads == {}


async def test_large_result_survives_faults(aws: EmulatedS3, objects: Objects, tmp_path: Path) -> None:
    """A result that is too large for memory is downloaded whole, through two broken connections."""
    place = S3Location("bucket", "out/1.out")
    await uploader(objects).upload(StreamedPayload(pieces(), "image/png"), place)
    downloads = Downloads(objects, Retries(dice=lambda: 0.0))
    body = await downloads.fetch(place, max_body_bytes=MEBIBYTE)
    result = InferenceResult(
        Completed("id", output_location=place),
        body,
        endpoint_name="endpoint",
        source="polling",
        decode=decode_body,
        downloads=downloads,
    )
    aws.trouble.add(Rule("s3", "GetObject", Fault("truncate"), times=2))
    written = await result.download_to(tmp_path / "result.bin")

    assert (len(BODY), "image/png") == (result.size_bytes, result.content_type)
    assert written == len(BODY)
    assert await anyio.Path(tmp_path / "result.bin").read_bytes() == BODY
    assert aws.trouble.injected["truncate"] == 2


async def test_deleting_what_was_uploaded(aws: EmulatedS3, objects: Objects) -> None:
    """An uploaded payload can be deleted, and it is no error if it is gone."""
    up = uploader(objects)
    place = up.location_for("1")
    await up.upload(StreamedPayload(pieces(), "image/png"), place)
    await up.delete(place)
    await up.delete(place)

    assert aws.objects.keys("bucket") == []
