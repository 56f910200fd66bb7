"""Many changes as one statement.

sqlite3 lets go of the interpreter's lock several times a statement, and each time a busy event loop may keep
it for milliseconds. So a batch must not be a statement per change: it is rows, inserted many at a time into a
view whose triggers carry them out one after the other, in their order, inside SQLite.

Binding None costs sqlite3 ten times what binding a number costs, and most columns of most changes are absent.
So an absent value travels as the number 0, which no column that may be NULL can hold, and is NULL inside.
"""

from __future__ import annotations

import re
from typing import Literal

from aio_sm_async.protocol.journal_entry import COLUMNS, Stage, Value

Kind = Literal["accept", "settle", "consume", "forget"]
Row = tuple[Value, ...]
Told = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""Output location, failure location, deadline, ending, reason, content type."""

_NAMES = ", ".join(COLUMNS)
_CHANGE = ("position", "kind", "replaces", *COLUMNS)

WIDTH = len(_CHANGE)

# What a change tells stands last among the columns, after the name and what only a claim tells.
_NOTHING_TOLD: Told = (None,) * 6
_UNTOLD: Row = (0,) * (COLUMNS.index("output_location") - 1)
assert COLUMNS[-6:] == (
    "output_location",
    "failure_location",
    "deadline",
    "ending",
    "reason",
    "content_type",
)

_CERTAIN = {"name", "inference_id", "endpoint_name", "patience_seconds", "job", "is_in_block", "stage"}
_MAYBE_ABSENT = re.compile(rf"NEW\.({'|'.join({'replaces', *COLUMNS} - _CERTAIN)})\b")

_CARRIED_OUT = {
    # What would be refused must not take away what it replaces.
    "claim": f"""
        DELETE FROM entry WHERE name = NEW.replaces AND NOT EXISTS (
            SELECT 1 FROM entry WHERE name = NEW.name
            UNION ALL
            SELECT 1 FROM entry WHERE job = NEW.job AND key = NEW.key AND name <> NEW.replaces
        );
        INSERT INTO entry ({_NAMES}) VALUES ({", ".join(f"NEW.{column}" for column in COLUMNS)})
            ON CONFLICT DO NOTHING;
        INSERT INTO refused SELECT NEW.position, NEW.name, NEW.job, NEW.key WHERE changes() = 0;
    """,  # noqa: S608 - made of our own column names
    "accept": f"""
        UPDATE entry SET
            stage = max(stage, {int(Stage.ACCEPTED)}),
            output_location = NEW.output_location,
            failure_location = NEW.failure_location,
            deadline = NEW.deadline
        WHERE name = NEW.name;
    """,  # noqa: S608 - a number of ours
    "settle": f"""
        UPDATE entry SET
            stage = max(stage, {int(Stage.SETTLED)}),
            ending = NEW.ending,
            reason = NEW.reason,
            content_type = NEW.content_type,
            output_location = coalesce(NEW.output_location, output_location),
            failure_location = coalesce(NEW.failure_location, failure_location)
        WHERE name = NEW.name;
    """,  # noqa: S608 - a number of ours
    "consume": f"""
        DELETE FROM entry WHERE name = NEW.name AND key IS NULL;
        UPDATE entry SET stage = {int(Stage.CONSUMED)} WHERE name = NEW.name;
    """,  # noqa: S608 - a number of ours
    "forget": "DELETE FROM entry WHERE name = NEW.name;",
}


def _trigger(kind: str, body: str) -> str:
    carried_out = _MAYBE_ABSENT.sub(r"nullif(NEW.\1, 0)", body)
    return (
        f"CREATE TEMP TRIGGER {kind}s INSTEAD OF INSERT ON change WHEN NEW.kind = '{kind}' "
        f"BEGIN {carried_out} END"
    )


# All of this is the connection's own, and not on disk.
PREPARATIONS = (
    "PRAGMA temp_store = MEMORY",
    f"CREATE TEMP VIEW change AS SELECT {', '.join(f'NULL AS {column}' for column in _CHANGE)}",
    "CREATE TEMP TABLE refused (position INTEGER PRIMARY KEY, name TEXT, job TEXT, key TEXT)",
    *(_trigger(kind, body) for kind, body in _CARRIED_OUT.items()),
)

REFUSED = (
    f"SELECT refused.position, {', '.join(f'entry.{column}' for column in COLUMNS)} "  # noqa: S608 - as above
    "FROM refused LEFT JOIN entry ON entry.name = refused.name "
    "OR (entry.job = refused.job AND entry.key = refused.key)"
)


def claiming(row: Row, replaces: str | None) -> Row:
    """The change that inserts an entry's row, unless its name or its key is there; see ``refused``."""
    return ("claim", replaces, *row)


def changing(kind: Kind, name: str, told: Told = _NOTHING_TOLD) -> Row:
    """The change of the entry with a name."""
    return (kind, None, name, *_UNTOLD, *told)


def insertion(size: int) -> str:
    """The statement for so many changes, each of them after its position, and 0 for what is None."""
    row = f"({', '.join('?' * WIDTH)})"
    return f"INSERT INTO change ({', '.join(_CHANGE)}) VALUES {', '.join([row] * size)}"  # noqa: S608 - as above
