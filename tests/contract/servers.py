"""The servers that the contract is spoken to: each is a URL and credentials, no more."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from aio_sm_async.emulator import Emulator

# Shared, because it keeps botocore's models: a client costs milliseconds then.
_SESSION = get_session()


@dataclass(frozen=True)
class Server:
    """Somebody who claims to speak S3, SQS and SNS.

    Attributes:
        name: What the table of quirks calls it.
        url: Where it listens; None for AWS itself.
        access_key_id: Whose credentials.
        secret_access_key: Their secret.
        session_token: Theirs, where they are temporary.
        region: Where buckets, queues and topics are made.
        lasts: Whether it is there after the run, and so must be left as it was found.
    """

    name: str
    url: str | None
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    region: str = "us-east-1"
    lasts: bool = False

    def client(self, service: str, **credentials: str) -> AbstractAsyncContextManager[Any]:
        """A plain aiobotocore client that asks once: what the server answers is what the test sees."""
        signed_by = {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_session_token": self.session_token,
        }
        config = AioConfig(
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path" if self.url else "auto"},
        )
        return _SESSION.create_client(
            service, region_name=self.region, endpoint_url=self.url, config=config, **signed_by | credentials
        )


@contextmanager
def serving_emulator() -> Iterator[Server]:
    """The project's own emulator, once for the whole run, in a loop of its own as in another process."""
    started: Future[tuple[Emulator, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_live(started)), name="emulator")
    thread.start()
    aws, loop, end = started.result(timeout=10)
    try:
        yield Server("emulator", aws.url, aws.access_key_id, aws.secret_access_key, region=aws.region)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(timeout=10)


async def _live(started: Future[tuple[Emulator, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    try:
        async with Emulator() as aws:
            end = asyncio.Event()
            started.set_result((aws, asyncio.get_running_loop(), end))
            await end.wait()
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


@contextmanager
def serving_moto() -> Iterator[Server]:
    """Moto in a thread: the mock that everyone knows, and another reading of AWS's documentation."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        yield Server("moto", f"http://{host}:{port}", "test", "test")
    finally:
        moto.stop()
