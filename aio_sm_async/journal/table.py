"""The rows of the journal: each method is one change, or one question, in a transaction of the caller's."""

from __future__ import annotations

import sqlite3

from aio_sm_async.protocol.journal_entry import COLUMNS, JournalEntry, Stage, Value

_NAMES = ", ".join(COLUMNS)
# Nothing that a caller gave is part of a statement.
_SELECT = f"SELECT {_NAMES} FROM entry"  # noqa: S608 - made of our own column names
_INSERT = f"INSERT OR IGNORE INTO entry ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - as above
_ACCEPT = (
    f"UPDATE entry SET stage = max(stage, {int(Stage.ACCEPTED)}), "  # noqa: S608 - a number of ours
    "output_location = ?, failure_location = ?, deadline = ? WHERE name = ?"
)
_SETTLE = (
    f"UPDATE entry SET stage = max(stage, {int(Stage.SETTLED)}), "  # noqa: S608 - a number of ours
    "ending = ?, reason = ?, content_type = ?, output_location = coalesce(?, output_location), "
    "failure_location = coalesce(?, failure_location) WHERE name = ?"
)
_EXAMPLES = (
    f"{_SELECT} WHERE number IN "  # noqa: S608 - as above
    "(SELECT max(number) FROM entry WHERE output_location IS NOT NULL GROUP BY endpoint_name) ORDER BY number"
)


class Table:
    """The entries and the client's id, over a connection whose transactions are somebody else's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        # One cursor, and few statements: each is compiled once and found again by its text.
        self._execute = connection.cursor().execute

    def claim(
        self, row: tuple[Value, ...], key: str | None, job: str, replaces: str | None
    ) -> JournalEntry | None:
        """Insert the row and return None, or return the entry that has its name or its key already."""
        if replaces is not None:
            other = self.find(job, key) if key is not None else None
            if other is not None and other.name != replaces:
                return other
            self.forget(replaces)
        if self._execute(_INSERT, row).rowcount:
            return None
        found = self._one("WHERE name = ?", row[0]) or (self.find(job, key) if key is not None else None)
        assert found is not None, "what is ignored is there"
        return found

    def accept(self, name: str, output: str | None, failure: str | None, deadline: str | None) -> None:
        """Note what the 202 said."""
        self._execute(_ACCEPT, (output, failure, deadline, name))

    def settle(
        self,
        name: str,
        ending: str,
        reason: str | None,
        content_type: str | None,
        *,
        output: str | None,
        failure: str | None,
    ) -> None:
        """Note how it ended; a location that is None stays what it was."""
        self._execute(_SETTLE, (ending, reason, content_type, output, failure, name))

    def consume(self, name: str) -> None:
        """Delete the row; one with a key stays, so that another run skips it."""
        if not self._execute("DELETE FROM entry WHERE name = ? AND key IS NULL", (name,)).rowcount:
            self._execute("UPDATE entry SET stage = ? WHERE name = ?", (int(Stage.CONSUMED), name))

    def forget(self, name: str) -> None:
        """Delete the row, key or not."""
        self._execute("DELETE FROM entry WHERE name = ?", (name,))

    def find(self, job: str, key: str) -> JournalEntry | None:
        """The entry of a key; None if there is none."""
        return self._one("WHERE job = ? AND key = ?", job, key)

    def unfinished(self) -> list[JournalEntry]:
        """All that nobody has consumed, oldest first."""
        rows = self._execute(f"{_SELECT} WHERE stage < ? ORDER BY number", (int(Stage.CONSUMED),))
        return [JournalEntry.decode(row) for row in rows]

    def output_examples(self) -> list[JournalEntry]:
        """For each endpoint the latest entry whose output location is known."""
        return [JournalEntry.decode(row) for row in self._execute(_EXAMPLES)]

    def name_client(self, client_id: str) -> None:
        """Keep the client's id."""
        self._execute("INSERT OR REPLACE INTO about VALUES ('client_id', ?)", (client_id,))

    def client_id(self) -> str | None:
        """The client's id; None if it has none yet."""
        row: tuple[str] | None = self._execute("SELECT value FROM about WHERE name = 'client_id'").fetchone()
        return row[0] if row else None

    def _one(self, where: str, *values: Value) -> JournalEntry | None:
        row: tuple[Value, ...] | None = self._execute(f"{_SELECT} {where}", values).fetchone()
        return JournalEntry.decode(row) if row else None
