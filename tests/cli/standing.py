"""An emulator that stands beside a test which is no coroutine, as another machine would."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aio_sm_async.emulator import Emulator, Endpoint
from aio_sm_async.emulator.model import Model


class Standing:
    """The emulator, and a way to call what belongs to its event loop."""

    def __init__(self, aws: Emulator, loop: asyncio.AbstractEventLoop) -> None:
        self.aws = aws
        self._loop = loop
        self._names = iter(range(10_000))

    def endpoint(self, model: Model, name: str = "", **settings: object) -> Endpoint:
        """A new endpoint, with a name of its own if it is given none."""
        settings.setdefault("max_concurrent_invocations_per_instance", 20)
        making = self.aws.create_endpoint(name or f"endpoint-{next(self._names)}", model, **settings)  # type: ignore[arg-type]
        return asyncio.run_coroutine_threadsafe(making, self._loop).result(10)

    def bucket(self, name: str) -> str:
        """Make a bucket."""
        self.call(lambda: self.aws.objects.create_bucket(name, self.aws.region))
        return name

    def call(self, work: Callable[[], object]) -> object:
        """Do it in the emulator's loop."""

        async def working() -> object:
            return work()

        return asyncio.run_coroutine_threadsafe(working(), self._loop).result(10)


@contextmanager
def standing() -> Iterator[Standing]:
    """Stand it up in a thread, and take it down."""
    ready: list[Standing] = []
    is_ready = threading.Event()
    over: list[asyncio.Event] = []

    async def serve() -> None:
        async with Emulator() as aws:
            over.append(asyncio.Event())
            ready.append(Standing(aws, asyncio.get_running_loop()))
            is_ready.set()
            await over[0].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert is_ready.wait(10)
    try:
        yield ready[0]
    finally:
        ready[0].call(over[0].set)
        thread.join(10)
    assert ready[0].aws.errors == []
