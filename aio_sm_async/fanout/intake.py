"""Pulls items from what the caller iterates over, one at a time and only when asked.

A sync iterable is pulled in the event loop: one that blocks, or computes for long, holds everything up and
should be an async one.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from typing import Protocol

Source = Iterable[object] | AsyncIterable[object]


class Inflow(Protocol):
    """Where a fan-out's items come from."""

    async def pull(self) -> object:
        """The next item.

        Raises:
            StopAsyncIteration: There is none.
        """
        ...

    def left_out(self, index: int) -> None:
        """The item of this place is handed out to nobody."""
        ...

    async def aclose(self) -> None:
        """Pull no more."""
        ...


class Intake:
    """One source, from its first item to its end.

    Args:
        source: A sync or async iterable of any length.

    Attributes:
        is_sync: Whether `pull` never waits.

    Raises:
        TypeError: It is neither, or is a payload itself.
    """

    def __init__(self, source: Source) -> None:
        if isinstance(source, str | bytes | bytearray | memoryview | Mapping):
            raise TypeError(
                f"payloads is one {type(source).__name__}. Pass an iterable of payloads: [payload]."
            )
        if not isinstance(source, Iterable | AsyncIterable):
            raise TypeError(
                f"payloads is a {type(source).__name__}. Pass a sync or async iterable of payloads."
            )
        self.is_sync = not isinstance(source, AsyncIterable)
        self._source: Source | None = source
        self._iterator: Iterator[object] | AsyncIterator[object] | None = None

    async def pull(self) -> object:
        """The next item.

        Raises:
            StopAsyncIteration: There is none.
        """
        iterator = self._iterator or self._begin()
        if isinstance(iterator, AsyncIterator):
            return await anext(iterator)
        try:
            return next(iterator)
        except StopIteration:
            raise StopAsyncIteration from None

    def left_out(self, index: int) -> None:
        """Nothing is kept of an item."""

    async def aclose(self) -> None:
        """Pull no more. A generator is closed; other iterators are their owner's to close."""
        iterator, self._iterator = self._iterator or self._source, None
        self._source = None
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
        elif isinstance(iterator, Generator):
            iterator.close()

    def _begin(self) -> Iterator[object] | AsyncIterator[object]:
        source, self._source = self._source, None
        if source is None:
            raise StopAsyncIteration
        self._iterator = aiter(source) if isinstance(source, AsyncIterable) else iter(source)
        return self._iterator
