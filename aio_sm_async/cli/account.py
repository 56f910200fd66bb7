"""What has become of a run's items so far, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from aio_sm_async.prices import estimate_dollars
from aio_sm_async.statistics import Statistics


@dataclass(slots=True)
class Account:
    """Counted as the run goes.

    Attributes:
        succeeded: Results written in this run.
        failed: Errors written in this run.
        unfinished: Items that were read, and whose end this run did not see.
        already_there: Items that an earlier run has written, and that were skipped.
        already_failed: Those of an earlier run that are in the errors file.
        read: Items read from the source.
        total: Items of the source; None while that is not known.
    """

    succeeded: int = 0
    failed: int = 0
    unfinished: int = 0
    already_there: int = 0
    already_failed: int = 0
    read: int = 0
    total: int | None = None

    @property
    def done(self) -> int:
        """Items that this run is through with."""
        return self.succeeded + self.failed + self.already_there

    def left(self) -> int | None:
        """Items that are not done; None while nobody knows."""
        return None if self.total is None else max(0, self.total - self.done)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What AWS was asked for.

    Attributes:
        in_flight: Requests that were sent and have no outcome.
        throttled: Requests that were refused as one too many.
        resent: Requests that were sent twice, since the first answer was lost.
        calls: Calls by operation.
    """

    in_flight: int = 0
    throttled: int = 0
    resent: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def dollars(self) -> float:
        """What the calls cost, at list prices."""
        return estimate_dollars(self.calls)


def traffic_of(statistics: Statistics, own_calls: Counter[str]) -> Traffic:
    """What the client has sent, and what the command itself has."""
    return Traffic(
        statistics.in_flight,
        statistics.throttled,
        statistics.resent,
        Counter(statistics.calls) + own_calls,
    )
