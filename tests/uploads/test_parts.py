"""A payload, part by part."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aio_sm_async.codecs import EncodedPayload, PayloadSource, StreamedPayload
from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.uploads import MAX_PAYLOAD_BYTES
from aio_sm_async.uploads.parts import open_parts


async def parts_of(payload: EncodedPayload | StreamedPayload, part_bytes: int = 4) -> list[bytes]:
    async with open_parts(payload, part_bytes) as parts:
        result = []
        while part := await parts.read():
            result.append(part)
        return result


def streamed(source: PayloadSource, size_bytes: int | None = None) -> StreamedPayload:
    return StreamedPayload(source, "image/png", size_bytes)


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


class Chunks:
    """An async iterable that is no generator."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return chunks(b"0123", b"456789")


class Dribble(io.RawIOBase):
    """A pipe: not seekable, and never gives all it is asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, 3)
        piece, self.data = self.data[:size], self.data[size:]
        return piece


EXPECTED = [b"0123", b"4567", b"89"]


async def test_bytes_in_memory() -> None:
    """Bytes are cut into full parts and a rest."""
    assert await parts_of(EncodedPayload(b"0123456789", "text/plain")) == EXPECTED


async def test_every_kind_of_source(tmp_path: Path) -> None:
    """Paths, files, async files, pipes and iterators give the same parts."""
    path = anyio.Path(tmp_path / "input.bin")
    await path.write_bytes(b"0123456789")
    reader = asyncio.StreamReader()
    reader.feed_data(b"0123456789")
    reader.feed_eof()
    async with await path.open("rb") as async_file:
        sources: list[PayloadSource] = [
            tmp_path / "input.bin",
            path,
            io.BytesIO(b"0123456789"),
            async_file,
            reader,
            Dribble(b"0123456789"),
            chunks(b"", b"0", b"12345678", b"9", b""),
            Chunks(),
        ]
        parts = [await parts_of(streamed(source)) for source in sources]

    assert parts == [EXPECTED] * 8


async def test_files_go_from_where_they_stand() -> None:
    """A file that was read already goes on from there, and stays open."""
    file = io.BytesIO(b"header0123456789")
    file.seek(6)

    assert await parts_of(streamed(file)) == EXPECTED
    assert not file.closed


async def test_a_temporary_file_is_a_file() -> None:
    """The standard library's wrapper, which is no `io` class, is read as well."""
    with NamedTemporaryFile() as file:
        await asyncio.to_thread(file.write, b"0123456789")
        await asyncio.to_thread(file.seek, 0)

        assert await parts_of(streamed(file)) == EXPECTED


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=20), max_size=10), st.integers(1, 15))
def test_nothing_is_lost_or_moved(pieces: list[bytes], part_bytes: int) -> None:
    """However an iterator cuts its bytes, all parts are full but the last, and they join to the whole."""
    parts = asyncio.run(parts_of(streamed(chunks(*pieces)), part_bytes))

    assert b"".join(parts) == b"".join(pieces)
    assert all(len(part) == part_bytes for part in parts[:-1])


@pytest.mark.parametrize(("data", "one"), [(b"", True), (b"012", True), (b"0123", False), (b"01234", False)])
async def test_looking_ahead_loses_nothing(data: bytes, one: bool) -> None:
    """A payload of one part is told by reading that part, which is then still there."""
    async with open_parts(streamed(chunks(data)), 4) as parts:
        answer = await parts.are_one()
        first = await parts.read()

    assert (one, data[:4]) == (answer, first)


@pytest.mark.parametrize("told", [9, 11])
async def test_other_size_than_told(told: int) -> None:
    """A source that does not keep to the size that was told is an error, not a shorter object."""
    with pytest.raises(InvalidRequestError, match=rf"{told} bytes, and had 10"):
        await parts_of(streamed(chunks(b"0123456789"), told))


async def test_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """A file that somebody truncates meanwhile is not uploaded as if it were whole."""
    path = anyio.Path(tmp_path / "input.bin")
    await path.write_bytes(b"0" * 100_000)
    async with open_parts(streamed(path), 50_000) as parts:
        await parts.read()
        await asyncio.to_thread(os.truncate, path, 50_000)

        with pytest.raises(InvalidRequestError, match="100,000 bytes, and had"):
            await parts.read()


async def test_too_large_by_its_size(tmp_path: Path) -> None:
    """A file of more than a gigabyte is refused before it is read."""
    path = anyio.Path(tmp_path / "input.bin")
    async with await path.open("wb") as file:
        await file.truncate(MAX_PAYLOAD_BYTES + 1)

    with pytest.raises(InvalidRequestError, match="at most 1 GB"):
        await parts_of(streamed(path))


class Endless:
    """An async file that gives the same megabytes for ever."""

    def __init__(self) -> None:
        self.block = bytes(64 * 1024 * 1024)
        self.reads = 0

    async def read(self, size: int = -1, /) -> bytes:
        self.reads += 1
        return self.block


async def test_too_large_while_it_is_read() -> None:
    """A source of unknown size is stopped once it has given a gigabyte."""
    source = Endless()

    with pytest.raises(InvalidRequestError, match="at most 1 GB"):
        await parts_of(streamed(source), len(source.block))

    assert source.reads == MAX_PAYLOAD_BYTES // len(source.block) + 1


@pytest.mark.parametrize("bad", ["text", None, 1])
async def test_chunks_that_are_no_bytes(bad: object) -> None:
    """A source that gives something else is a TypeError that says what it gave."""

    async def source() -> AsyncIterator[bytes]:
        yield bad  # type: ignore[misc]

    with pytest.raises(TypeError, match=f"gave a {type(bad).__name__} where bytes"):
        await parts_of(streamed(source()))


async def test_buffers_are_bytes_too() -> None:
    """Chunks may be bytearrays and memoryviews."""
    assert await parts_of(streamed(chunks(bytearray(b"0123"), memoryview(b"456789")))) == EXPECTED


async def test_generator_is_closed_when_the_upload_fails() -> None:
    """What nobody can read on is closed at once, not when it is collected."""
    closed = []

    async def source() -> AsyncIterator[bytes]:
        try:
            yield b"0123"
            yield b"4567"
        finally:
            closed.append(True)

    async def upload() -> None:
        async with open_parts(streamed(source()), 4) as parts:
            await parts.read()
            raise OSError("S3 is gone")

    with pytest.raises(OSError, match="S3 is gone"):
        await upload()

    assert closed


async def test_missing_file(tmp_path: Path) -> None:
    """A path to nothing is the operating system's own error."""
    with pytest.raises(FileNotFoundError):
        await parts_of(streamed(tmp_path / "missing"))


class Stuck:
    """A pipe that nobody writes to."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.reading = asyncio.Event()
        self.go = threading.Event()

    def read(self, size: int = -1, /) -> bytes:
        self.loop.call_soon_threadsafe(self.reading.set)
        self.go.wait(5)
        return b""


async def test_cancel_does_not_wait_for_a_stuck_pipe() -> None:
    """A read that blocks for ever keeps its thread, and not the caller."""
    pipe = Stuck(asyncio.get_running_loop())
    waiting = asyncio.create_task(parts_of(streamed(pipe)))
    await pipe.reading.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    blocked = not pipe.go.is_set()
    pipe.go.set()

    assert waiting.cancelled()
    assert blocked
