"""The line of long polls at a queue: each has one future, and one task minds the clock for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from aio_sm_async.emulator.clock import Clock


@dataclass(slots=True, eq=False)
class LongPoll:
    """One receive that waits.

    Attributes:
        limit: How many messages it takes at most.
        visibility_seconds: For how long it hides them.
        deadline: When it gives up, on the monotonic clock.
        woken: Done once there may be a message, or nothing to wait for; cancelled if its client has gone.
    """

    limit: int
    visibility_seconds: float
    deadline: float
    woken: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def deserted(self) -> bool:
        """Whether its client went away while it waited."""
        return self.woken.cancelled()

    def wake(self) -> None:
        """Let it look for messages, or at its deadline."""
        if not self.woken.done():
            self.woken.set_result(None)


class WaitingPolls:
    """Polls in the order in which they came.

    Args:
        clock: Whose time it is.
        look: Called when the clock has reached the moment that `mind` was given, or a poll's deadline.
    """

    def __init__(self, clock: Clock, look: Callable[[], None]) -> None:
        self._clock = clock
        self._look = look
        self._line: deque[LongPoll] = deque()
        self._watch: asyncio.Task[None] | None = None
        self._watch_until = 0.0

    def __len__(self) -> int:
        return len(self._line)

    def join(self, poll: LongPoll) -> None:
        """Put a poll at the end of the line; deserted ones at its head that are out of time go."""
        now = self._clock.monotonic()
        while self._line and self._line[0].deserted and self._line[0].deadline <= now:
            self._line.popleft()
        self._line.append(poll)

    def leave(self, poll: LongPoll) -> None:
        """Take a poll out of the line."""
        self._line.remove(poll)

    def next(self) -> LongPoll | None:
        """Take the first poll out of the line that has time left; None if there is none."""
        now = self._clock.monotonic()
        while self._line:
            poll = self._line.popleft()
            if not poll.deserted or poll.deadline > now:
                return poll
        return None

    def wake_all(self) -> None:
        """Empty the line: there is nothing to wait for any more."""
        while self._line:
            self._line.popleft().wake()
        self._stop_watch()

    def mind(self, moment: float | None) -> None:
        """Look at ``moment`` or before it, and at each deadline; with nobody waiting, at none.

        A look that comes too early does no harm, so that a later moment need not disturb the watch.
        """
        wishes = [poll.deadline for poll in self._line if not poll.deserted]
        if not wishes:
            self._stop_watch()
            return
        until = min(wishes) if moment is None else min(moment, *wishes)
        if self._watch is not None and self._watch_until <= until:
            return
        self._stop_watch()
        self._watch_until = until
        self._watch = asyncio.create_task(self._wait(until), name="emulator queue watch")

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _wait(self, until: float) -> None:
        await self._clock.sleep_until(until)
        self._watch = None
        now = self._clock.monotonic()
        for poll in [each for each in self._line if each.deadline <= now]:
            self._line.remove(poll)
            poll.wake()
        self._look()
