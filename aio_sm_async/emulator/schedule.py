"""Many moments of one clock, watched by one task: queue TTLs, time limits, notifications held back."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable

from aio_sm_async.emulator.clock import Clock

# Most entries are cancelled long before their moment; fewer dead ones than this are not worth a sweep.
_SWEEP_FROM = 256


class Scheduled:
    """Something that will be done, unless it is cancelled."""

    __slots__ = ("_act", "_schedule")

    def __init__(self, schedule: Schedule, act: Callable[[], None]) -> None:
        self._schedule = schedule
        self._act: Callable[[], None] | None = act

    @property
    def pending(self) -> bool:
        """Whether it has neither been done nor cancelled."""
        return self._act is not None

    def cancel(self) -> None:
        """Never do it. Cancelling twice, or after it was done, changes nothing."""
        if self._act is not None:
            self._act = None
            self._schedule.note_cancelled()

    def perform(self) -> None:
        """Do it, for the first and last time."""
        act, self._act = self._act, None
        if act is not None:
            act()


class Schedule:
    """Calls functions at moments of the clock, until it is closed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Scheduled]] = []
        self._order = itertools.count()
        self._cancelled = 0
        self._closed = False
        self._wakes_at = math.inf
        self._watch: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Schedule {len(self)} pending>"

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def at(self, when: float, act: Callable[[], None]) -> Scheduled:
        """Arrange that ``act`` is called once the clock reaches ``when``; never once this is closed."""
        scheduled = Scheduled(self, act)
        if not self._closed:
            heapq.heappush(self._heap, (when, next(self._order), scheduled))
            if when < self._wakes_at:
                self._watch_from(when)
        return scheduled

    def after(self, seconds: float, act: Callable[[], None]) -> Scheduled:
        """Arrange that ``act`` is called ``seconds`` from now."""
        return self.at(self._clock.monotonic() + seconds, act)

    def note_cancelled(self) -> None:
        """Count a cancelled entry, and sweep when they outnumber the others."""
        if self._closed:
            return
        self._cancelled += 1
        if len(self._heap) > _SWEEP_FROM and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].pending]
            heapq.heapify(self._heap)
            self._cancelled = 0

    async def aclose(self) -> None:
        """Do nothing of what is left."""
        self._closed = True
        self._heap.clear()
        self._cancelled = 0
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None

    def _watch_from(self, when: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._wakes_at = when
        self._watch = asyncio.get_running_loop().create_task(self._keep_watch(), name="emulator schedule")

    async def _keep_watch(self) -> None:
        while self._heap:
            self._wakes_at = self._heap[0][0]
            await self._clock.sleep_until(self._wakes_at)
            self._perform_due()
        self._wakes_at = math.inf

    def _perform_due(self) -> None:
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            _, _, scheduled = heapq.heappop(self._heap)
            if scheduled.pending:
                scheduled.perform()
            else:
                self._cancelled -= 1
