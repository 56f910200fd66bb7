"""Writes the golden file of the schema's present version: once, when the version is new.

Run from the project's folder: ``python -m tests.journal.golden.make``.
"""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime
from pathlib import Path

from aio_sm_async.journal import Journal
from aio_sm_async.journal.schema import STEPS
from aio_sm_async.protocol.journal_entry import Ending, JournalEntry
from aio_sm_async.protocol.location import S3Location

FOLDER = Path(__file__).parent
PLAIN = JournalEntry("plain", "id-plain", "digits", 3700.0)
FULL = JournalEntry(
    "full",
    "id-full",
    "digits",
    60.5,
    key="row 1 / ü",
    job="2026-11-run",
    digest=b"\x00\xff",
    extension="block/1",
    filename="full",
    accept="application/json",
    uploaded="s3://bucket/in/full",
    is_in_block=True,
)
OUTPUT, FAILURE = S3Location("bucket", "out/full.out"), S3Location("bucket", "fail/full.out")
DEADLINE = datetime(2026, 11, 1, 12, 30, 15, 250_000, tzinfo=UTC)


async def write(path: Path) -> None:
    journal = await Journal.open(path)
    await journal.name_client("client-1")
    await journal.register(PLAIN)
    await journal.register(FULL)
    journal.accepted("full", output_location=OUTPUT, failure_location=FAILURE, deadline=DEADLINE)
    journal.settled("full", Ending.FAILED, reason="no such digit", content_type="text/plain")
    done = dataclasses.replace(FULL, name="done", key="row 2")
    await journal.register(done)
    journal.consumed("done")
    await journal.aclose()


if __name__ == "__main__":
    target = FOLDER / f"version-{len(STEPS)}.sqlite"
    if target.exists():
        raise SystemExit(f"{target} is there; what was released stays as it is")
    asyncio.run(write(target))
