"""Time as an argument: everything that waits, or that asks what time it is, asks a `Clock`."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the client, its sources and the emulator know of time."""

    def monotonic(self) -> float:
        """Seconds that only ever grow. Every deadline is a value of this."""
        ...

    def utc_now(self) -> datetime:
        """The wall clock, aware and in UTC. For signatures and for people, never for timers."""
        ...

    async def sleep_until(self, when: float) -> None:
        """Return once `monotonic()` has reached ``when``; at once, yet after one loop step, if it has."""
        ...

    def timeout_at(self, when: float | None) -> AbstractAsyncContextManager[object]:
        """Like `asyncio.timeout_at`, on this clock: at ``when`` cancel the body, and raise TimeoutError."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds on the clock that asyncio's loops use."""
        return time.monotonic()

    def utc_now(self) -> datetime:
        """The machine's wall clock."""
        return datetime.now(UTC)

    async def sleep_until(self, when: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(max(0.0, when - time.monotonic()))

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        """`asyncio.timeout`, its deadline moved to the running loop's own time."""
        return asyncio.timeout(None if when is None else max(0.0, when - time.monotonic()))


class VirtualClock:
    """A clock that stands still until `advance` is called: for tests, of yours as of ours."""

    def __init__(self, now: float = 1000.0, utc: datetime | None = None) -> None:
        self._now = now
        self._utc = utc or datetime(2026, 1, 1, tzinfo=UTC)
        self._order = itertools.count()
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []

    def __repr__(self) -> str:
        return f"<VirtualClock {self._now:.3f}, {len(self._alarms)} alarms>"

    def monotonic(self) -> float:
        """The virtual time."""
        return self._now

    def utc_now(self) -> datetime:
        """The virtual wall clock; it moves along with `advance`."""
        return self._utc

    async def sleep_until(self, when: float) -> None:
        """Sleep until `advance` has brought the clock to ``when``."""
        if when <= self._now:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        self._alarm(when, lambda: None if woken.done() else woken.set_result(None))
        await woken

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        """A timeout that goes off when `advance` has brought the clock to ``when``; at once, if it has."""
        if when is not None and when <= self._now:
            return asyncio.timeout(0)
        timeout = asyncio.timeout(None)
        loop = asyncio.get_running_loop()

        def ring() -> None:
            try:
                timeout.reschedule(loop.time())
            except RuntimeError:  # its body has ended
                return

        if when is not None:
            self._alarm(when, ring)
        return timeout

    async def advance(self, seconds: float) -> None:
        """Move time forward, ringing each alarm at its own moment and letting tasks run in between.

        Real I/O that a woken task starts is not waited for: wait for its effect instead.
        """
        end = self._now + seconds
        await self._settle()
        while self._alarms and self._alarms[0][0] <= end:
            self._move_to(max(self._alarms[0][0], self._now))
            while self._alarms and self._alarms[0][0] <= self._now:
                heapq.heappop(self._alarms)[2]()
            await self._settle()
        self._move_to(end)
        await self._settle()

    def _alarm(self, when: float, ring: Callable[[], None]) -> None:
        heapq.heappush(self._alarms, (when, next(self._order), ring))

    def _move_to(self, when: float) -> None:
        self._utc += timedelta(seconds=when - self._now)
        self._now = when

    @staticmethod
    async def _settle() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
