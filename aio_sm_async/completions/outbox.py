"""Acknowledgements and releases on their way to SQS: gathered by tens, sent after a short wait.

A batch costs as much as a single call, so a message that is done with waits a moment for nine others. What
SQS refuses for the moment is tried again; what it will never take (a receipt that has expired) is dropped,
for then the message comes again and is acknowledged as a duplicate.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from aio_sm_async.clock import Clock
from aio_sm_async.errors import AsyncInferenceError
from aio_sm_async.wire.queue import BatchFailure

logger = logging.getLogger("aio_sm_async.sqs")

BATCH_ENTRIES = 10
MAX_ATTEMPTS = 5

E = TypeVar("E")


class Outbox(Generic[E]):
    """Entries for one batch operation of one queue.

    Args:
        send: Sends up to ten entries, and returns those that were refused.
        handle_of: The receipt handle of an entry.
        clock: Time.
        linger_seconds: How long the first entry of a batch waits for company.
    """

    def __init__(
        self,
        send: Callable[[Sequence[E]], Awaitable[Sequence[BatchFailure]]],
        handle_of: Callable[[E], str],
        clock: Clock,
        *,
        linger_seconds: float,
    ) -> None:
        self._send = send
        self._handle_of = handle_of
        self._clock = clock
        self._linger_seconds = linger_seconds
        self._entries: dict[str, tuple[E, int]] = {}
        self._is_filled = asyncio.Event()
        self._is_full = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: E, *, attempt: int = 1) -> None:
        """Send the entry with the next batch."""
        self._entries[self._handle_of(entry)] = (entry, attempt)
        self._is_filled.set()
        if len(self._entries) >= BATCH_ENTRIES:
            self._is_full.set()

    async def pump(self, _: object = None) -> None:
        """Send batches until cancelled."""
        while True:
            await self._is_filled.wait()
            try:
                async with self._clock.timeout_at(self._clock.monotonic() + self._linger_seconds):
                    await self._is_full.wait()
            except TimeoutError:
                pass  # no more company came: a smaller batch it is
            await self.flush()

    async def flush(self) -> None:
        """Send all there is now, in batches side by side. Cancelled, it puts back what was not answered."""
        waiting = list(self._entries.values())
        self._entries.clear()
        self._is_filled.clear()
        self._is_full.clear()
        batches = {
            start: waiting[start : start + BATCH_ENTRIES] for start in range(0, len(waiting), BATCH_ENTRIES)
        }

        async def send(start: int) -> None:
            await self._send_batch(batches[start])
            del batches[start]

        try:
            await asyncio.gather(*map(send, tuple(batches)))
        except asyncio.CancelledError:  # here, since a batch may be cancelled before its first step
            for batch in batches.values():
                for entry, attempt in batch:
                    self.put(entry, attempt=attempt)
            raise

    async def _send_batch(self, batch: list[tuple[E, int]]) -> None:
        try:
            refusals = await self._send([entry for entry, _ in batch])
        except AsyncInferenceError as error:
            logger.info(
                "could not send %d acknowledgements or releases, will try again: %s", len(batch), error
            )
            self._put_back(batch)
            return
        passing = {refusal.receipt_handle for refusal in refusals if not refusal.sender_fault}
        self._put_back([(entry, attempt) for entry, attempt in batch if self._handle_of(entry) in passing])

    def _put_back(self, batch: list[tuple[E, int]]) -> None:
        for entry, attempt in batch:
            if attempt < MAX_ATTEMPTS:
                self.put(entry, attempt=attempt + 1)
            else:
                logger.warning(
                    "gave up on a message's receipt after %d attempts; it will come again", attempt
                )
