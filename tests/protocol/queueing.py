"""An endpoint as a queue with slots, played without a loop or a clock: what a `Drain` would do to it."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aio_sm_async.protocol.drain import START_IN_FLIGHT, Drain, Entry


@dataclass(slots=True)
class Course:
    """What came of it.

    Attributes:
        done: Requests that were answered.
        expired: Requests that waited for their TTL.
        idle_seconds: Slots times the seconds that they had nothing to do, though there was something to send.
        longest_wait: In the endpoint's queue.
        seconds: Until the last was answered.
        limits: The limit after each event, with its moment.
    """

    done: int = 0
    expired: int = 0
    idle_seconds: float = 0.0
    longest_wait: float = 0.0
    seconds: float = 0.0
    limits: list[tuple[float, int]] = field(default_factory=list)

    def limit_at(self, moment: float) -> int:
        """The limit after the last answer up to this moment."""
        return [limit for when, limit in self.limits if when <= moment][-1]


class Endpoint:
    """A queue, and slots that work it off."""

    def __init__(
        self, slots: int, service: float | Callable[[], float], ttl: float, start: int = START_IN_FLIGHT
    ) -> None:
        self.course = Course()
        self._drain = Drain(start)
        self._slots = slots
        self._service = service if callable(service) else lambda: service
        self._ttl = ttl
        self._now = 0.0
        self._unsent = 0
        self._busy = 0
        self._queue: deque[Entry] = deque()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def play(
        self,
        items: int,
        *,
        scale: Iterable[tuple[float, int]] = (),
        more: Iterable[tuple[float, int]] = (),
    ) -> Course:
        """Send so many at once, ``more`` of them and other ``scale`` later; to the end."""
        self._unsent = items
        for when, slots in scale:
            self._at(when, lambda slots=slots: self._scale(slots))
        for when, count in more:
            self._at(when, lambda count=count: self._add(count))
        self._move()
        while self._events:
            when, _, act = heapq.heappop(self._events)
            if self._unsent:
                self.course.idle_seconds += (when - self._now) * max(0, self._slots - self._busy)
            self._now = when
            act()
            self._move()
        return self.course

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), act))

    def _scale(self, slots: int) -> None:
        self._slots = slots

    def _add(self, count: int) -> None:
        self._unsent += count

    def _move(self) -> None:
        limit = self._drain.limit(self._now, self._ttl)
        self.course.limits.append((self._now, limit))
        while self._send(limit) or self._start():
            pass

    def _send(self, limit: int) -> bool:
        if not self._unsent or self._drain.in_flight >= limit:
            return False
        self._unsent -= 1
        self._queue.append(self._drain.entered(self._now))
        return True

    def _start(self) -> bool:
        if not self._queue or (self._busy >= self._slots and self._now - self._queue[0].at < self._ttl):
            return False
        entry = self._queue.popleft()
        if self._now - entry.at >= self._ttl:
            self.course.expired += 1
            self._drain.left(self._now)
            return True
        self.course.longest_wait = max(self.course.longest_wait, self._now - entry.at)
        self._busy += 1
        self._at(self._now + self._service(), lambda: self._answer(entry))
        return True

    def _answer(self, entry: Entry) -> None:
        self._busy -= 1
        self._drain.completed(entry, self._now)
        self._drain.left(self._now)
        self.course.done += 1
        self.course.seconds = self._now
