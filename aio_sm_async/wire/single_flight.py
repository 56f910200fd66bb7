"""Values that are looked up once, however many ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Keeps each key's value; whoever asks first looks it up, and the others wait for that.

    A look-up that fails or is cancelled leaves nothing behind: the next in line tries for itself.
    """

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._locks: dict[K, asyncio.Lock] = {}

    def known(self, key: K) -> V | None:
        """The value, if it has been looked up already."""
        return self._values.get(key)

    async def get(self, key: K, look_up: Callable[[], Awaitable[V]]) -> V:
        """Return the value of ``key``, after ``look_up`` if need be."""
        if key in self._values:
            return self._values[key]
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._values:
                self._values[key] = await look_up()
            return self._values[key]
