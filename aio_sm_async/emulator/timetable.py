"""Which key's moment comes next; adding, moving and striking out cost the same however long the table is.

A struck key leaves a dead entry in the heap, skipped when it surfaces. Most messages are deleted long before
their visibility timeout ends, so the heap is rebuilt whenever the dead outnumber the living.
"""

from __future__ import annotations

import heapq

_SLACK = 64


class Timetable:
    """Keys by their moment on some monotonic clock; a key has one moment."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._moments: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._moments)

    def __contains__(self, key: str) -> bool:
        return key in self._moments

    def __repr__(self) -> str:
        return f"<Timetable {len(self)} keys, next at {self.next_moment()}>"

    def put(self, key: str, moment: float) -> None:
        """Enter the key, or move it if it is entered already."""
        if self._moments.get(key) == moment:
            return
        self._moments[key] = moment
        heapq.heappush(self._heap, (moment, key))
        self._compact()

    def strike(self, key: str) -> bool:
        """Take the key off; False if it was not there."""
        struck = self._moments.pop(key, None) is not None
        self._compact()
        return struck

    def clear(self) -> None:
        """Take off every key."""
        self._heap.clear()
        self._moments.clear()

    def next_moment(self) -> float | None:
        """The earliest moment; None if the table is empty."""
        while self._heap and not self._lives(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> str | None:
        """Take off and return the key with the earliest moment if that has come, else None."""
        moment = self.next_moment()
        if moment is None or moment > now:
            return None
        _, key = heapq.heappop(self._heap)
        del self._moments[key]
        return key

    def _lives(self, entry: tuple[float, str]) -> bool:
        moment, key = entry
        return self._moments.get(key) == moment

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._moments) + _SLACK:
            self._heap = [(moment, key) for key, moment in self._moments.items()]
            heapq.heapify(self._heap)
