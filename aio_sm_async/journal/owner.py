"""Who holds a journal, written beside it.

The lock is SQLite's own, and vanishes with the process. This file is only there to tell whom to look for, so
that losing it, or finding an old one, does no harm.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that holds a journal.

    Attributes:
        pid: Its number.
        host: Its machine.
        since: When it opened the journal, UTC.
    """

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


def this_process() -> Owner:
    """The one that asks."""
    now = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    return Owner(os.getpid(), socket.gethostname(), now)


def write_owner(path: str, owner: Owner) -> None:
    """Write down who holds the journal at ``path``; nothing where that cannot be written."""
    with contextlib.suppress(OSError):
        # Another's file, with another's mode, gives way to a new one.
        _unlink(path)
        file = os.open(_beside(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(file, "w", encoding="utf-8") as text:
            json.dump(asdict(owner), text)


def read_owner(path: str) -> Owner | None:
    """Who holds the journal at ``path``; None where that cannot be told."""
    try:
        with open(_beside(path), encoding="utf-8") as text:
            members = json.loads(text.read(4096))
        return Owner(int(members["pid"]), str(members["host"])[:255], str(members["since"])[:40])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def erase_owner(path: str) -> None:
    """Nobody holds the journal at ``path`` any more."""
    with contextlib.suppress(OSError):
        _unlink(path)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_beside(path))


def _beside(path: str) -> str:
    return f"{path}-owner"
