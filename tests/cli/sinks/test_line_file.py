"""A file of lines that is killed, filled up and gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aio_sm_async import ConfigurationError
from aio_sm_async.cli.sinks.line_file import LineFile
from aio_sm_async.clock import VirtualClock


def a_file(path: Path, clock: VirtualClock | None = None) -> LineFile:
    return LineFile(path, clock or VirtualClock(), option="-o")


async def test_what_was_appended_is_known_when_resumed(tmp_path: Path) -> None:
    """Lines of two runs stand one after the other, and the second knows the keys of the first."""
    path = tmp_path / "r.jsonl"
    for key in ("a", "b"):
        lines = a_file(path)
        await lines.open(resumes=True)
        await lines.append({"key": key})
        await lines.aclose()
    lines = a_file(path)
    await lines.open(resumes=True)
    await lines.aclose()

    assert ['{"key":"a"}', '{"key":"b"}'] == path.read_text().splitlines()
    assert [True, True, False] == [key in lines.keys for key in "abc"]


async def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    """Half a line, as a kill leaves it, is no result and spoils no other."""
    path = tmp_path / "r.jsonl"
    path.write_text('{"key":"a"}\n{"key":"b"')
    lines = a_file(path)
    await lines.open(resumes=True)
    await lines.append({"key": "c"})
    await lines.aclose()

    assert "b" not in lines.keys
    assert ["a", "c"] == [json.loads(line)["key"] for line in path.read_text().splitlines()]


async def test_a_file_with_results_is_not_written_over(tmp_path: Path) -> None:
    """Without --resume a file that is not empty is refused, and the sentence names --resume."""
    path = tmp_path / "r.jsonl"
    path.write_text('{"key":"a"}\n')

    with pytest.raises(ConfigurationError, match="--resume, or name another -o"):
        await a_file(path).open(resumes=False)


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"key": 1}'])
async def test_somebody_elses_file_is_refused(tmp_path: Path, line: str) -> None:
    """A file whose lines have no keys is not appended to."""
    path = tmp_path / "r.jsonl"
    path.write_text(f"{line}\n")
    lines = a_file(path)

    with pytest.raises(ConfigurationError, match="line 1, was not written by this command"):
        await lines.open(resumes=True)
    await lines.aclose()
    assert f"{line}\n" == path.read_text()


async def test_an_empty_file_does_not_stay(tmp_path: Path) -> None:
    """A file that nothing was written to is removed."""
    lines = a_file(tmp_path / "e.jsonl")
    await lines.open(resumes=False)
    await lines.aclose()
    await lines.aclose()

    assert not os.listdir(tmp_path)


async def test_characters_that_utf8_has_no_word_for(tmp_path: Path) -> None:
    """A lone surrogate, which JSON can say, comes back as it was."""
    lines = a_file(tmp_path / "r.jsonl")
    await lines.open(resumes=False)
    await lines.append({"key": "\udc80ü"})
    await lines.aclose()

    assert {"key": "\udc80ü"} == json.loads((tmp_path / "r.jsonl").read_bytes())


async def test_it_goes_to_the_disk_now_and_then(tmp_path: Path) -> None:
    """Once a second has passed, the next line brings all to the disk."""
    clock = VirtualClock()
    lines = a_file(tmp_path / "r.jsonl", clock)
    await lines.open(resumes=False)
    await clock.advance(2)
    await lines.append({"key": "a"})
    await lines.append({"key": "b"})
    await lines.aclose()

    assert 2 == len((tmp_path / "r.jsonl").read_text().splitlines())


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from aio_sm_async.cli.sinks.line_file import LineFile
from aio_sm_async.clock import SystemClock

async def fill():
    lines = LineFile(Path(sys.argv[1]), SystemClock(), option="-o")
    await lines.open(resumes=False)
    try:
        while True:
            await lines.append({"key": "0123456789"})
    except OSError as error:
        print(error.strerror)
    await lines.aclose()

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
asyncio.run(fill())
"""


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    """A line that does not fit is taken back, so that the file ends with a whole one."""
    path = tmp_path / "r.jsonl"
    child = subprocess.run(
        [sys.executable, "-c", FULL, path], check=False, capture_output=True, text=True, timeout=30
    )

    assert "File too large" in child.stdout, child.stderr
    assert ["0123456789"] * 4 == [json.loads(line)["key"] for line in path.read_text().splitlines()]
