"""The journal, for the event loop: what is told to it, and what it is asked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from aio_sm_async.errors import JournalError
from aio_sm_async.journal.changes import Row, changing, claiming
from aio_sm_async.journal.orders import Change, Claim, Mark, Question
from aio_sm_async.journal.store import Store
from aio_sm_async.journal.table import Table
from aio_sm_async.journal.writer import Writer
from aio_sm_async.protocol.journal_entry import (
    Ending,
    JournalEntry,
    encode_location,
    encode_moment,
    encode_words,
)
from aio_sm_async.protocol.location import S3Location

T = TypeVar("T")


class Journal:
    """What was sent and what became of it, on disk. It belongs to one event loop of one process.

    Attributes:
        path: The file.
        client_id: The id of the client that it belongs to; None as long as it has none.
    """

    def __init__(self, store: Store, thread: ThreadPoolExecutor, loop: asyncio.AbstractEventLoop) -> None:
        self.path = store.path
        self.client_id = store.client_id
        self._store = store
        self._thread = thread
        self._loop = loop
        self._writer = Writer(store, thread, loop)

    def __repr__(self) -> str:
        return f"<Journal {self.path} {self._writer!r}>"

    @property
    def failed_writes(self) -> int:
        """How many transactions failed."""
        return self._writer.failed_writes

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
            return await self._writer.answer(Claim(row, waiter), waiter)
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
        if self._writer.is_closed:
            return
        if self._writer.is_idle:
            callback()
        else:
            self._writer.add(Mark(callback))

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
        await self._writer.aclose()

    async def _ask(self, look: Callable[[Table], T]) -> T:
        waiter: asyncio.Future[T] = self._loop.create_future()
        return await self._writer.answer(Question(look, waiter), waiter)

    def _tell(self, row: Row) -> None:
        self._writer.add(Change(row))


def _close_again(opening: asyncio.Future[Journal]) -> None:
    """Nobody waits for it any more."""
    if opening.cancelled() or opening.exception() is not None:
        return
    journal = opening.result()
    journal._thread.submit(journal._store.close)  # noqa: SLF001 - it is this module's own
    journal._thread.shutdown(wait=False)  # noqa: SLF001 - as above
