"""A whole client and a whole AWS, with real HTTP between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiobotocore.session import AioSession

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.emulator import Emulator
from tests.scenarios.stage import Clients


@pytest.fixture(scope="session")
def _loader() -> object:
    return AioSession().get_component("data_loader")


@pytest.fixture
async def aws() -> AsyncIterator[Emulator]:
    """SageMaker, S3, SQS and SNS, on the machine's own clock."""
    async with Emulator() as emulator:
        yield emulator

    assert emulator.errors == []


@pytest.fixture
async def clients(aws: Emulator, _loader: object) -> AsyncIterator[Clients]:
    """Clients of ``aws``."""
    async with AsyncExitStack() as stack:
        yield Clients(aws, _loader, stack)


@pytest.fixture
def clock() -> VirtualClock:
    """Time that stands still until the test moves it."""
    return VirtualClock()


@pytest.fixture
async def slow_aws(clock: VirtualClock) -> AsyncIterator[Emulator]:
    """The same services as ``aws``, on the clock of the test."""
    async with Emulator(clock=clock) as emulator:
        yield emulator

    assert emulator.errors == []


@pytest.fixture
async def slow_clients(slow_aws: Emulator, _loader: object) -> AsyncIterator[Clients]:
    """Clients of ``slow_aws``; give them its clock."""
    async with AsyncExitStack() as stack:
        yield Clients(slow_aws, _loader, stack)
