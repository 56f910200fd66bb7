"""How long the steps of the event loop take: while one runs, nothing else does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

_FINEST_MS = 1.0


class Steps:
    """Counts the steps, and keeps the long ones.

    CPU time is taken, not time on the clock: on a busy machine a step may be put aside in the middle.

    Attributes:
        count: How many there were.
        long_ms: Those above a millisecond, in milliseconds.
    """

    def __init__(self) -> None:
        self.count = 0
        self.long_ms: list[float] = []

    @property
    def longest_ms(self) -> float:
        """The longest of all, or 1 if none was that long."""
        return max(self.long_ms, default=_FINEST_MS)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch all steps of the loops of this process, those of asyncio's own in Python only."""
        run = asyncio.Handle._run  # noqa: SLF001 - asyncio tells of slow steps in debug mode only, by the clock
        clock, long_ms = time.thread_time, self.long_ms

        def timed(handle: asyncio.Handle) -> None:
            started = clock()
            run(handle)
            took = (clock() - started) * 1e3
            self.count += 1
            if took > _FINEST_MS:
                long_ms.append(took)

        asyncio.Handle._run = timed  # type: ignore[assignment,method-assign]  # noqa: SLF001 - as above
        try:
            yield
        finally:
            asyncio.Handle._run = run  # type: ignore[method-assign]  # noqa: SLF001 - as above
