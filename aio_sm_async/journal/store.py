"""The journal's file: SQLite in WAL mode, held by one process at a time.

Everything here blocks, and belongs to the one thread that opened it. The lock is SQLite's exclusive locking
mode: it is held from opening to closing, and the system lets go of it when the process dies, however it dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
import weakref
from collections.abc import Iterable, Sequence

from aio_sm_async.errors import JournalError
from aio_sm_async.journal.orders import Order
from aio_sm_async.journal.owner import erase_owner, read_owner, this_process, write_owner
from aio_sm_async.journal.schema import APPLICATION_ID, STEPS
from aio_sm_async.journal.table import Table


class Store:
    """An open journal file.

    Attributes:
        path: Where it is, symbolic links resolved.
        connection: SQLite's; only for the thread that opened it.
        table: What is in it.
        client_id: Whose it was when it was opened; None if nobody's.
    """

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self.table = Table(connection)
        self.client_id = self.table.client_id()
        self._files = _identities(path)

    @classmethod
    def open(cls, path: str, *, steps: Sequence[str] = STEPS) -> Store:
        """Create the journal at ``path``, or open the one that is there.

        Raises:
            JournalError: It cannot be had; the message says why.
        """
        connection = None
        try:
            path = os.path.realpath(path)
            _create(path)
            connection = sqlite3.connect(path, timeout=0, isolation_level=None, cached_statements=32)
            _hold(connection)
            _move_to_this_schema(connection, path, steps)
            _make_private(path)
            store = cls(path, connection)
        except (sqlite3.Error, OSError, ValueError) as exc:
            _close_quietly(connection)
            raise JournalError(_why_not_opened(path, exc), path=path) from exc
        except JournalError:
            _close_quietly(connection)
            raise
        write_owner(path, this_process())
        _open_stores.add(store)
        return store

    def carry_out(self, orders: Iterable[Order]) -> None:
        """Carry out all, in one transaction: when this returns, they outlive the process.

        Raises:
            JournalError: None of them was.
        """
        try:
            self._require_the_same_files()
            self.connection.execute("BEGIN IMMEDIATE")
            for order in orders:
                order.run(self.table)
            self.table.carry_out()
            self.connection.execute("COMMIT")
        except Exception as exc:
            # Whatever it was, the next transaction must find none open, and nothing left of this one.
            self.table.drop()
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")
            if isinstance(exc, JournalError):
                raise
            raise JournalError(
                f"the journal {self.path} cannot be written: {exc}. "
                "See that there is room on its disk, and that its folder can be written to.",
                path=self.path,
            ) from exc

    def close(self) -> None:
        """Move everything into the one file, and let others have it."""
        erase_owner(self.path)
        _close_quietly(self.connection)

    def _require_the_same_files(self) -> None:
        # SQLite would go on writing into a file that no longer has a name.
        try:
            if _identities(self.path) == self._files:
                return
        except OSError:
            pass
        raise JournalError(
            f"the journal {self.path} was deleted or replaced while it was open. Close the client, and open "
            "another one with a journal that stays where it is.",
            path=self.path,
        )


_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _keep_open_in_child() -> None:
    # When the child ends in order, its copy of a connection would be closed: it would believe that it has the
    # lock, and delete the log that its parent is writing. A reference that is never dropped prevents that.
    for store in _open_stores:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(store.connection))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_open_in_child)


def _create(path: str) -> None:
    # SQLite gives the files beside it the same mode. An existing file must not be opened and closed here:
    # that would take away the lock of a journal that this process holds.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _hold(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    # Before anything is changed, and before the switch to WAL: of two that come at once, one goes on.
    connection.execute("BEGIN EXCLUSIVE")


def _move_to_this_schema(connection: sqlite3.Connection, path: str, steps: Sequence[str]) -> None:
    """Within the transaction that holds the file; a foreign file is left as it is."""
    version = _version(connection, path, steps)
    connection.execute("COMMIT")
    _switch(connection, "journal_mode", "wal")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    for step in steps[version:]:
        for statement in filter(str.strip, step.split(";")):
            connection.execute(statement)
    if version < len(steps):
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: str, steps: Sequence[str]) -> int:
    """How many steps the file has been through; it is ours and sound, or this raises."""
    version, application_id = _number(connection, "user_version"), _number(connection, "application_id")
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not version and not application_id and not tables:
        return 0
    if application_id != APPLICATION_ID:
        raise JournalError(
            f"{path} is another program's database, and was left as it is. Name another file.", path=path
        )
    if version > len(steps):
        raise JournalError(
            f"the journal {path} was written by a newer release: its version is {version}, and this release "
            f"reads up to {len(steps)}. Upgrade aio-sm-async, or name another file.",
            path=path,
        )
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    return version


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (number,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)


def _switch(connection: sqlite3.Connection, pragma: str, value: str) -> None:
    (now,) = connection.execute(f"PRAGMA {pragma} = {value}").fetchone()
    if now != value:
        raise sqlite3.OperationalError(f"its {pragma} stays {now}")


def _make_private(path: str) -> None:
    for file in (path, f"{path}-wal"):
        if os.stat(file).st_mode & 0o077:
            os.chmod(file, 0o600)


def _identities(path: str) -> list[tuple[int, int]]:
    stats = [os.stat(path), os.stat(f"{path}-wal")]
    return [(stat.st_dev, stat.st_ino) for stat in stats]


def _why_not_opened(path: str, exc: Exception) -> str:
    code = getattr(exc, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        owner = read_owner(path)
        return (
            f"the journal {path} is held by {owner or 'another process'}. A journal has one owner at a time: "
            "end that process, or name another file."
        )
    if code is not None and code & 0xFF == sqlite3.SQLITE_NOTADB:
        return f"{path} is no journal: {exc}. Name another file."
    if isinstance(exc, sqlite3.DatabaseError) and not isinstance(exc, sqlite3.OperationalError):
        return (
            f"the journal {path} is damaged: {exc}. Move it away; what SQLite's .recover can read of it "
            "makes a new one."
        )
    return (
        f"the journal {path} cannot be opened: {exc}. "
        "Its folder must exist, have room, and be one that this process can write to."
    )


def _close_quietly(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        with contextlib.suppress(sqlite3.Error):
            connection.close()
