"""Standard input, read in a thread."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest

from aio_sm_async.cli.sources.stdin import read_stdin


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The writing end of what is standard input."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        yield writing


async def test_blocks_until_the_end(pipe: int) -> None:
    """What is written comes, until the writer closes."""
    os.write(pipe, b"one\ntwo\n")
    os.close(pipe)

    assert b"one\ntwo\n" == b"".join([block async for block in read_stdin(asyncio.Event())()])


async def test_a_stop_ends_a_read_that_waits(pipe: int) -> None:
    """A writer that is silent keeps nobody once the stop is set."""
    stop = asyncio.Event()
    reading = asyncio.create_task(_all(stop))
    os.write(pipe, b"one")
    while not reading.done():
        await asyncio.sleep(0)
        stop.set()
    os.close(pipe)

    assert (await reading) in ([], [b"one"])


async def test_an_error_of_the_system(pipe: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor that cannot be read is an OSError, not a source without items."""
    os.close(pipe)
    folder = os.open("/", os.O_RDONLY)
    monkeypatch.setattr(sys, "stdin", _Descriptor(folder))

    with pytest.raises(IsADirectoryError):
        await _all(asyncio.Event())
    os.close(folder)


class _Descriptor:
    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number


async def _all(stop: asyncio.Event) -> list[bytes]:
    return [block async for block in read_stdin(stop)()]
