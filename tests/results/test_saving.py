"""Responses into files."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aio_sm_async.results.saving import save

MEBIBYTE = 1024 * 1024


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_large_downloads_are_written_in_blocks() -> None:
    """Small chunks are gathered, so that not each of them costs a thread."""
    blocks: list[int] = []

    class File:
        def write(self, data: bytes, /) -> None:
            blocks.append(len(data))

    written = await save(chunks(*[bytes(64 * 1024)] * 40), File())

    assert (written, blocks) == (40 * 64 * 1024, [MEBIBYTE, MEBIBYTE, MEBIBYTE // 2])


async def test_unbuffered_files_take_what_they_can() -> None:
    """What a raw file did not take at once is offered again."""

    class Narrow(io.BytesIO):
        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            return super().write(data[:3])

    file = Narrow()
    await save(chunks(b"0123456789"), file)

    assert file.getvalue() == b"0123456789"


async def test_empty_response_makes_an_empty_file(tmp_path: Path) -> None:
    """No bytes are a whole file too."""
    written = await save(chunks(), tmp_path / "result.bin")

    assert (written, (tmp_path / "result.bin").stat().st_size) == (0, 0)


async def test_file_has_the_users_permissions(tmp_path: Path) -> None:
    """The file is like any other that this process makes, not private like temporary ones."""
    plain = tmp_path / "plain"
    plain.touch()
    await save(chunks(b"0"), tmp_path / "result.bin")

    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}  # noqa: ASYNC240
    assert len(modes) == 1


async def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    """While it is written the file is under another name."""
    seen = []

    async def source() -> AsyncIterator[bytes]:
        yield bytes(MEBIBYTE)
        seen.extend(await asyncio.to_thread(os.listdir, tmp_path))
        yield bytes(MEBIBYTE)

    await save(source(), tmp_path / "result.bin")

    assert len(seen) == 1
    assert seen[0].startswith(".result.bin.")


async def test_cancel_removes_the_unfinished_file(tmp_path: Path) -> None:
    """A cancelled download leaves what was there before."""
    (tmp_path / "result.bin").write_bytes(b"old")
    waiting, never = asyncio.Event(), asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        yield bytes(MEBIBYTE)
        waiting.set()
        await never.wait()

    running = asyncio.create_task(save(source(), tmp_path / "result.bin"))
    await waiting.wait()
    running.cancel()
    await asyncio.wait([running])

    assert running.cancelled()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]  # noqa: ASYNC240


async def test_folder_that_is_not_there(tmp_path: Path) -> None:
    """A file that cannot be made is the operating system's own error."""
    with pytest.raises(FileNotFoundError):
        await save(chunks(b"0"), tmp_path / "missing" / "result.bin")


async def test_target_that_is_a_folder(tmp_path: Path) -> None:
    """A folder is not replaced, and no temporary file stays."""
    target = tmp_path / "folder"
    target.mkdir()

    with pytest.raises(IsADirectoryError):
        await save(chunks(b"0"), target)

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]  # noqa: ASYNC240


async def test_full_disk() -> None:
    """A disk that is full is the error, and it is the only one."""
    target = Path("/dev/full")

    with target.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):  # noqa: ASYNC230
        await save(chunks(b"0"), file)


async def test_cancel_does_not_wait_for_a_stuck_pipe() -> None:
    """A write to the caller's own file that blocks for ever keeps its thread, and not the caller."""
    loop = asyncio.get_running_loop()
    writing, go = asyncio.Event(), threading.Event()

    class Stuck:
        def write(self, data: bytes, /) -> None:
            loop.call_soon_threadsafe(writing.set)
            go.wait(5)

    running = asyncio.create_task(save(chunks(b"0"), Stuck()))
    await writing.wait()
    running.cancel()
    await asyncio.wait([running])
    blocked = not go.is_set()
    go.set()

    assert running.cancelled()
    assert blocked
