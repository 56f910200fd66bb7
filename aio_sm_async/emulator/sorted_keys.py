"""Object keys in S3's order: a listing costs what it shows, however many keys lie elsewhere."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

# An insert moves at most one block; a search goes over the blocks' first keys, then into one block.
_BLOCK = 1024


class SortedKeys:
    """A sorted set of strings: the order of code points, which is UTF-8's order and so S3's."""

    def __init__(self) -> None:
        self._blocks: list[list[str]] = []
        self._firsts: list[str] = []

    def add(self, key: str) -> None:
        """Put the key in its place; one that is there already stays."""
        if not self._blocks:
            self._blocks, self._firsts = [[key]], [key]
            return
        index = self._block_of(key)
        block = self._blocks[index]
        at = bisect_left(block, key)
        if at < len(block) and block[at] == key:
            return
        block.insert(at, key)
        self._firsts[index] = block[0]
        if len(block) > _BLOCK:
            half = len(block) // 2
            self._blocks[index : index + 1] = [block[:half], block[half:]]
            self._firsts[index : index + 1] = [block[0], block[half]]

    def discard(self, key: str) -> None:
        """Take the key out, if it is there."""
        if not self._blocks:
            return
        index = self._block_of(key)
        block = self._blocks[index]
        at = bisect_left(block, key)
        if at == len(block) or block[at] != key:
            return
        del block[at]
        if block:
            self._firsts[index] = block[0]
        else:
            del self._blocks[index], self._firsts[index]

    def starting_at(self, bound: str) -> Iterator[str]:
        """The keys that are not less than ``bound``, in order. Not to be changed meanwhile."""
        if not self._blocks:
            return
        index = self._block_of(bound)
        at = bisect_left(self._blocks[index], bound)
        yield from self._blocks[index][at:]
        for block in self._blocks[index + 1 :]:
            yield from block

    def _block_of(self, key: str) -> int:
        """The last block that begins at or before the key."""
        at = bisect_left(self._firsts, key)
        exact = at < len(self._firsts) and self._firsts[at] == key
        return at if exact else max(0, at - 1)
