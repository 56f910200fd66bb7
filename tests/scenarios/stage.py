"""What scenarios are told with: clients of the emulator, and ways to wait for effects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.session import AioSession

from aio_sm_async import AsyncInferenceClient, S3Polling, SqsNotifications
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.emulator import Emulator
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.message_queue import Queue

FAST_POLLING = S3Polling(first_seconds=0.04, growth=1.2, max_interval_seconds=0.2)
"""For tests in which the result is found by polling, on the machine's own clock."""


class Clients:
    """Makes clients of one emulator, and closes those that it opened."""

    def __init__(self, aws: Emulator, loader: object, stack: AsyncExitStack) -> None:
        self._aws = aws
        self._loader = loader
        self._stack = stack

    def session(self) -> AioSession:
        """A session with the emulator's credentials; what was read of botocore's models is shared."""
        session = AioSession()
        session.register_component("data_loader", self._loader)
        session.set_credentials(self._aws.access_key_id, self._aws.secret_access_key)
        return session

    def new(self, endpoint: Endpoint | str | None = None, **settings: Any) -> AsyncInferenceClient:
        """A client that is not open yet. It listens to the endpoint's queue, if that has one."""
        urls = dict.fromkeys(("sagemaker-runtime", "sagemaker", "s3", "sqs"), self._aws.url)
        chosen: dict[str, Any] = {
            "session": self.session(),
            "region_name": self._aws.region,
            "endpoint_urls": urls,
            "close_timeout_seconds": 2.0,
        }
        if isinstance(endpoint, Endpoint) and endpoint.queue_url is not None:
            chosen["notifications"] = SqsNotifications([endpoint.queue_url])
        name = endpoint.name if isinstance(endpoint, Endpoint) else endpoint
        return AsyncInferenceClient(name, **(chosen | settings))

    async def open(self, endpoint: Endpoint | str | None = None, **settings: Any) -> AsyncInferenceClient:
        """A client that is open until the test ends."""
        return await self._stack.enter_async_context(self.new(endpoint, **settings))


async def until(condition: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Let everything else run until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nobody signals what a server has seen
            await asyncio.sleep(0)


async def pass_time(
    clock: VirtualClock, condition: Callable[[], bool], *, at_most: float, step: float = 5.0
) -> None:
    """Move the clock on, step by step with real I/O in between, until the condition holds."""
    end = clock.monotonic() + at_most
    while not condition():
        assert clock.monotonic() < end, f"it did not come to hold within {at_most} s"
        await clock.advance(step)
        for _ in range(30):
            await asyncio.sleep(0)


def queue_of(aws: Emulator, endpoint: Endpoint) -> Queue:
    """The queue that hears the endpoint's topics."""
    queue = aws.queues.by_url(endpoint.queue_url or "")
    assert queue is not None
    return queue


def left_in(queue: Queue) -> int:
    """How many messages are in the queue, visible or not."""
    now = queue.statistics()
    return now.visible + now.in_flight + now.delayed
