"""Time as an argument: the emulator asks a `Clock` what time it is, and waits on it.

Any object of this shape will do; the client's virtual clock is one, so that a test moves both at once.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the emulator knows of time."""

    def monotonic(self) -> float:
        """Seconds that only ever grow. Every deadline is a value of this."""
        ...

    def utc_now(self) -> datetime:
        """The wall clock, aware and in UTC. For timestamps that callers see, never for timers."""
        ...

    async def sleep_until(self, when: float) -> None:
        """Return once `monotonic()` has reached ``when``."""
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
