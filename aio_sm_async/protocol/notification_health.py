"""Whether notifications can be relied on, judged by what polling finds that they should have told."""

from __future__ import annotations

MISSES_TO_DISTRUST = 3
"""A single lost notification is SQS's good right; this many in a row, none arriving between, are a fault."""


class NotificationHealth:
    """Notifications flow once one has arrived, until several in a row are missed or their source fails."""

    def __init__(self) -> None:
        self._has_arrived = False
        self._misses = 0
        self._failing: set[str] = set()

    def __repr__(self) -> str:
        failing = sorted(self._failing)
        return f"<NotificationHealth flowing={self.is_flowing} misses={self._misses} failing={failing}>"

    @property
    def is_flowing(self) -> bool:
        """Whether polling may take its time."""
        return self._has_arrived and self._misses < MISSES_TO_DISTRUST and not self._failing

    def arrived(self) -> None:
        """A notification settled an invocation."""
        self._has_arrived = True
        self._misses = 0

    def missed(self) -> None:
        """Polling settled an invocation that no notification had told of."""
        self._misses += 1

    def source_failed(self, source: str) -> None:
        """A source cannot be read at the moment."""
        self._failing.add(source)

    def source_recovered(self, source: str) -> None:
        """The source can be read again."""
        self._failing.discard(source)
