"""An event loop on which waiting takes no time: a minute between two events passes in a blink.

Client and server run on it together. While anything is ready, its clock stands still; when nothing is, the
clock jumps to the next timer. So the minute of an inference is counted as it would happen, poll by poll, on
the real code, at the price of the code alone.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aio_sm_async.clock import SystemClock

T = TypeVar("T")

_SETTLE_SECONDS = 0.0005
_EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for nothing but real events; the rest of the time is jumped over."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.holds = False
        self.working = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or self.holds or self.working:
            return super().select(timeout)
        # What was just written to a socket of this process may take a moment to be readable.
        events = super().select(0) or (super().select(_SETTLE_SECONDS) if timeout > 0 else [])
        if not events and timeout > 0:
            self.now += timeout
        return events


class WarpedLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose time is its own."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The loop's own time."""
        return self._jumping.now

    async def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> T:  # type: ignore[override]
        """Let the clock stand still while a worker thread does something."""
        self._jumping.working += 1
        try:
            return await super().run_in_executor(executor, func, *args)
        finally:
            self._jumping.working -= 1

    def hold(self, *, still: bool) -> None:
        """Let waiting take its time, and the clock stand still, while worker threads do something."""
        self._jumping.holds = still


class WarpedClock(SystemClock):
    """The loop's time as a `Clock` for clients."""

    def monotonic(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    def utc_now(self) -> datetime:
        """A day in November, and the loop's time on top."""
        return _EPOCH + timedelta(seconds=self.monotonic())

    async def sleep_until(self, when: float) -> None:
        """Sleep on the loop."""
        await asyncio.sleep(max(0.0, when - self.monotonic()))

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        """A timeout on the loop."""
        return asyncio.timeout_at(when)


def run_warped(main: Callable[[WarpedLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop of its own."""
    with asyncio.Runner(loop_factory=WarpedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, WarpedLoop)
        return runner.run(main(loop))
