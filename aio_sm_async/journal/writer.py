"""Writes a journal in batches: orders gather while one is written, and make the next.

The loop never touches the file. One thread of the journal's own does, one transaction a batch.
"""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aio_sm_async.errors import JournalError
from aio_sm_async.journal.orders import Change, Claim, Order, Question
from aio_sm_async.journal.store import Store

logger = logging.getLogger("aio_sm_async.journal")

GATHER_SECONDS = 0.003
"""How long an order that somebody waits for gathers others: a batch costs the same for one as for many."""

LAG_SECONDS = 0.02
"""How long what nobody waits for gathers, if nobody comes who waits."""

RETRY_SECONDS = 1.0
"""How long after a write that failed what is left is tried again, if nothing comes before."""

T = TypeVar("T")


class Writer:
    """Carries out orders, oldest first. It belongs to one event loop of one process.

    Args:
        store: The file.
        thread: Where it is written; ended with the writer.
        loop: Where orders come from.

    Attributes:
        failed_writes: How many transactions failed.
    """

    def __init__(self, store: Store, thread: ThreadPoolExecutor, loop: asyncio.AbstractEventLoop) -> None:
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
        return f"<Writer {state}, {len(self._orders) + len(self._writing)} to write>"

    @property
    def is_closed(self) -> bool:
        """Whether it takes no orders any more."""
        return self._closed is not None

    @property
    def is_idle(self) -> bool:
        """Whether all orders were carried out."""
        return not self._orders and not self._writing

    async def answer(self, order: Order, waiter: asyncio.Future[T]) -> T:
        """Carry the order out with the next batch, soon, and return what came of it.

        Raises:
            JournalError: It could not be carried out, or cannot here.
        """
        path = self._store.path
        if self._pid != os.getpid():
            raise JournalError(
                f"the journal {path} belongs to process {self._pid}, of which this one is a fork. Open the "
                "client after the fork.",
                path=path,
            )
        if self._closed is not None:
            raise JournalError(f"the journal {path} is closed. Open the client anew.", path=path)
        self._orders.append(order)
        if not self._is_hurried and not self._writing:
            self._hurry()
        return await waiter

    def add(self, order: Order) -> None:
        """Carry the order out with one of the next batches; nobody waits for it. Closed, it is dropped."""
        if self._closed is not None:
            return
        self._orders.append(order)
        if self._wake is None and not self._writing:
            self._wake = self._loop.call_later(LAG_SECONDS, self._write)

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

    def _hurry(self) -> None:
        """Somebody waits: write soon, whatever was planned."""
        self._cancel_wake()
        self._is_hurried = True
        self._wake = self._loop.call_later(GATHER_SECONDS, self._write)

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
            logger.warning("the journal %s can be written again", self._store.path)
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
