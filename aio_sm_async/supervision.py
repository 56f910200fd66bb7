"""The client's own set of tasks: none is forgotten, none ends in silence.

They belong to no TaskGroup and no cancel scope, so that a client may be opened in one task and closed in
another, as notebooks, fixtures and lifespans do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from aio_sm_async.clock import Clock
from aio_sm_async.protocol.backoff import full_jitter

logger = logging.getLogger("aio_sm_async")


class Supervisor:
    """Starts tasks, starts pumps anew when they die, and ends all at close."""

    def __init__(self, clock: Clock) -> None:
        self.restarts = 0
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Supervisor {len(self._tasks)} tasks, {self.restarts} restarts>"

    def spawn(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """Run ``work`` beside everything else. What it raises is logged: it should have dealt with it."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep_running(self, pump: Callable[[], Coroutine[object, object, None]], *, name: str) -> None:
        """Run a pump that should never end, and run it anew, ever later, whenever it dies."""
        self.spawn(self._keep_running(pump, name), name=name)

    async def aclose(self) -> None:
        """Cancel all tasks, those too that they start while they end, and wait until all have ended."""
        while tasks := tuple(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_running(self, pump: Callable[[], Coroutine[object, object, None]], name: str) -> None:
        deaths = 0
        while True:
            started = self._clock.monotonic()
            try:
                await pump()
            except asyncio.CancelledError:
                if is_being_cancelled():
                    raise
                logger.exception("%s waited for something that was cancelled, and is started anew", name)
            except Exception:
                logger.exception("%s died and is started anew", name)
            else:
                logger.error("%s ended though it should not, and is started anew", name)
            self.restarts += 1
            deaths = 1 if self._clock.monotonic() - started > 60 else deaths + 1
            delay = full_jitter(deaths, 0.999, base_seconds=0.1, cap_seconds=30.0)
            await self._clock.sleep_until(self._clock.monotonic() + delay)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)


def is_being_cancelled() -> bool:
    """Whether a `CancelledError` is meant for the running task; if not, what it waited for was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
