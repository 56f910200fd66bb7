"""JSON Lines: one item a line, sent as the very bytes of the line."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import NoReturn

from anyio import to_thread

from aio_sm_async.cli.sources.item import BrokenItem, Item
from aio_sm_async.cli.sources.lines import MAX_LINE_BYTES, LineSplitter, OverlongLine

BLOCK_BYTES = 1024 * 1024

Blocks = Callable[[], AsyncIterator[bytes]]


class JsonLines:
    """Items from lines of JSON, of a file or of standard input. Blank lines are none.

    Args:
        blocks: Gives the bytes.
        key_field: The member of each line that is its key; None for the number of the line.
        content_type: What the lines are sent as.
        path: The file, for its lines to be counted; None where that would use them up.
    """

    def __init__(
        self,
        blocks: Blocks,
        *,
        key_field: str | None = None,
        content_type: str | None = None,
        path: Path | None = None,
    ) -> None:
        self._blocks = blocks
        self._key_field = key_field
        self._content_type = content_type or "application/json"
        self._path = path

    async def items(self) -> AsyncIterator[Item | BrokenItem]:
        """The items, in the order of the lines."""
        splitter = LineSplitter()
        index = number = 0
        async with aclosing(self._pieces(splitter)) as pieces:
            async for line in pieces:
                number += 1
                if isinstance(line, OverlongLine) or line.strip():
                    yield self._item(index, number, line)
                    index += 1

    async def count(self) -> int | None:
        """How many there are, for a file; standard input can be read only once."""
        return None if self._path is None else await to_thread.run_sync(_count_lines, self._path)

    async def _pieces(self, splitter: LineSplitter) -> AsyncGenerator[bytes | OverlongLine, None]:
        async for block in self._blocks():
            for line in splitter.feed(block):
                yield line
        for line in splitter.rest():
            yield line

    def _item(self, index: int, number: int, line: bytes | OverlongLine) -> Item | BrokenItem:
        place = f"line {number}"
        if isinstance(line, OverlongLine):
            reason = f"the line is longer than {MAX_LINE_BYTES // 2**20} MiB. Put the item into a file."
            return BrokenItem(index, self._key_of_broken(number), place, reason)
        try:
            value = json.loads(line, parse_constant=_refuse_constant)
            key = str(number) if self._key_field is None else _key_in(value, self._key_field)
        except (ValueError, KeyError, RecursionError) as error:
            return BrokenItem(index, self._key_of_broken(number), place, _in_words(error, self._key_field))
        body = line.strip()
        return Item(index, key, place, payload=body, content_type=self._content_type, size_bytes=len(body))

    def _key_of_broken(self, number: int) -> str:
        return str(number) if self._key_field is None else f"line {number}"


def read_blocks(path: Path) -> Blocks:
    """The bytes of a file, read in worker threads."""

    async def blocks() -> AsyncIterator[bytes]:
        file = await to_thread.run_sync(path.open, "rb")
        try:
            while block := await to_thread.run_sync(file.read, BLOCK_BYTES):
                yield block
        finally:
            file.close()

    return blocks


def _count_lines(path: Path) -> int:
    """The lines that are not blank, as they are told apart above."""
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _key_in(value: object, field: str) -> str:
    found = value.get(field) if isinstance(value, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise KeyError(field)
    return str(found)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is none of its words; write null")


def _in_words(error: Exception, key_field: str | None) -> str:
    if isinstance(error, KeyError):
        return f"it has no text and no whole number under {key_field!r}. Name another --key-field."
    if isinstance(error, RecursionError):
        return "the line is nested too deeply to be read."
    return f"the line is no JSON: {error}."
