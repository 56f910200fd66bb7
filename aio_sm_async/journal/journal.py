"""The journal, for the event loop: orders gather while one batch is written, and make the next.

The loop never touches the file. One thread of the journal's own does, one transaction a batch.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from aio_sm_async.errors import JournalError
from aio_sm_async.journal.changes import Row, changing, claiming
from aio_sm_async.journal.orders import Change, Claim, Mark, Order, Question
from aio_sm_async.journal.store import Store
from aio_sm_async.journal.table import Table
from aio_sm_async.protocol.journal_entry import (
    Ending,
    JournalEntry,
    encode_location,
    encode_moment,
    encode_words,
)
from aio_sm_async.protocol.location import S3Location

logger = logging.getLogger("aio_sm_async.journal")

LAG_SECONDS = 0.02
"""How long what nobody waits for gathers, if nobody comes who waits."""

RETRY_SECONDS = 1.0
"""How long after a write that failed what is left is tried again, if nothing comes before."""

T = TypeVar("T")


class Journal:
    """What was sent and what became of it, on disk. It belongs to one event loop of one process.

    Attributes:
        path: The file.
        client_id: The id of the client that it belongs to; None as long as it has none.
        failed_writes: How many transactions failed.
    """

    def __init__(self, store: Store, thread: ThreadPoolExecutor, loop: asyncio.AbstractEventLoop) -> None:
        self.path = store.path
        self.client_id = store.client_id
        self.failed_writes = 0
        self._store = store
        self._thread = thread
        self._loop = loop
        self._pid = os.getpid()
        self._orders: list[Order] = []  # not being written yet, oldest first
        self._writing: list[Order] = []
        self._wake: asyncio.Handle | None = None
        self._is_hurried = False
        self._closed: asyncio.Future[None] | None = None  # set while and after it closes
        self._is_broken = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "broken" if self._is_broken else "open"
        return f"<Journal {self.path} {state}, {len(self._orders) + len(self._writing)} to write>"

    @classmethod
    async def open(cls, path: str | os.PathLike[str]) -> Journal:
        """Open the journal at ``path``, or create it; no other process can have it until it is closed.

        Raises:
            JournalError: Another process holds it, it is no journal of ours, it is damaged or of a newer
                release, or its folder cannot be written to.
        """
        file = os.fspath(path)
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="aio_sm_async-journal")
        opening = loop.run_in_executor(thread, lambda: cls(Store.open(file), thread, loop))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_again)
            raise
        except JournalError:
            thread.shutdown(wait=False)
            raise

    async def name_client(self, client_id: str) -> None:
        """Keep the client's id for the next run.

        Raises:
            JournalError: It cannot be written.
        """
        await self._ask(lambda table: table.name_client(client_id))
        self.client_id = client_id

    async def register(self, entry: JournalEntry, *, replaces: str | None = None) -> JournalEntry | None:
        """Write down an invocation before it is sent; return once that survives this process.

        If it is cancelled, the entry is forgotten again.

        Args:
            entry: The invocation.
            replaces: The name of the entry that gives way to it, in the same transaction: an earlier try with
                the same key.

        Returns:
            None if it is registered. The entry that has its key, or its name, already, if there is one other
            than that which it replaces: then nothing was written.

        Raises:
            InvalidRequestError: One of its names cannot be written.
            JournalError: It cannot be written, and is not registered.
        """
        row = claiming(entry.encode(), replaces)
        waiter: asyncio.Future[JournalEntry | None] = self._loop.create_future()
        try:
            return await self._answer(Claim(row, waiter), waiter)
        except asyncio.CancelledError:
            self.forget(entry.name)
            raise

    def accepted(
        self,
        name: str,
        *,
        output_location: S3Location | None,
        failure_location: S3Location | None,
        deadline: datetime | None,
    ) -> None:
        """Note that SageMaker took it, and what its answer said."""
        output, failure = encode_location(output_location), encode_location(failure_location)
        moment = encode_moment(deadline)
        self._tell(changing("accept", name, (output, failure, moment, None, None, None)))

    def settled(
        self,
        name: str,
        ending: Ending,
        *,
        reason: str | None = None,
        output_location: S3Location | None = None,
        failure_location: S3Location | None = None,
        content_type: str | None = None,
    ) -> None:
        """Note how it ended. A location that is not given stays; of a long reason the beginning is kept."""
        output, failure = encode_location(output_location), encode_location(failure_location)
        why, kind = encode_words(reason), encode_words(content_type)
        self._tell(changing("settle", name, (output, failure, None, ending.value, why, kind)))

    def consumed(self, name: str) -> None:
        """Note that the caller has its outcome. It is deleted; if it has a key it stays, to be skipped."""
        self._tell(changing("consume", name))

    def forget(self, name: str) -> None:
        """Delete it: it was rejected, or abandoned."""
        self._tell(changing("forget", name))

    def when_written(self, callback: Callable[[], object]) -> None:
        """Have ``callback`` called in the loop once all that was told before is committed.

        It is called at once if nothing is pending, and never if the journal is closed before.
        """
        if self._closed is not None:
            return
        if not self._orders and not self._writing:
            callback()
            return
        self._add(Mark(callback))

    async def find(self, job: str, key: str) -> JournalEntry | None:
        """The entry of a key; None if there is none.

        Raises:
            JournalError: What was told before cannot be written, or the file cannot be read.
        """
        return await self._ask(lambda table: table.find(job, key))

    async def unfinished(self) -> list[JournalEntry]:
        """All entries that nobody has consumed, oldest first.

        Raises:
            JournalError: As `find` does.
        """
        return await self._ask(Table.unfinished)

    async def output_examples(self) -> list[JournalEntry]:
        """For each endpoint the latest entry whose output location is known.

        Raises:
            JournalError: As `find` does.
        """
        return await self._ask(Table.output_examples)

    async def flush(self) -> None:
        """Wait until all that was told before is committed.

        Raises:
            JournalError: It cannot be written; it is kept, and tried again.
        """
        await self._ask(lambda _: None)

    async def aclose(self) -> None:
        """Write what is left, and let others have the file. What cannot be written is logged and lost."""
        if self._pid != os.getpid():
            return
        if self._closed is None:
            self._closed = self._loop.create_future()
            self._cancel_wake()
            if not self._writing:
                self._close()
        await asyncio.shield(self._closed)

    async def _ask(self, look: Callable[[Table], T]) -> T:
        waiter: asyncio.Future[T] = self._loop.create_future()
        return await self._answer(Question(look, waiter), waiter)

    async def _answer(self, order: Order, waiter: asyncio.Future[T]) -> T:
        if self._pid != os.getpid():
            raise JournalError(
                f"the journal {self.path} belongs to process {self._pid}, of which this one is a fork. "
                "Open the client after the fork.",
                path=self.path,
            )
        if self._closed is not None:
            raise JournalError(f"the journal {self.path} is closed. Open the client anew.", path=self.path)
        self._orders.append(order)
        if not self._is_hurried and not self._writing:
            self._hurry()
        return await waiter

    def _tell(self, row: Row) -> None:
        if self._closed is None:
            self._add(Change(row))

    def _add(self, order: Order) -> None:
        self._orders.append(order)
        if self._wake is None and not self._writing:
            self._wake = self._loop.call_later(LAG_SECONDS, self._write)

    def _hurry(self) -> None:
        """Somebody waits: write at the end of this turn of the loop, whatever was planned."""
        self._cancel_wake()
        self._is_hurried = True
        self._wake = self._loop.call_soon(self._write)

    def _cancel_wake(self) -> None:
        self._is_hurried = False
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def _write(self) -> None:
        self._wake, self._is_hurried = None, False
        if self._pid != os.getpid():
            return
        self._writing, self._orders = self._orders, []
        written = self._loop.run_in_executor(self._thread, self._store.carry_out, self._writing)
        written.add_done_callback(self._written)

    def _written(self, written: asyncio.Future[None]) -> None:
        batch, self._writing = self._writing, []
        error = written.exception()
        if error is None:
            self._mended()
            for order in batch:
                order.committed()
        else:
            assert isinstance(error, JournalError)
            self._broke(error)
            self._orders[:0] = [order for order in batch if order.failed(error)]
        if self._closed is not None:
            self._close()
        elif any(isinstance(order, Claim | Question) for order in self._orders):
            self._hurry()
        elif self._orders:
            delay = LAG_SECONDS if error is None else RETRY_SECONDS
            self._wake = self._loop.call_later(delay, self._write)

    def _mended(self) -> None:
        if self._is_broken:
            logger.warning("the journal %s can be written again", self.path)
        self._is_broken = False

    def _broke(self, error: JournalError) -> None:
        self.failed_writes += 1
        if not self._is_broken:
            logger.error("%s", error)
        self._is_broken = True

    def _close(self) -> None:
        """The last attempt, and the end of the thread."""
        self._writing, self._orders = self._orders, []
        closing = self._loop.run_in_executor(self._thread, self._write_and_close, self._writing)
        closing.add_done_callback(self._ended)

    def _write_and_close(self, orders: list[Order]) -> None:
        try:
            if orders:
                self._store.carry_out(orders)
        finally:
            self._store.close()

    def _ended(self, closing: asyncio.Future[None]) -> None:
        batch, self._writing = self._writing, []
        self._thread.shutdown(wait=False)
        error = closing.exception()
        if error is None:
            for order in batch:
                order.committed()
        else:
            assert isinstance(error, JournalError)
            self.failed_writes += 1
            lost = [order for order in batch if order.failed(error) and isinstance(order, Change)]
            logger.error("%d changes are lost to the journal: %s", len(lost), error)
        assert self._closed is not None
        if not self._closed.done():
            self._closed.set_result(None)


def _close_again(opening: asyncio.Future[Journal]) -> None:
    """Nobody waits for it any more."""
    if opening.cancelled() or opening.exception() is not None:
        return
    journal = opening.result()
    journal._thread.submit(journal._store.close)  # noqa: SLF001 - it is this module's own
    journal._thread.shutdown(wait=False)  # noqa: SLF001 - as above
