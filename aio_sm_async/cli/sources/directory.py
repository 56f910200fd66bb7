"""A directory: one item a file, in the order of the paths; hidden files and folders are left out."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

from anyio import to_thread

from aio_sm_async.cli.sources.item import BrokenItem, Item
from aio_sm_async.protocol.request import MAX_INLINE_BYTES

AT_ONCE = 100
"""So many paths are fetched from the thread at once."""


class Directory:
    """Items from the files below a directory.

    Args:
        root: The directory.
        content_type: What all files are sent as; None to tell by their suffixes.
    """

    def __init__(self, root: Path, *, content_type: str | None = None) -> None:
        self._root = root
        self._content_type = content_type

    async def items(self) -> AsyncIterator[Item | BrokenItem]:
        """The items, in the order of the paths."""
        paths = _walk(self._root)
        numbers = count()
        while some := await to_thread.run_sync(_take, paths):
            for path in some:
                yield await to_thread.run_sync(self._read, next(numbers), path)

    async def count(self) -> int | None:
        """How many there are."""
        return await to_thread.run_sync(lambda: sum(1 for _ in _walk(self._root)))

    def _read(self, index: int, path: Path) -> Item | BrokenItem:
        key, place = path.relative_to(self._root).as_posix(), str(path)
        content_type = self._content_type or type_of(path)
        try:
            size = path.stat().st_size
            payload = path.read_bytes() if 0 < size <= MAX_INLINE_BYTES else path
        except OSError as error:
            return BrokenItem(index, key, place, f"the file cannot be read: {error.strerror}.")
        return Item(index, key, place, payload=payload, content_type=content_type, size_bytes=size)


def type_of(path: Path) -> str:
    """The media type that the suffix stands for."""
    found, encoding = mimetypes.guess_type(path.name)
    if found is None or encoding is not None:  # a compressed file is not what its name says before the .gz
        return "application/octet-stream"
    return found


def _take(paths: Iterator[Path]) -> list[Path]:
    return [path for path, _ in zip(paths, range(AT_ONCE), strict=False)]


def _walk(folder: Path) -> Iterator[Path]:
    """The files, folder by folder, so that only the names of the folders on the way are held."""
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_folder in names:
        if name.startswith("."):
            continue
        if is_folder:
            yield from _walk(folder / name)
        elif (folder / name).is_file():
            yield folder / name
