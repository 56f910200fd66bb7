"""The wire against servers that were not written for it: moto, and an emulator that verifies signatures."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
from aiobotocore.session import AioSession

from aio_sm_async.clock import SystemClock
from aio_sm_async.emulator.object_store import ObjectStore
from aio_sm_async.emulator.objects import ObjectService
from aio_sm_async.emulator.queue import QueueService
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.server import Server as EmulatorServer
from aio_sm_async.errors import CredentialsError, NotFoundError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.wire.call import SignedCalls
from aio_sm_async.wire.http1 import Http1Transport
from aio_sm_async.wire.objects import Objects
from aio_sm_async.wire.queue import Queue
from aio_sm_async.wire.session import AwsSession
from tests.wire.conftest import NewBoto

ODD_KEYS = ["plain.out", "a b+c", "a//b", "€/ü~", "q?x=1&y#z", "100%", "a/../b", "./c", "=&;,:@'()*!$"]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """Moto's server, in a thread."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Opinion:
    """A server with a bucket and a queue, and the wire to it."""

    def __init__(self, boto: AioSession, session: AwsSession, transport: Http1Transport, url: str) -> None:
        self.boto = boto
        self.session = session
        self.url = url
        self.counted: Counter[str] = Counter()
        self.calls = SignedCalls(
            session, transport, clock=SystemClock(), count=lambda operation: self.counted.update([operation])
        )
        self.objects = Objects(self.calls, session)


@pytest.fixture
async def emulator() -> AsyncIterator[str]:
    """The emulated S3 and SQS, which share no code with the wire and verify signatures by botocore's."""
    clock = SystemClock()
    services = [
        ObjectService(ObjectStore(clock)),
        QueueService(QueueStore(clock, "123456789012", "us-east-1")),
    ]
    server = EmulatorServer(services, accounts={"AKIAEMULATED": "the-secret"}, clock=clock)
    await server.start()
    yield server.url
    await server.aclose()

    assert server.errors == []


@pytest.fixture(params=["moto", "emulator"])
async def opinion(
    request: pytest.FixtureRequest, moto: str, emulator: str, new_boto: NewBoto, transport: Http1Transport
) -> AsyncIterator[Opinion]:
    """Each server in turn."""
    boto = new_boto()
    boto.set_credentials("AKIAEMULATED", "the-secret")
    async for made in _opinion(boto, transport, moto if request.param == "moto" else emulator):
        yield made


async def _opinion(boto: AioSession, transport: Http1Transport, url: str) -> AsyncIterator[Opinion]:
    session = AwsSession(boto, region_name="us-east-1", endpoint_urls={"s3": url})
    await session.open()
    async with boto.create_client("s3", region_name="us-east-1", endpoint_url=url) as s3:
        await s3.create_bucket(Bucket="wire-bucket")
    yield Opinion(boto, session, transport, url)
    await session.aclose()


async def test_every_key_survives(opinion: Opinion) -> None:
    """Written, read, listed and deleted by the same name."""
    objects = opinion.objects
    for number, key in enumerate(ODD_KEYS):
        await objects.put(
            S3Location("wire-bucket", key), str(number).encode(), headers={"Content-Type": "a/b"}
        )
    bodies = [(await objects.get(S3Location("wire-bucket", key))).body for key in ODD_KEYS]
    pages = [page async for page in objects.list_keys(S3Location("wire-bucket", ""), max_keys=4)]
    for key in ODD_KEYS:
        await objects.delete(S3Location("wire-bucket", key))

    assert bodies == [str(number).encode() for number in range(len(ODD_KEYS))]
    assert sorted(listed.key for page in pages for listed in page) == sorted(ODD_KEYS)
    assert [len(page) for page in pages] == [4, 4, 1]
    with pytest.raises(NotFoundError):
        await objects.head(S3Location("wire-bucket", "plain.out"))


async def test_a_stream_goes_on_from_the_middle(opinion: Opinion) -> None:
    """Only while the object is the same."""
    at = S3Location("wire-bucket", "big")
    etag = await opinion.objects.put(at, b"0123456789" * 10_000, headers={"Content-Type": "text/plain"})
    async with opinion.objects.stream(at, if_match=etag, start=99_995) as stream:
        rest = b"".join([chunk async for chunk in stream.iter_bytes()])
    head = await opinion.objects.head(at)

    assert (rest, stream.size_bytes) == (b"56789", 100_000)
    assert (head.size_bytes, head.content_type, head.etag) == (100_000, "text/plain", etag)
    assert head.last_modified is not None


async def test_an_upload_in_parts_becomes_one_object(opinion: Opinion) -> None:
    """And one that was dropped becomes none."""
    at = S3Location("wire-bucket", "parts/€.bin")
    parts = [b"a" * (5 << 20), b"b"]
    upload_id = await opinion.objects.create_multipart(at, {"Content-Type": "a/b"})
    etags = [
        await opinion.objects.upload_part(at, upload_id, number, part) for number, part in enumerate(parts, 1)
    ]
    await opinion.objects.complete_multipart(at, upload_id, list(enumerate(etags, 1)))
    dropped = S3Location("wire-bucket", "dropped")
    await opinion.objects.abort_multipart(dropped, await opinion.objects.create_multipart(dropped, {}))

    stored = await opinion.objects.get(at)

    assert (stored.body, stored.content_type) == (b"".join(parts), "a/b")
    with pytest.raises(NotFoundError):
        await opinion.objects.get(dropped)


async def test_messages_are_received_shown_again_and_deleted(opinion: Opinion) -> None:
    """What a consumer does, and what it is told of receipts that are none."""
    async with opinion.boto.create_client("sqs", region_name="us-east-1", endpoint_url=opinion.url) as sqs:
        url = (await sqs.create_queue(QueueName="wire-queue"))["QueueUrl"]
        await sqs.send_message(QueueUrl=url, MessageBody="héllo")
    queue = Queue(opinion.calls, opinion.session, url)
    (first,) = await queue.receive(wait_seconds=1)
    shown = await queue.change_visibility([(first.receipt_handle, 0)])
    (second,) = await queue.receive(wait_seconds=1, visibility_timeout_seconds=60)
    failed = await queue.delete([second.receipt_handle, "no-receipt"])
    empty = await queue.receive(wait_seconds=0)
    attributes = await queue.attributes()

    assert (first.body, first.receive_count, second.receive_count) == ("héllo", 1, 2)
    assert first.sent_time is not None
    assert (shown, empty) == ([], [])
    assert [failure.receipt_handle for failure in failed] == ["no-receipt"]
    assert attributes["QueueArn"].endswith(":wire-queue")


async def test_a_queue_that_is_not_there_is_told(opinion: Opinion) -> None:
    """By either of its codes."""
    queue = Queue(opinion.calls, opinion.session, f"{opinion.url}/123456789012/nowhere")
    with pytest.raises(NotFoundError):
        await queue.receive(wait_seconds=0)


async def test_a_wrong_secret_is_told(emulator: str, new_boto: NewBoto, transport: Http1Transport) -> None:
    """By a server that verifies signatures."""
    boto = new_boto()
    boto.set_credentials("AKIAEMULATED", "the-secret")
    async for opinion in _opinion(boto, transport, emulator):
        boto.set_credentials("AKIAEMULATED", "another-secret")
        with pytest.raises(CredentialsError, match="SignatureDoesNotMatch"):
            await opinion.objects.get(S3Location("wire-bucket", "k"))
