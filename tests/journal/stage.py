"""Entries for the tests of the journal, and the ways in which a process leaves one behind."""

from __future__ import annotations

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
