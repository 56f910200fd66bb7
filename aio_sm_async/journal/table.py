"""The entries in the file: changes gather until there are many, or until somebody asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from aio_sm_async.journal.changes import PREPARATIONS, REFUSED, WIDTH, Row, insertion
from aio_sm_async.protocol.journal_entry import COLUMNS, JournalEntry, Stage

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM entry"  # noqa: S608 - made of our own column names
_EXAMPLES = (
    f"{_SELECT} WHERE number IN "  # noqa: S608 - as above
    "(SELECT max(number) FROM entry WHERE output_location IS NOT NULL GROUP BY endpoint_name) ORDER BY number"
)
_MOST = 128
_NO_CHANGE: Row = (0,) * WIDTH

Refused = Callable[[JournalEntry], None]
"""Called with the entry that a claim met in its place."""


class Table:
    """The entries and the client's id, over a connection whose transactions are somebody else's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        for preparation in PREPARATIONS:
            connection.execute(preparation)
        self._execute = connection.cursor().execute
        # SQLite before 3.32 takes 999 values a statement.
        self._most = min(_MOST, connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // WIDTH)
        self._values: list[Row] = []
        self._claims: dict[int, Refused] = {}

    def put(self, row: Row, refused: Refused | None = None) -> None:
        """Take one change; it is in the file after `carry_out`.

        Args:
            row: The change.
            refused: Of a claim: whom to tell if it was refused.
        """
        position = len(self._values)
        self._values.append((position, *row))
        if refused is not None:
            self._claims[position] = refused
        if position + 1 == self._most:
            self.carry_out()

    def carry_out(self) -> None:
        """Make all changes that were put."""
        while self._values:
            self._execute(*self._statement())
            again = self._tell_the_refused() if self._claims else []
            self.drop()
            for row, refused in again:
                self.put(row, refused)

    def drop(self) -> None:
        """Forget the changes that were put: their transaction has failed, or they are made."""
        self._values.clear()
        self._claims.clear()

    def find(self, job: str, key: str) -> JournalEntry | None:
        """The entry of a key; None if there is none."""
        self.carry_out()
        row: Row | None = self._execute(f"{_SELECT} WHERE job = ? AND key = ?", (job, key)).fetchone()
        return JournalEntry.decode(row) if row else None

    def unfinished(self) -> list[JournalEntry]:
        """All that nobody has consumed, oldest first."""
        self.carry_out()
        rows = self._execute(f"{_SELECT} WHERE stage < ? ORDER BY number", (int(Stage.CONSUMED),))
        return [JournalEntry.decode(row) for row in rows]

    def output_examples(self) -> list[JournalEntry]:
        """For each endpoint the latest entry whose output location is known."""
        self.carry_out()
        return [JournalEntry.decode(row) for row in self._execute(_EXAMPLES)]

    def name_client(self, client_id: str) -> None:
        """Keep the client's id."""
        self._execute("INSERT OR REPLACE INTO about VALUES ('client_id', ?)", (client_id,))

    def client_id(self) -> str | None:
        """The client's id; None if it has none yet."""
        row: tuple[str] | None = self._execute("SELECT value FROM about WHERE name = 'client_id'").fetchone()
        return row[0] if row else None

    def _statement(self) -> tuple[str, Row]:
        # Few sizes, so that their statements stay compiled; what is too many is no change.
        size = min(self._most, 1 << (len(self._values) - 1).bit_length())
        self._values += [_NO_CHANGE] * (size - len(self._values))
        return insertion(size), tuple(
            [0 if value is None else value for row in self._values for value in row]
        )

    def _tell_the_refused(self) -> list[tuple[Row, Refused]]:
        """Tell each claim what it met; those that met what is gone by now are to be made again."""
        again = []
        met = self._execute(REFUSED).fetchall()
        for position, *row in met:
            refused = self._claims[position]
            if row[0] is None:
                again.append((self._values[position][1:], refused))
            else:
                refused(JournalEntry.decode(tuple(row)))
        if met:
            self._execute("DELETE FROM refused")
        return again
