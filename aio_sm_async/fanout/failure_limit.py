"""How many items may fail before it is the model that is broken."""

from __future__ import annotations

from aio_sm_async.errors import ClientClosedError, TooManyFailuresError


class FailureLimit:
    """Counts the items that failed for good.

    Args:
        limit: So many are too many; None for no limit.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._failures = 0
        self._error: TooManyFailuresError | None = None

    @property
    def is_reached(self) -> bool:
        """Whether so many have failed that nothing is sent again any more."""
        return self._error is not None

    def failed(self, error: Exception, items: int = 1) -> TooManyFailuresError | None:
        """So many items have failed for good. Returns what to end with, from the one too many on.

        Args:
            error: What they failed with. A client that is closed is no failure of the model.
            items: How many.
        """
        if self._limit is None or isinstance(error, ClientClosedError):
            return None
        self._failures += items
        if self._failures >= self._limit:
            self._error = self._error or TooManyFailuresError(self._failures, limit=self._limit)
            self._error.failures = self._failures
            self._error.__cause__ = error
        return self._error
