"""What the journal keeps of an invocation, and for whom."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from aio_sm_async.protocol.journal_entry import Ending, Stage
from tests.journal.stage import DEADLINE, FAILURE, OUTPUT, accept, entry, names, opened


async def test_what_is_registered_is_there_after_opening_again(tmp_path: Path) -> None:
    """Once register has returned, another run finds the entry as it was."""
    async with opened(tmp_path / "j") as journal:
        assert await journal.register(entry(key="k", job="night")) is None

    async with opened(tmp_path / "j") as journal:
        assert [entry(key="k", job="night")] == await journal.unfinished()


async def test_a_whole_life_is_written_down(tmp_path: Path) -> None:
    """What the 202 said and how it ended stand in the entry, the stage rises, and another run knows."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry(key="k"))
        accept(journal)
        accepted = await journal.find("", "k")
        journal.settled("n-1", Ending.FAILED, reason="no such digit", content_type="text/plain")

    async with opened(tmp_path / "j") as journal:
        settled = await journal.find("", "k")

    expected = dataclasses.replace(
        entry(key="k"),
        stage=Stage.ACCEPTED,
        output_location=OUTPUT,
        failure_location=FAILURE,
        deadline=DEADLINE,
    )
    assert expected == accepted
    assert settled == dataclasses.replace(
        expected,
        stage=Stage.SETTLED,
        ending=Ending.FAILED,
        reason="no such digit",
        content_type="text/plain",
    )


async def test_a_key_is_sent_once(tmp_path: Path) -> None:
    """A second entry with the key of a job is not written, the first comes back; other jobs may have it."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry("n-1", key="k", job="a"))
        again = await journal.register(entry("n-2", key="k", job="a"))
        elsewhere = await journal.register(entry("n-3", key="k", job="b"))

        assert (entry("n-1", key="k", job="a"), None) == (again, elsewhere)
        assert ["n-1", "n-3"] == names(await journal.unfinished())


async def test_a_name_is_registered_once(tmp_path: Path) -> None:
    """An entry whose name is there already comes back as it is there."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry(endpoint="first"))

        assert entry(endpoint="first") == await journal.register(entry(endpoint="second"))
