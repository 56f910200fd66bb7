"""When the next request may go, if only so many may go each second."""

from __future__ import annotations

BURST_SECONDS = 0.1
"""What was saved up for so long may go at once: timers are too coarse for each of a thousand a second."""


class EvenRate:
    """Spreads requests evenly.

    In any ``seconds`` it lets ``per_second * (seconds + BURST_SECONDS)`` go, and one more.

    Attributes:
        per_second: How many.

    Raises:
        ValueError: It is not above 0.
    """

    __slots__ = ("_next_at", "per_second")

    def __init__(self, per_second: float) -> None:
        if not per_second > 0:
            raise ValueError(f"per_second: must be above 0, got {per_second!r}")
        self.per_second = per_second
        # When the next would go if each kept its distance exactly.
        self._next_at: float | None = None

    def __repr__(self) -> str:
        return f"<EvenRate {self.per_second:g} a second>"

    def ready_at(self, now: float) -> float:
        """When the next may go; not after ``now`` if it may at once."""
        return now if self._next_at is None else self._next_at - BURST_SECONDS

    def take(self, now: float) -> None:
        """One goes now, at `ready_at` or later."""
        self._next_at = max(now, self._next_at or now) + 1 / self.per_second
