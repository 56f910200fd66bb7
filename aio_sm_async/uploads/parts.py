"""A payload as a row of parts: each full but the last, read only when it is asked for."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager, nullcontext
from inspect import iscoroutinefunction
from io import BufferedReader
from typing import TypeGuard, cast

from anyio import to_thread

from aio_sm_async.codecs import (
    AsyncBinaryReader,
    BinaryReader,
    EncodedPayload,
    PayloadSource,
    StreamedPayload,
)
from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.finishing import in_thread

# AWS says "1 GB" and not which; the larger reading, so that nothing is refused that SageMaker would take.
MAX_PAYLOAD_BYTES = 1024 * 1024 * 1024


class Parts:
    """The parts of one payload, to be read once, in order.

    Raises:
        InvalidRequestError: The payload is known to be larger than SageMaker takes.
    """

    def __init__(self, reader: AsyncBinaryReader, part_bytes: int, size_bytes: int | None) -> None:
        self._reader = reader
        self._part_bytes = part_bytes
        self._expected = size_bytes
        self._seen = 0
        self._ahead: bytes | None = None
        _check_limit(size_bytes or 0)

    async def are_one(self) -> bool:
        """Whether a single part, not quite full, is all there is. Looks ahead, and keeps what it sees."""
        self._ahead = await self.read()
        return len(self._ahead) < self._part_bytes

    async def read(self) -> bytes:
        """The next part; empty when there is none left.

        Raises:
            InvalidRequestError: The payload turned out too large, or not of the size that was told.
        """
        if self._ahead is not None:
            part, self._ahead = self._ahead, None
            return part
        part = await _read_full(self._reader, self._part_bytes)
        self._seen += len(part)
        _check_limit(self._seen)
        if len(part) < self._part_bytes and self._expected not in {None, self._seen}:
            limit = f"it was to have {self._expected:,} bytes, and had {self._seen:,}"
            raise InvalidRequestError(
                "payload", limit, "Tell its true size, and let nobody write to it meanwhile."
            )
        return part


@asynccontextmanager
async def open_parts(payload: EncodedPayload | StreamedPayload, part_bytes: int) -> AsyncIterator[Parts]:
    """Open the payload for reading; files are read in worker threads, and closed here if opened here."""
    if isinstance(payload, EncodedPayload):
        yield Parts(_MemoryReader(payload.body), part_bytes, len(payload.body))
        return
    async with _open_source(payload.source) as (reader, measured):
        yield Parts(reader, part_bytes, measured if payload.size_bytes is None else payload.size_bytes)


@asynccontextmanager
async def _open_source(source: PayloadSource) -> AsyncIterator[tuple[AsyncBinaryReader, int | None]]:
    """The source as an async file, and its size if it can be measured."""
    if isinstance(source, os.PathLike):
        closing = ExitStack()
        try:
            file = await in_thread(lambda: closing.enter_context(_opened(source)))
            yield _ThreadReader(file), await in_thread(lambda: _measure(file))
        finally:
            await in_thread(closing.close)
    elif _is_async_file(source):
        yield source, None
    elif isinstance(source, AsyncIterable):
        # Nobody can use the rest of a generator: an upload that fails half way closes it.
        async with aclosing(source) if isinstance(source, AsyncGenerator) else nullcontext():
            yield _ChunkReader(source), None
    else:
        yield _ThreadReader(cast("BinaryReader", source)), await in_thread(lambda: _measure(source))


def _opened(path: os.PathLike[str]) -> BufferedReader:
    return open(path, "rb")


def _is_async_file(source: PayloadSource) -> TypeGuard[AsyncBinaryReader]:
    return iscoroutinefunction(getattr(source, "read", None))


def _measure(file: object) -> int | None:
    """How much a file still holds from where it stands; None for a pipe and the like."""
    if not isinstance(file, io.IOBase) or not file.seekable():
        return None
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end - here


async def _read_full(file: AsyncBinaryReader, part_bytes: int) -> bytes:
    """One full part, or what is left. Pipes, sockets and iterators give less than they are asked for."""
    pieces = [_checked(await file.read(part_bytes))]
    got = len(pieces[0])
    while pieces[-1] and got < part_bytes:
        pieces.append(_checked(await file.read(part_bytes - got)))
        got += len(pieces[-1])
    return b"".join(pieces) if len(pieces) > 1 else pieces[0]


class _ThreadReader:
    """Reads a file in worker threads."""

    def __init__(self, file: BinaryReader) -> None:
        self._file = file

    async def read(self, size: int = -1, /) -> bytes:
        # A pipe may keep the thread waiting for ever; the cancel must not wait with it.
        return await to_thread.run_sync(self._file.read, size, abandon_on_cancel=True)


class _MemoryReader:
    """Reads bytes like a file, but without a thread."""

    def __init__(self, body: bytes) -> None:
        self._rest = memoryview(body)

    async def read(self, size: int = -1, /) -> bytes:
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)


class _ChunkReader:
    """Reads an iterator of chunks like a file."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = aiter(chunks)
        self._chunk = _MemoryReader(b"")

    async def read(self, size: int = -1, /) -> bytes:
        while not (taken := await self._chunk.read(size)):
            try:
                self._chunk = _MemoryReader(_checked(await anext(self._chunks)))
            except StopAsyncIteration:
                return b""
        return taken


def _checked(chunk: object) -> bytes:
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise TypeError(f"the payload gave a {type(chunk).__name__} where bytes were due")
    return bytes(chunk)


def _check_limit(size_bytes: int) -> None:
    if size_bytes > MAX_PAYLOAD_BYTES:
        limit = f"SageMaker takes payloads of at most 1 GB; this has {size_bytes:,} bytes or more"
        raise InvalidRequestError("payload", limit, "Split it into several invocations.")
