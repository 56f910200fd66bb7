"""What a client has done so far, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aio_sm_async.prices import estimate_dollars

Counters = Counter[str]


@dataclass(frozen=True, slots=True)
class Statistics:
    """A snapshot of one client.

    Attributes:
        submitted: Requests that were registered.
        in_flight: Accepted or ambiguous, and without a completion yet.
        completed: Invocations with a result.
        failed: Invocations that the model, or SageMaker, failed.
        expired: Invocations that SageMaker gave up.
        deadline_passed: Invocations of which nothing was ever heard.
        rejected: Requests that SageMaker refused.
        abandoned: Invocations that nobody waited for any more.
        ambiguous: Requests whose answer was lost.
        resent: Requests that were sent again for that reason.
        throttled: Requests that were refused as one too many.
        resolved_by: Outcomes by the source that told of them.
        calls: AWS calls by operation, polls included.
        notifications: Messages received, and how many of them were duplicates, strangers, early, mismatched
            (with what we know), unreadable.
        pumps_restarted: Background tasks that died and were started again.
        max_concurrent_requests: The limit in force now.
        in_flight_limits: How many invocations may be in flight at each endpoint now, by its name.
        notifications_flow: Whether notifications can be relied on at the moment.
    """

    submitted: int
    in_flight: int
    completed: int
    failed: int
    expired: int
    deadline_passed: int
    rejected: int
    abandoned: int
    ambiguous: int
    resent: int
    throttled: int
    pumps_restarted: int
    max_concurrent_requests: int
    notifications_flow: bool
    in_flight_limits: Mapping[str, int] = field(default_factory=dict)
    resolved_by: Mapping[str, int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    notifications: Mapping[str, int] = field(default_factory=dict)

    @property
    def dollars(self) -> float:
        """What the calls so far cost, at list prices: an estimate; see `estimate_dollars`."""
        return estimate_dollars(self.calls)
