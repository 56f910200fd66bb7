"""How far a fan-out has come, and whoever wants to hear of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger("aio_sm_async")


@dataclass(frozen=True, slots=True)
class FanOutProgress:
    """A snapshot of one `map` or `as_completed`.

    Attributes:
        submitted: Items whose request was sent and not refused.
        in_flight: Those of them without an outcome.
        done: Items with an outcome, those that failed among them.
        failed: Items whose outcome is an error.
        skipped: Items that an earlier process has handed out already; they are in none of the other counts.
    """

    submitted: int = 0
    in_flight: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0


class Tally:
    """Counts, and tells each change.

    Args:
        listener: Called with a snapshot after each change. If it raises, that is logged, and it is called
            no more: a broken bar must not break the work.
        close: Called once there will be no more changes. If it raises, that is logged, too.
    """

    def __init__(
        self, listener: Callable[[FanOutProgress], object] | None, close: Callable[[], object] | None = None
    ) -> None:
        self._listener = listener
        self._close = close
        self._submitted = 0
        self._landed = 0
        self._done = 0
        self._failed = 0
        self._skipped = 0

    @property
    def now(self) -> FanOutProgress:
        """A snapshot."""
        in_flight = self._submitted - self._landed
        return FanOutProgress(self._submitted, in_flight, self._done, self._failed, self._skipped)

    def submitted(self, items: int = 1) -> None:
        """A request was sent, for so many items."""
        self._submitted += items
        self._tell()

    def done(self, items: int = 1, *, was_submitted: bool, failed: int) -> None:
        """So many items have their outcome; so many of them failed."""
        self._done += items
        self._landed += items if was_submitted else 0
        self._failed += failed
        self._tell()

    def skipped(self, items: int = 1) -> None:
        """So many items were handed out by an earlier process."""
        self._skipped += items
        self._tell()

    def failed_late(self, items: int = 1) -> None:
        """A result could not be handed out."""
        self._failed += items
        self._tell()

    def close(self) -> None:
        """It is over."""
        close, self._close = self._close, None
        if close is None:
            return
        try:
            close()
        except Exception:
            logger.exception("the progress bar could not be closed")

    def _tell(self) -> None:
        if self._listener is None:
            return
        try:
            self._listener(self.now)
        except Exception:
            logger.exception("the progress callback failed, and is called no more")
            self._listener = None
