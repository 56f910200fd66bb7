"""Moments at which something is due, by name: set, cancelled and popped in any order.

A cancelled timer must not stay in memory until its moment: deadlines lie hours ahead, and a busy client
sets and cancels thousands of them each minute. So the heap is rebuilt when most of it is stale.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """The moments, earliest first."""

    def __init__(self) -> None:
        self._due: dict[K, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, name: object) -> bool:
        return name in self._due

    def set(self, name: K, when: float) -> None:
        """Let ``name`` be due at ``when``, and no longer at the moment it had before."""
        self._count += 1
        self._due[name] = (when, self._count)
        heapq.heappush(self._heap, (when, self._count, name))
        self._forget_stale()

    def cancel(self, name: K) -> None:
        """Let ``name`` never be due; nothing happens if it was not."""
        if self._due.pop(name, None) is not None:
            self._forget_stale()

    def next(self) -> float | None:
        """The earliest moment; None if there is none."""
        while self._heap and not self._is_live(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> list[K]:
        """All names whose moment has come, earliest first; they are due no more."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            if self._is_live(entry):
                del self._due[entry[2]]
                due.append(entry[2])
        return due

    def _is_live(self, entry: tuple[float, int, K]) -> bool:
        when, count, name = entry
        return self._due.get(name) == (when, count)

    def _forget_stale(self) -> None:
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._due):
            self._heap = [(when, count, name) for name, (when, count) in self._due.items()]
            heapq.heapify(self._heap)
