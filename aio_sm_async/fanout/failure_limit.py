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

    def failed(self, error: Exception) -> TooManyFailuresError | None:
        """An item has failed for good. Returns what to end with, from the one that was too many on.

        Args:
            error: What it failed with. A client that is closed is no failure of the model.
        """
        if self._limit is None or isinstance(error, ClientClosedError):
            return None
        self._failures += 1
        if self._failures >= self._limit:
            self._error = self._error or TooManyFailuresError(self._failures, limit=self._limit)
            self._error.failures = self._failures
            self._error.__cause__ = error
        return self._error
