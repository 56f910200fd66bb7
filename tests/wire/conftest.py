"""Sessions whose models are read once, and calls that go to the tests' own servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiobotocore.session import AioSession

from aio_sm_async.clock import VirtualClock
from aio_sm_async.wire.call import SignedCalls
from aio_sm_async.wire.http1 import Http1Transport
from aio_sm_async.wire.session import AwsSession

NewBoto = Callable[[], AioSession]


@pytest.fixture(scope="session")
def _loader() -> object:
    return AioSession().get_component("data_loader")


@pytest.fixture
def new_boto(_loader: object) -> NewBoto:
    """Makes sessions that share what has been read of botocore's models."""

    def make() -> AioSession:
        session = AioSession()
        session.register_component("data_loader", _loader)
        return session

    return make


@pytest.fixture
async def transport() -> AsyncIterator[Http1Transport]:
    """A transport without a proxy."""
    transport = Http1Transport(4, proxy=lambda url: None, ssl_context=None)
    yield transport
    await transport.aclose()


class Wire:
    """Signed calls to one server, which stands for all services."""

    def __init__(self, session: AwsSession, transport: Http1Transport) -> None:
        self.session = session
        self.counted: Counter[str] = Counter()
        self.clock = VirtualClock()
        self.calls = SignedCalls(
            session, transport, clock=self.clock, count=lambda operation: self.counted.update([operation])
        )


NewWire = Callable[[str], Awaitable[Wire]]


@pytest.fixture
async def new_wire(new_boto: NewBoto, transport: Http1Transport) -> AsyncIterator[NewWire]:
    """Makes a `Wire` to a server's URL."""
    sessions: list[AwsSession] = []

    async def make(url: str) -> Wire:
        urls = dict.fromkeys(("s3", "sagemaker-runtime", "sagemaker"), url)
        session = AwsSession(new_boto(), region_name="eu-west-1", endpoint_urls=urls)
        sessions.append(session)
        await session.open()
        return Wire(session, transport)

    yield make
    for session in sessions:
        await session.aclose()
