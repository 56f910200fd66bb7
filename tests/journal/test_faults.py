"""What a journal does when its file, its disk or its owner is not as it should be."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sqlite3
import stat
import tempfile
from pathlib import Path

import pytest

from aio_sm_async.errors import JournalError
from aio_sm_async.journal import Journal
from aio_sm_async.protocol.journal_entry import Ending
from tests.journal.stage import accept, child_of, crash, entry, in_child, names, opened


async def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    """The journal and what lies beside it have mode 0600."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry())

        assert {"j": 0o600, "j-wal": 0o600, "j-owner": 0o600} == modes(tmp_path)


async def test_a_copy_that_all_can_read_is_made_private(tmp_path: Path) -> None:
    """A journal whose mode is wider than it should be gets the right one when it is opened."""
    async with opened(tmp_path / "j"):
        pass
    (tmp_path / "j").chmod(0o644)

    async with opened(tmp_path / "j"):
        assert {0o600} == set(modes(tmp_path).values())


async def test_nothing_lies_beside_a_closed_journal(tmp_path: Path) -> None:
    """All is in the one file then, so that it can be copied."""
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry())

    assert ["j"] == os.listdir(tmp_path)


async def test_a_second_owner_is_told_of_the_first(tmp_path: Path) -> None:
    """In the same process as in another, a journal is refused while it is held, with who holds it."""
    async with opened(tmp_path / "j") as journal:
        with pytest.raises(JournalError, match=f"held by process {os.getpid()} on .* since 20") as same:
            await Journal.open(tmp_path / "j")
        refused = await in_child("await open_it()", tmp_path / "j")
        assert await journal.register(entry()) is None

    assert str(tmp_path / "j") == same.value.path
    assert f"held by process {os.getpid()} on " in refused


async def test_a_lost_owner_file_does_not_open_the_lock(tmp_path: Path) -> None:
    """The lock is SQLite's: without the file beside it only the name of the owner is missing."""
    async with opened(tmp_path / "j"):
        (tmp_path / "j-owner").write_text("[]")
        with pytest.raises(JournalError, match="held by another process"):
            await Journal.open(tmp_path / "j")


async def test_a_killed_owner_leaves_all_that_was_committed(tmp_path: Path) -> None:
    """After SIGKILL the lock is gone, the entries are there, and the journal goes on."""
    said = await in_child(
        "journal = await open_it()\n"
        "for number in range(50): await journal.register(entry(f'n-{number}'))\n"
        "os.kill(os.getpid(), 9)",
        tmp_path / "j",
    )

    assert f"exit {-signal.SIGKILL}" in said
    assert (tmp_path / "j-owner").exists()
    async with opened(tmp_path / "j") as journal:
        assert [f"n-{number}" for number in range(50)] == names(await journal.unfinished())
        assert await journal.register(entry("next")) is None


async def test_a_torn_log_loses_only_its_tail(tmp_path: Path) -> None:
    """The last transaction is torn, say by a power cut: those before it are there."""
    journal = await Journal.open(tmp_path / "j")
    await journal.register(entry("n-1"))
    size = (tmp_path / "j-wal").stat().st_size
    await journal.register(entry("n-2"))
    await crash(journal)
    os.truncate(tmp_path / "j-wal", size + 1000)

    async with opened(tmp_path / "j") as journal:
        assert ["n-1"] == names(await journal.unfinished())


async def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """A file that lost its end is called damaged, and is left as it is."""
    await filled(tmp_path / "j")
    os.truncate(tmp_path / "j", 8192)

    with pytest.raises(JournalError, match=r"is damaged: .* Move it away"):
        await Journal.open(tmp_path / "j")
    assert 8192 == (tmp_path / "j").stat().st_size


async def test_a_scribbled_page_is_refused(tmp_path: Path) -> None:
    """Damage in the midst of the file shows when it is opened, not when the page is read."""
    await filled(tmp_path / "j")
    with (tmp_path / "j").open("r+b") as file:
        file.seek(4096 * 6)
        file.write(b"\x55" * 4096)

    with pytest.raises(JournalError, match="is damaged"):
        await Journal.open(tmp_path / "j")


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file is not written over."""
    (tmp_path / "j").write_text("dear diary " * 500)

    with pytest.raises(JournalError, match=r"is no journal: .*Name another file"):
        await Journal.open(tmp_path / "j")
    assert (tmp_path / "j").read_text().startswith("dear diary")


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A database of somebody else is refused, and not a byte of it changes."""
    connection = sqlite3.connect(tmp_path / "j")
    connection.execute("CREATE TABLE entry (n)")
    connection.close()
    before = (tmp_path / "j").read_bytes()

    with pytest.raises(JournalError, match="another program's database"):
        await Journal.open(tmp_path / "j")
    assert before == (tmp_path / "j").read_bytes()


async def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    """Such as a process leaves that is killed while it creates one."""
    (tmp_path / "j").touch()

    async with opened(tmp_path / "j") as journal:
        assert await journal.register(entry()) is None


@pytest.mark.parametrize("path", ["no/such/folder/j", "."])
async def test_a_path_that_cannot_be_is_refused(tmp_path: Path, path: str) -> None:
    """A missing folder, or a folder in the journal's place, is told with what is needed."""
    with pytest.raises(JournalError, match=r"cannot be opened: .*Its folder must exist"):
        await Journal.open(tmp_path / path)


async def test_a_read_only_folder_is_refused() -> None:
    """Where nothing can be written nothing is opened, whether the journal is there or not."""
    with tempfile.TemporaryDirectory() as name:  # not below pytest's folders, which are closed to others
        folder = Path(name)
        await filled(folder / "j")
        (folder / "j").chmod(0o666)
        os.chmod(folder, 0o555)
        said = await in_child(
            f"if {os.getuid()} == 0: os.setuid(65534)\n"  # root may write everywhere
            "try: await open_it()\n"
            "except JournalError as exc: print(exc)\n"
            "await Journal.open(path + '-new')",
            folder / "j",
        )

    assert 2 == said.count("cannot be opened: ")


async def test_a_full_disk_registers_nothing_and_heals(tmp_path: Path) -> None:
    """Without room register fails each time; with room again it works, and nothing that happened is lost."""
    said = await in_child(
        "journal = await open_it()\n"
        "await journal.register(entry('n-1', key='a'))\n"
        "limit(os.stat(path + '-wal').st_size + 5000)\n"
        "calls = []\n"
        "for number in range(2, 40):\n"
        "    try: await journal.register(entry(f'n-{number}'))\n"
        "    except JournalError: break\n"
        "journal.settled('n-1', Ending.COMPLETED)\n"
        "journal.when_written(lambda: calls.append('written'))\n"
        "for _ in range(2):\n"
        "    try: await journal.register(entry('never'))\n"
        "    except JournalError as exc: print(exc)\n"
        "assert calls == [] and journal.failed_writes == 3, (calls, journal)\n"
        "assert 'broken' in repr(journal)\n"
        "limit(None)\n"
        "assert await journal.register(entry('room')) is None\n"
        "await asyncio.sleep(0)\n"
        "assert calls == ['written'], calls\n"
        "found = await journal.find('', 'a')\n"
        "print(found.ending, [e.name for e in await journal.unfinished()][-1])\n"
        "await journal.aclose()",
        tmp_path / "j",
    )

    assert 2 + 1 == said.count("cannot be written: ")  # each is raised, and the first is logged
    assert "Ending.COMPLETED room" in said
    assert "never" not in said
    assert "exit 0" in said


async def test_what_cannot_be_written_at_close_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing makes a last attempt, and says how many changes it could not write."""
    journal = await Journal.open(tmp_path / "j")
    (tmp_path / "j").unlink()
    accept(journal)
    journal.consumed("n-1")
    calls: list[int] = []
    journal.when_written(lambda: calls.append(1))
    await journal.aclose()

    assert "2 changes are lost to the journal" in caplog.text
    assert [] == calls


@pytest.mark.parametrize("file", ["j", "j-wal"])
async def test_a_journal_that_is_deleted_while_open_registers_nothing(
    tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite would go on into a file without a name; here that is an error, told once in the log."""
    async with opened(tmp_path / "j") as journal:
        (tmp_path / file).unlink()
        for _ in range(2):
            with pytest.raises(JournalError, match="was deleted or replaced while it was open"):
                await journal.register(entry())

        assert 2 == journal.failed_writes
        assert 1 == len([record for record in caplog.records if record.levelno == logging.ERROR])


async def test_a_replaced_journal_is_not_written_to(tmp_path: Path) -> None:
    """A restored copy in the journal's place is another file."""
    async with opened(tmp_path / "j") as journal:
        shutil.copyfile(tmp_path / "j", tmp_path / "copy")
        (tmp_path / "copy").replace(tmp_path / "j")
        with pytest.raises(JournalError, match="deleted or replaced"):
            await journal.flush()


async def test_what_failed_is_tried_again_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody needs to come for what is left to be written."""
    monkeypatch.setattr("aio_sm_async.journal.writer.RETRY_SECONDS", 0.01)
    written = asyncio.Event()
    async with opened(tmp_path / "j") as journal:
        await journal.register(entry())
        (tmp_path / "j").rename(tmp_path / "moved")
        accept(journal)
        journal.when_written(written.set)
        with pytest.raises(JournalError):
            await journal.flush()
        (tmp_path / "moved").rename(tmp_path / "j")
        await asyncio.wait_for(written.wait(), 5)


async def test_a_fork_cannot_use_it(tmp_path: Path) -> None:
    """The journal belongs to one process; its child is told so, and does not disturb it."""
    said = await in_child(
        "journal = await open_it()\n"
        "await journal.register(entry())\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try: await journal.register(entry('child'))\n"
        "    except JournalError as exc: print(exc, flush=True)\n"
        "    journal.consumed('n-1')\n"
        "    await journal.aclose()\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "await journal.register(entry('parent'))\n"
        "print([e.name for e in await journal.unfinished()])\n"
        "await journal.aclose()",
        tmp_path / "j",
    )

    assert "of which this one is a fork" in said
    assert "['n-1', 'parent']" in said
    assert "exit 0" in said


async def test_a_fork_that_ends_takes_nothing_away(tmp_path: Path) -> None:
    """A child that ends in order closes its copy of the connection; the parent's log must stay."""
    program = (
        "import os, sys\n"
        "from aio_sm_async.journal.store import Store\n"
        "store = Store.open(sys.argv[1])\n"
        "child = os.fork()\n"
        "if not child: sys.exit(0)\n"
        "os.waitpid(child, 0)\n"
        "store.carry_out([])\n"
        "print('goes on')"
    )

    assert "goes on\n\nexit 0" in await child_of(program, tmp_path / "j")


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def filled(path: Path) -> None:
    async with opened(path) as journal:
        await asyncio.gather(
            *[journal.register(entry(f"n-{number}", key=f"{number}")) for number in range(200)]
        )
        journal.settled("n-1", Ending.COMPLETED)
