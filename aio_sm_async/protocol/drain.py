"""How many requests an endpoint may hold, so that none of them waits too long in SageMaker's queue.

SageMaker drops a request that has waited for its TTL, and tells nobody how long its queue is. What can be
seen is how fast requests come back. Little's law makes a limit of that: of a queue that is worked off at
``rate``, and that holds no more than ``rate * seconds``, nobody waits longer than ``seconds``::

    limit = rate * (service time + TTL / 5)

* The rate is counted over a fifth of the TTL and two service times, of busy time only: while nothing is in
  flight, silence means nothing. So it follows instances that go and come, and an endpoint that falls silent
  is sent less and less.
* The service time is that of requests that found the endpoint all but empty. The time that others take cannot
  stand for it, since they have waited: a limit that follows their time would lengthen it, and so itself.
  With it in the sum, the limit also grows where one inference takes longer than a fifth of the TTL.
* A fifth, for the rate is only an estimate: so the wait stays below a quarter. The rest is for instances that
  go: three of four may, and what is queued already is still done in time.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

START_IN_FLIGHT = 100
"""The limit while nothing has come back yet.

An endpoint at zero instances takes minutes to wake, and wakes for a backlog: so it must be given one. Even a
single instance that needs 200 s for each of a hundred is done with them within the default TTL, 6 hours.
"""

DEFAULT_TTL_SECONDS = 21_600
"""What SageMaker takes if a request names no TTL."""

TTL_SHARE = 0.2
"""The part of its TTL that a request is expected to wait."""

MIN_SPAN_SECONDS = 5.0
MIN_SPAN_SHARE = 1 / 180
"""A rate is never taken from less, nor from less than this part of the TTL: 120 s of the default. One quick
answer would open everything."""

SERVICE_WEIGHT = 1 / 32
"""What a new service time counts at least beside those before it."""

EMPTY_SHARE = 0.75
"""Whoever finds fewer than this part of the busy slots taken does not wait, as far as can be told."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request on its way in.

    Attributes:
        at: When.
        company: How many others were in flight.
    """

    at: float
    company: int


class Drain:
    """Follows how fast one endpoint works off what it is sent.

    Times are seconds on any clock that does not run backwards.

    Args:
        start: The limit until something has come back.

    Attributes:
        in_flight: How many are on their way or in the endpoint.
    """

    __slots__ = (
        "_busy_since",
        "_busy_slots",
        "_busy_until",
        "_completions",
        "_service_seconds",
        "_services",
        "_start",
        "in_flight",
    )

    def __init__(self, start: int = START_IN_FLIGHT) -> None:
        assert start > 0
        self.in_flight = 0
        self._start = start
        self._completions = RunningCount()
        # None until the first comes back.
        self._service_seconds: float | None = None
        self._services = 1
        # How many were worked on at once, when the limit was last asked for.
        self._busy_slots = 0.0
        # Busy time up to the last change between idle and busy, and when that was: it stands while idle.
        self._busy_until = 0.0
        self._busy_since: float | None = None

    def __repr__(self) -> str:
        return f"<Drain {self.in_flight} in flight, {self._completions.total} done>"

    def entered(self, now: float) -> Entry:
        """A request is sent; hand what is returned to `completed` or `left`."""
        if self._busy_since is None:
            self._busy_since = now
        self.in_flight += 1
        return Entry(now, self.in_flight - 1)

    def left(self, now: float) -> None:
        """A request is in flight no more, however that came."""
        self.in_flight -= 1
        if not self.in_flight:
            self._busy_until = self._busy(now)
            self._busy_since = None

    def completed(self, entry: Entry, now: float) -> None:
        """The endpoint has answered a request that is in flight; `left` follows."""
        seconds = now - entry.at
        if self._service_seconds is None:
            self._service_seconds = seconds
        elif entry.company <= max(1.0, EMPTY_SHARE * self._busy_slots):
            self._services += 1
            weight = max(SERVICE_WEIGHT, 1 / self._services)
            self._service_seconds += weight * (seconds - self._service_seconds)
        self._completions.add(self._busy(now), seconds)

    def limit(self, now: float, ttl_seconds: float) -> int:
        """How many may be in flight, if each is to have such a TTL."""
        if self._service_seconds is None:
            return self._start
        share = TTL_SHARE * ttl_seconds
        least = max(MIN_SPAN_SECONDS, MIN_SPAN_SHARE * ttl_seconds)
        rate, seconds = self._rate(now, least, share + 2 * self._service_seconds)
        service = min(self._service_seconds, seconds)  # all took less: what was first was slow by chance
        self._busy_slots = rate * service
        return max(1, math.ceil(rate * (service + share)))

    def _busy(self, now: float) -> float:
        return self._busy_until + (0.0 if self._busy_since is None else now - self._busy_since)

    def _rate(self, now: float, least_seconds: float, most_seconds: float) -> tuple[float, float]:
        """Completions a second, and how long each took on average."""
        busy = self._busy(now)
        span = max(least_seconds, min(busy, most_seconds))
        count, seconds = self._completions.since(busy - span)
        return count / span, seconds / count if count > 0 else math.inf


class RunningCount:
    """Counts completions and adds up their seconds; tells how many came since any moment, about.

    It remembers the count at some moments, fewer the longer ago they are, and assumes an even flow between.
    """

    __slots__ = ("_counts", "_moments", "_sums", "_thin_at", "_total_seconds", "total")

    GRAIN_SECONDS = 0.25
    """Completions closer to each other share a moment."""

    RESOLUTION = 1 / 64
    """Moments are this part of their age apart at least."""

    LONGEST_SECONDS = 16_000.0
    """Nobody asks for more: a fifth of the longest TTL, and twice the longest inference with some room."""

    SLACK = 128
    """How many moments may be added before some are forgotten."""

    def __init__(self) -> None:
        self.total = 0
        self._total_seconds = 0.0
        self._moments = [0.0]
        self._counts = [0]
        self._sums = [0.0]
        self._thin_at = self.SLACK

    def __len__(self) -> int:
        """How many moments are remembered."""
        return len(self._moments)

    def add(self, moment: float, seconds: float) -> None:
        """One more, not before any that was added."""
        self.total += 1
        self._total_seconds += seconds
        if len(self._moments) > 1 and moment - self._moments[-1] < self.GRAIN_SECONDS:
            self._counts[-1] = self.total
            self._sums[-1] = self._total_seconds
            return
        self._moments.append(moment)
        self._counts.append(self.total)
        self._sums.append(self._total_seconds)
        if len(self._moments) > self._thin_at:
            self._thin(moment)

    def since(self, moment: float) -> tuple[float, float]:
        """How many were added after ``moment``, and their seconds."""
        after = bisect_right(self._moments, moment)
        if not after:
            return self.total - self._counts[0], self._total_seconds - self._sums[0]
        if after == len(self._moments):
            return 0.0, 0.0
        before = after - 1
        width = self._moments[after] - self._moments[before]
        part = (self._moments[after] - moment) / width
        rest = 1 - part
        count = self._counts[before] * part + self._counts[after] * rest
        seconds = self._sums[before] * part + self._sums[after] * rest
        return self.total - count, self._total_seconds - seconds

    def _thin(self, now: float) -> None:
        kept: list[int] = []
        for index, moment in enumerate(self._moments):
            age = now - moment
            if age > self.LONGEST_SECONDS:
                kept = [index]  # what lies before is of interest to nobody
            elif moment - self._moments[kept[-1]] >= age * self.RESOLUTION if kept else True:
                kept.append(index)
        self._moments = [self._moments[index] for index in kept]
        self._counts = [self._counts[index] for index in kept]
        self._sums = [self._sums[index] for index in kept]
        self._thin_at = len(kept) + self.SLACK
