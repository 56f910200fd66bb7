"""What waits to be written: each order runs in the writer's thread, and is answered in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from aio_sm_async.errors import JournalError
from aio_sm_async.journal.changes import Row
from aio_sm_async.journal.table import Table
from aio_sm_async.protocol.journal_entry import JournalEntry

T = TypeVar("T")


class Order(Protocol):
    """One thing to do, and who waits for it."""

    def run(self, table: Table) -> None:
        """Do it, within a transaction. It may be run again if that fails."""
        ...

    def committed(self) -> None:
        """Tell whoever waits."""
        ...

    def failed(self, error: JournalError) -> bool:
        """Tell whoever waits; true if it stays to be tried again."""
        ...


class Change:
    """Something that has happened already: it is written sooner or later, and nobody waits."""

    __slots__ = ("_row",)

    def __init__(self, row: Row) -> None:
        self._row = row

    def run(self, table: Table) -> None:
        """Write it down."""
        table.put(self._row)

    def committed(self) -> None:
        """Nobody waits."""

    def failed(self, error: JournalError) -> bool:  # noqa: ARG002 - an order is told
        """It has happened all the same."""
        return True


class _Awaited(Generic[T]):
    """Something that somebody waits for: it is done now, or not at all."""

    __slots__ = ("_answer", "_waiter")

    _answer: T

    def __init__(self, waiter: asyncio.Future[T]) -> None:
        self._waiter = waiter

    def committed(self) -> None:
        """Answer, unless nobody waits any more."""
        if not self._waiter.done():
            self._waiter.set_result(self._answer)

    def failed(self, error: JournalError) -> bool:
        """Raise where it is waited for."""
        if not self._waiter.done():
            # Each has one of its own: what is raised in several places gathers all their tracebacks.
            own = JournalError(str(error), path=error.path)
            own.__cause__ = error.__cause__
            self._waiter.set_exception(own)
        return False


class Question(_Awaited[T]):
    """Something to look up, after all that was told before."""

    __slots__ = ("_look",)

    def __init__(self, look: Callable[[Table], T], waiter: asyncio.Future[T]) -> None:
        super().__init__(waiter)
        self._look = look

    def run(self, table: Table) -> None:
        """Look it up."""
        self._answer = self._look(table)


class Claim(_Awaited[JournalEntry | None]):
    """An entry that is written if its key is free."""

    __slots__ = ("_row",)

    def __init__(self, row: Row, waiter: asyncio.Future[JournalEntry | None]) -> None:
        super().__init__(waiter)
        self._row = row

    def run(self, table: Table) -> None:
        """Write it down, unless the caller has left."""
        if not self._waiter.cancelled():
            self._answer = None
            table.put(self._row, self._refused)

    def _refused(self, met: JournalEntry) -> None:
        self._answer = met


class Mark:
    """A place among the orders: its callback is called once all before it are committed."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback

    def run(self, table: Table) -> None:
        """There is nothing to write."""

    def committed(self) -> None:
        """Call it from the loop, so that what it raises is the loop's to report."""
        asyncio.get_running_loop().call_soon(self._callback)

    def failed(self, error: JournalError) -> bool:  # noqa: ARG002 - an order is told
        """It waits with what it waits for."""
        return True
