"""Which key's moment comes next; adding, moving and striking out cost the same however long the table is.

A struck key leaves a dead entry in the heap, skipped when it surfaces. Most messages are deleted long before
their visibility timeout ends, so the heap is rebuilt whenever the dead outnumber the living.
"""

from __future__ import annotations

import heapq
import itertools

_SLACK = 64


class Timetable:
    """Keys by their moment on some monotonic clock; at one moment, in the order in which they were put."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._living: dict[str, tuple[float, int, str]] = {}
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._living)

    def __contains__(self, key: str) -> bool:
        return key in self._living

    def __repr__(self) -> str:
        return f"<Timetable {len(self)} keys, next at {self.next_moment()}>"

    def put(self, key: str, moment: float) -> None:
        """Enter the key, or move it if it is entered already."""
        entry = (moment, next(self._order), key)
        self._living[key] = entry
        heapq.heappush(self._heap, entry)
        self._compact()

    def strike(self, key: str) -> bool:
        """Take the key off; False if it was not there."""
        struck = self._living.pop(key, None) is not None
        self._compact()
        return struck

    def clear(self) -> None:
        """Take off every key."""
        self._heap.clear()
        self._living.clear()

    def next_moment(self) -> float | None:
        """The earliest moment; None if the table is empty."""
        while self._heap and self._living.get(self._heap[0][2]) is not self._heap[0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> str | None:
        """Take off and return the key with the earliest moment if that has come, else None."""
        moment = self.next_moment()
        if moment is None or moment > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._living[key]
        return key

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._living) + _SLACK:
            self._heap = list(self._living.values())
            heapq.heapify(self._heap)
