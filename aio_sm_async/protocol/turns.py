"""In which order outcomes are handed out: in that of the source, or as they come."""

from __future__ import annotations

from collections import deque
from typing import Protocol, TypeVar

T = TypeVar("T")


class Turns(Protocol[T]):
    """Outcomes that wait for their turn. Each is added once, under its place in the source."""

    def __len__(self) -> int: ...

    def is_next(self, index: int) -> bool:
        """Whether the outcome of this place would be handed out at once, if it came now."""
        ...

    def add(self, index: int, outcome: T) -> None:
        """The outcome has come."""
        ...

    def first(self) -> T | None:
        """The one whose turn it is; None until it has come."""
        ...

    def pop(self) -> None:
        """The first was handed out."""
        ...


class InOrder(Turns[T]):
    """Each waits for all before it."""

    def __init__(self) -> None:
        self._next = 0
        self._waiting: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def is_next(self, index: int) -> bool:
        """Whether all before it were handed out."""
        return index == self._next

    def add(self, index: int, outcome: T) -> None:
        """It waits for its turn."""
        self._waiting[index] = outcome

    def first(self) -> T | None:
        """The outcome of the earliest item that was not handed out; None until it has come."""
        return self._waiting.get(self._next)

    def pop(self) -> None:
        """The turn passes to the next in the source."""
        del self._waiting[self._next]
        self._next += 1


class FirstDone(Turns[T]):
    """First come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[T] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def is_next(self, index: int) -> bool:  # noqa: ARG002 - where it stood in the source does not matter
        """Whether none is waiting."""
        return not self._waiting

    def add(self, index: int, outcome: T) -> None:  # noqa: ARG002 - as above
        """It waits behind those that came before it."""
        self._waiting.append(outcome)

    def first(self) -> T | None:
        """The outcome that came first; None if none has."""
        return self._waiting[0] if self._waiting else None

    def pop(self) -> None:
        """The turn passes to the next that came."""
        self._waiting.popleft()
