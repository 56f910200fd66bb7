"""How many requests may be open at once: halved by throttling, raised one by one by success.

Additive increase, multiplicative decrease: it finds a quota that AWS does not publish, and leaves room for
others who share it. The numbers are this package's choice.
"""

from __future__ import annotations


class AdaptiveLimit:
    """A limit on concurrency that learns from the answers.

    Attributes:
        ceiling: Never above this; also where it begins.
        floor: Never below this.
        hold_seconds: Throttles this close after a halving belong to the same burst.

    Raises:
        ValueError: Not ``1 <= floor <= ceiling``.
    """

    __slots__ = ("_halved_at", "_limit", "_successes", "ceiling", "floor", "hold_seconds")

    def __init__(self, ceiling: int, floor: int = 1, *, hold_seconds: float = 1.0) -> None:
        if not 1 <= floor <= ceiling:
            raise ValueError(f"limit: takes 1 <= floor <= ceiling, got floor {floor} and ceiling {ceiling}")
        self.ceiling = ceiling
        self.floor = floor
        self.hold_seconds = hold_seconds
        self._limit = ceiling
        # Since the limit last changed.
        self._successes = 0
        # When throttling last counted; None before the first time.
        self._halved_at: float | None = None

    def __repr__(self) -> str:
        return f"<AdaptiveLimit {self._limit} of {self.floor}..{self.ceiling}>"

    @property
    def limit(self) -> int:
        """How many requests may be open now."""
        return self._limit

    def throttled(self, now: float) -> None:
        """Halve the limit, unless this throttle belongs to a burst that has halved it already.

        Args:
            now: Seconds on any clock that does not run backwards.
        """
        if self._halved_at is not None and now - self._halved_at < self.hold_seconds:
            return
        self._halved_at = now
        self._successes = 0
        self._limit = max(self.floor, self._limit // 2)

    def succeeded(self, now: float) -> None:  # noqa: ARG002 - told like `throttled`; today's rule needs no time
        """Raise the limit by one after as many successes as it admits at once."""
        if self._limit == self.ceiling:
            return
        self._successes += 1
        if self._successes >= self._limit:
            self._successes = 0
            self._limit += 1
