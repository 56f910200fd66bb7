"""Entries for the tests of the journal, and the ways in which a process leaves one behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aio_sm_async.journal import Journal
from aio_sm_async.protocol.journal_entry import JournalEntry
from aio_sm_async.protocol.location import S3Location

OUTPUT = S3Location("bucket", "out/1.out")
FAILURE = S3Location("bucket", "fail/1.out")
DEADLINE = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
PROJECT = Path(__file__).parents[2]


def entry(name: str = "n-1", *, key: str | None = None, job: str = "", endpoint: str = "e") -> JournalEntry:
    return JournalEntry(
        name=name, inference_id=f"id-{name}", endpoint_name=endpoint, patience_seconds=60.5, key=key, job=job
    )


def accept(journal: Journal, name: str = "n-1", *, output: S3Location | None = OUTPUT) -> None:
    journal.accepted(name, output_location=output, failure_location=FAILURE, deadline=DEADLINE)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Journal]:
    journal = await Journal.open(path)
    try:
        yield journal
    finally:
        await journal.aclose()


def names(entries: list[JournalEntry]) -> list[str]:
    return [found.name for found in entries]


async def crash(journal: Journal) -> None:
    """Leave the journal as a killed process does: its files as they are, its lock gone.

    SQLite cannot be made to forget an open file but by the end of its process. So the files are moved away
    from under it, as they are, before it is closed.
    """
    path = Path(journal.path)
    saved = {file: Path(f"{file}-saved") for file in (path, Path(f"{path}-wal"))}
    for file, copy in saved.items():
        shutil.copyfile(file, copy)
    journal._thread.submit(journal._store.connection.close).result()
    journal._thread.shutdown()
    for file, copy in saved.items():
        copy.rename(file)


CHILD = """
import asyncio, os, resource, sys
from aio_sm_async.errors import JournalError
from aio_sm_async.journal import Journal
from aio_sm_async.protocol.journal_entry import Ending
from tests.journal.stage import entry

path = sys.argv[1]

async def open_it():
    return await Journal.open(path)

def limit(size):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))

async def main():
{body}

asyncio.run(main())
"""


async def in_child(body: str, path: Path) -> str:
    """What a process of its own says that runs ``body``, and how it ended."""
    return await child_of(CHILD.format(body=textwrap.indent(body, "    ")), path)


async def child_of(program: str, path: Path) -> str:
    """What a process of its own says that is this program, and how it ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(path),
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return f"{said.decode()}\nexit {process.returncode}"
