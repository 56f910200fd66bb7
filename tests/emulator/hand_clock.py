"""A clock for what never waits: it is set by hand, and needs no event loop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """The time it was set to."""
        return self.now

    def utc_now(self) -> datetime:
        """The same, as a date in 2026."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now)

    async def sleep_until(self, when: float) -> None:
        """Nobody may wait on this clock."""
        raise AssertionError(f"waited until {when}")
