"""Puts a response into a file: whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from functools import partial
from io import BufferedWriter
from pathlib import Path
from typing import Protocol

from anyio import to_thread

from aio_sm_async.finishing import in_thread

_BLOCK_BYTES = 1024 * 1024  # a thread is not worth its while for less


class BinaryWriter(Protocol):
    """A file opened in binary mode, or anything that writes like one."""

    def write(self, data: bytes, /) -> int | None:
        """Take the bytes; how many, where it may take less. It may block: it is called in a worker thread."""
        ...


async def save(chunks: AsyncIterable[bytes], target: str | os.PathLike[str] | BinaryWriter) -> int:
    """Write the chunks; the number of bytes.

    A path appears once everything is in it and on the disk. What the caller opened is written to as it comes.
    """
    if isinstance(target, str | os.PathLike):
        return await _save_whole(chunks, Path(target))

    async def write(block: bytes) -> None:
        await to_thread.run_sync(_write_all, target, block, abandon_on_cancel=True)  # it may be a stuck pipe

    return await _pour(chunks, write)


async def _save_whole(chunks: AsyncIterable[bytes], path: Path) -> int:
    file = _UnfinishedFile(path)
    try:
        await in_thread(file.open)
        written = await _pour(chunks, lambda block: in_thread(partial(file.write, block)))
        await in_thread(file.publish)
    except BaseException:
        await in_thread(file.discard)
        raise
    return written


async def _pour(chunks: AsyncIterable[bytes], write: Callable[[bytes], Awaitable[object]]) -> int:
    """Write in blocks."""
    total = 0
    waiting = bytearray()
    async for chunk in chunks:
        total += len(chunk)
        waiting += chunk
        if len(waiting) >= _BLOCK_BYTES:
            await write(bytes(waiting))
            waiting.clear()
    if waiting:
        await write(bytes(waiting))
    return total


def _write_all(file: BinaryWriter, block: bytes) -> None:
    while block:
        taken = file.write(block)
        block = b"" if taken is None else block[taken:]


class _UnfinishedFile:
    """A file under a name of its own beside the one that it will have."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._file: BufferedWriter | None = None

    def open(self) -> None:
        self._file = self._unfinished.open("xb")

    def write(self, block: bytes) -> None:
        assert self._file is not None
        self._file.write(block)

    def publish(self) -> None:
        """Let it appear, and only when a power cut cannot empty it any more."""
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.replace(self._path)

    def discard(self) -> None:
        if self._file is None:
            return
        with suppress(OSError):  # a full disk says so once more, and said so before
            self._file.close()
        self._unfinished.unlink(missing_ok=True)
