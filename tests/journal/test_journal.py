"""What the journal keeps of an invocation, and for whom."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
from pathlib import Path

import pytest

from aio_sm_async.errors import InvalidRequestError, JournalError
from aio_sm_async.journal import Journal
from aio_sm_async.protocol.journal_entry import Ending, Stage
from tests.journal.stage import DEADLINE, FAILURE, OUTPUT, accept, crash, entry, names, opened


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


async def test_of_two_at_once_one_has_the_key(tmp_path: Path) -> None:
    """Claims that are written together answer as if one had come after the other."""
    async with opened(tmp_path / "j") as journal:
        first, second = await asyncio.gather(
            journal.register(entry("n-1", key="k")), journal.register(entry("n-2", key="k"))
        )

        assert (None, entry("n-1", key="k")) == (first, second)


async def test_an_entry_gives_way_to_a_second_try(tmp_path: Path) -> None:
    """The entry that is replaced is gone, and the new one is there, under the same key."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry("n-1", key="k"))

        assert await journal.register(entry("n-2", key="k"), replaces="n-1") is None
        assert ["n-2"] == names(await journal.unfinished())


async def test_what_is_refused_replaces_nothing(tmp_path: Path) -> None:
    """If another entry has the key, that which should give way stays."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry("n-1", key="a"))
        await journal.register(entry("n-2", key="b"))

        assert entry("n-2", key="b") == await journal.register(entry("n-3", key="b"), replaces="n-1")
        assert ["n-1", "n-2"] == names(await journal.unfinished())


async def test_a_key_that_is_forgotten_meanwhile_is_free(tmp_path: Path) -> None:
    """A claim whose rival is forgotten in the same batch is registered, and not only called so."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry("n-1", key="k"))
        claim = asyncio.ensure_future(journal.register(entry("n-2", key="k")))
        await asyncio.sleep(0)
        journal.forget("n-1")

        assert await claim is None
        assert ["n-2"] == names(await journal.unfinished())


async def test_a_key_may_be_zero(tmp_path: Path) -> None:
    """The text 0 is a key like another, and is not taken for none."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry("0", key="0", job="0"))

        assert await journal.register(entry("n-2")) is None
        assert entry("0", key="0", job="0") == await journal.register(entry("n-3", key="0", job="0"))


async def test_many_are_written_together(tmp_path: Path) -> None:
    """Three hundred registered at once are one transaction, and each has its answer."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry("n-0", key="0"))
        before = (tmp_path / "j-wal").stat().st_size
        entries = [entry(f"n-{number}", key=f"{number}") for number in range(1, 300)]
        answers = await asyncio.gather(*map(journal.register, [*entries, entry("late", key="0")]))
        pages = ((tmp_path / "j-wal").stat().st_size - before) / 4096

        assert [None] * 299 + [entry("n-0", key="0")] == answers
        assert ["n-0", *names(entries)] == names(await journal.unfinished())
        assert pages < 40


async def test_known_keys_write_nothing(tmp_path: Path) -> None:
    """A rerun that finds all its keys leaves the file as it is."""
    entries = [entry(f"n-{number}", key=f"{number}") for number in range(50)]
    async with opened(tmp_path / "j") as journal:
        await asyncio.gather(*map(journal.register, entries))
        before = (tmp_path / "j-wal").stat().st_size

        assert entries == await asyncio.gather(
            *[journal.register(dataclasses.replace(known, name=f"new-{known.name}")) for known in entries]
        )
        assert before == (tmp_path / "j-wal").stat().st_size


async def test_the_consumed_are_deleted_but_for_keys(tmp_path: Path) -> None:
    """Without a key nothing remains; with one the entry stays, to be skipped, and is not unfinished."""
    async with opened(tmp_path / "j") as journal:
        await asyncio.gather(journal.register(entry("n-1")), journal.register(entry("n-2", key="k")))
        journal.consumed("n-1")
        journal.consumed("n-2")

        assert [] == await journal.unfinished()
        assert dataclasses.replace(entry("n-2", key="k"), stage=Stage.CONSUMED) == await journal.find("", "k")
        assert await journal.register(entry("n-1")) is None


async def test_the_forgotten_are_deleted(tmp_path: Path) -> None:
    """Key or not, nothing remains."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry("n-1", key="k"))
        journal.forget("n-1")

        assert await journal.find("", "k") is None


async def test_a_stage_never_falls(tmp_path: Path) -> None:
    """What is told late adds its facts, and takes nothing back."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry(key="k"))
        journal.consumed("n-1")
        journal.settled("n-1", Ending.COMPLETED, output_location=OUTPUT)
        accept(journal)
        found = await journal.find("", "k")

    assert found is not None
    assert (Stage.CONSUMED, Ending.COMPLETED, OUTPUT) == (found.stage, found.ending, found.output_location)


async def test_what_nobody_waits_for_is_written_soon(tmp_path: Path) -> None:
    """Without another order and without a flush, a change is on disk after a moment."""
    written = asyncio.Event()
    journal = await Journal.open(tmp_path / "j")
    await journal.register(entry())
    accept(journal)
    journal.when_written(written.set)
    await asyncio.wait_for(written.wait(), 5)
    await crash(journal)

    async with opened(tmp_path / "j") as journal:
        assert [Stage.ACCEPTED] == [found.stage for found in await journal.unfinished()]


async def test_written_is_told_at_once_if_nothing_waits(tmp_path: Path) -> None:
    """An idle journal has written all."""
    calls: list[str] = []
    async with opened(tmp_path / "j") as journal:
        journal.when_written(lambda: calls.append("at once"))

        assert ["at once"] == calls


async def test_written_is_told_after_what_went_before(tmp_path: Path) -> None:
    """The callback comes after the commit, and those that were told first come first."""
    calls: list[str] = []
    async with opened(tmp_path / "j") as journal:
        journal.forget("n-1")
        journal.when_written(lambda: calls.append("first"))
        journal.forget("n-2")
        journal.when_written(lambda: calls.append("second"))
        assert [] == calls
        await journal.flush()
        await asyncio.sleep(0)

        assert ["first", "second"] == calls


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_cancelled_register_leaves_nothing(tmp_path: Path, turns: int) -> None:
    """Whether it is written already or not, nobody will send it."""
    async with opened(tmp_path / "j") as journal:
        register = asyncio.ensure_future(journal.register(entry()))
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        register.cancel()
        with pytest.raises(asyncio.CancelledError):
            await register

        assert [] == await journal.unfinished()


async def test_a_cancelled_opening_lets_go_of_the_file(tmp_path: Path) -> None:
    """Whoever leaves while the journal is opened does not hold it."""
    opening = asyncio.ensure_future(Journal.open(tmp_path / "j"))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    while any("journal" in thread.name for thread in threading.enumerate()):  # noqa: ASYNC110 - it ends by itself
        await asyncio.sleep(0)

    async with opened(tmp_path / "j") as journal:
        assert await journal.register(entry()) is None


async def test_each_endpoint_has_its_latest_example(tmp_path: Path) -> None:
    """Of the entries whose output location is known, the youngest of each endpoint comes back."""
    async with opened(tmp_path / "j") as journal:
        for number, endpoint in enumerate("aabb"):
            await journal.register(entry(f"n-{number}", endpoint=endpoint))
        for number in range(3):
            accept(journal, f"n-{number}")

        assert ["n-1", "n-2"] == names(await journal.output_examples())


async def test_the_clients_id_is_kept(tmp_path: Path) -> None:
    """A new journal has none; what it was given once is there from then on."""
    async with opened(tmp_path / "j") as journal:
        assert journal.client_id is None
        await journal.name_client("client-1")
        assert "client-1" == journal.client_id

    async with opened(tmp_path / "j") as journal:
        assert "client-1" == journal.client_id


async def test_half_a_surrogate_pair_is_refused_in_a_key(tmp_path: Path) -> None:
    """Such a text cannot be written: it is the caller's to change, and disturbs nobody else."""
    async with opened(tmp_path / "j") as journal:
        with pytest.raises(InvalidRequestError, match="key: holds half a surrogate pair"):
            await journal.register(entry(key="\ud800"))


async def test_foreign_words_are_written_as_they_can_be(tmp_path: Path) -> None:
    """A reason is cut after 1,000 characters, and what UTF-8 cannot say becomes a question mark."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry())
        journal.settled("n-1", Ending.FAILED, reason="\udcffé" + "x" * 2000)
        (found,) = await journal.unfinished()

        assert "?é" + "x" * 998 == found.reason


async def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    """What needs an answer raises; what is told is lost; closing twice is closing once."""
    journal = await Journal.open(tmp_path / "j")
    await journal.register(entry())
    await asyncio.gather(journal.aclose(), journal.aclose())
    await journal.aclose()
    calls: list[str] = []
    journal.forget("n-1")
    journal.when_written(lambda: calls.append("never"))
    with pytest.raises(JournalError, match="is closed"):
        await journal.register(entry())

    assert "closed" in repr(journal)
    assert [] == calls
    async with opened(tmp_path / "j") as journal:
        assert ["n-1"] == names(await journal.unfinished())


async def test_closing_writes_what_is_left(tmp_path: Path) -> None:
    """Those who wait are answered, and callbacks are called, while something is being written or not."""
    calls: list[str] = []
    async with opened(tmp_path / "j") as journal:
        first = asyncio.ensure_future(journal.register(entry("n-1")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = asyncio.ensure_future(journal.register(entry("n-2")))
        await asyncio.sleep(0)
        journal.when_written(lambda: calls.append("written"))
    await asyncio.sleep(0)

    assert [None, None] == await asyncio.gather(first, second)
    assert ["written"] == calls
    async with opened(tmp_path / "j") as journal:
        assert ["n-1", "n-2"] == names(await journal.unfinished())


async def test_a_closing_that_is_cancelled_goes_on(tmp_path: Path) -> None:
    """Who does not wait for it loses nothing."""
    journal = await Journal.open(tmp_path / "j")
    journal.forget("n-1")
    closing = asyncio.ensure_future(journal.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await journal.aclose()

    assert ["j"] == os.listdir(tmp_path)
