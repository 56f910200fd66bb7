"""Journals of other releases: older ones are carried on, newer ones refused."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from pathlib import Path

import pytest

from aio_sm_async.errors import JournalError
from aio_sm_async.journal.schema import STEPS
from aio_sm_async.journal.store import Store
from aio_sm_async.protocol.journal_entry import Ending, Stage
from tests.journal.golden.make import DEADLINE, FAILURE, FOLDER, FULL, OUTPUT, PLAIN
from tests.journal.stage import opened

GOLDEN = sorted(FOLDER.glob("version-*.sqlite"))
ONE_MORE = (
    *STEPS,
    "ALTER TABLE entry ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'; DROP TABLE IF EXISTS no",
)


def test_each_version_has_a_golden_file() -> None:
    """A change of the schema comes with a file that it wrote."""
    assert [f"version-{number}.sqlite" for number in range(1, len(STEPS) + 1)] == [
        file.name for file in GOLDEN
    ]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda file: file.stem)
async def test_a_journal_of_each_release_is_read(tmp_path: Path, golden: Path) -> None:
    """Each release reads what each before it wrote, and goes on with it."""
    shutil.copyfile(golden, tmp_path / "j")
    settled = dataclasses.replace(
        FULL,
        stage=Stage.SETTLED,
        output_location=OUTPUT,
        failure_location=FAILURE,
        deadline=DEADLINE,
        ending=Ending.FAILED,
        reason="no such digit",
        content_type="text/plain",
    )
    done = dataclasses.replace(FULL, name="done", key="row 2", stage=Stage.CONSUMED)

    async with opened(tmp_path / "j") as journal:
        assert "client-1" == journal.client_id
        assert [PLAIN, settled] == await journal.unfinished()
        assert done == await journal.find("2026-11-run", "row 2")
        assert [settled] == await journal.output_examples()
        assert await journal.register(dataclasses.replace(PLAIN, name="next")) is None


def test_an_older_journal_is_migrated(tmp_path: Path) -> None:
    """The steps that it has not been through are made, and it counts them."""
    shutil.copyfile(GOLDEN[-1], tmp_path / "j")
    Store.open(str(tmp_path / "j"), steps=ONE_MORE).close()

    connection = sqlite3.connect(tmp_path / "j")
    colours = connection.execute("SELECT name, colour FROM entry ORDER BY number").fetchall()
    version = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    assert [("plain", "grey"), ("full", "grey"), ("done", "grey")] == colours
    assert (len(ONE_MORE),) == version


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """All steps are one transaction."""
    shutil.copyfile(GOLDEN[-1], tmp_path / "j")
    with pytest.raises(JournalError):
        Store.open(str(tmp_path / "j"), steps=(*ONE_MORE, "DROP TABLE nothing_like_it"))

    Store.open(str(tmp_path / "j")).close()


def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    """It is left as it is, and the error tells both versions and what to do."""
    Store.open(str(tmp_path / "j"), steps=ONE_MORE).close()
    before = (tmp_path / "j").read_bytes()

    with pytest.raises(JournalError, match=f"version is {len(ONE_MORE)}.* up to {len(STEPS)}. Upgrade"):
        Store.open(str(tmp_path / "j"))
    assert before == (tmp_path / "j").read_bytes()
