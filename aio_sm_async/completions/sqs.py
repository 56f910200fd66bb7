"""Completions from an SQS queue that is subscribed to the endpoint's SNS topics.

Long polls, ten messages at a time, and only while something is in flight. A poll that brought fewer than ten
waits a moment before the next, so that more come with it; full batches call for more pollers. What is not
ours is never deleted: it is handed back, with a delay that grows with each receive.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aio_sm_async.clock import Clock
from aio_sm_async.completions.outbox import Outbox
from aio_sm_async.completions.source import Inbox, Pump
from aio_sm_async.errors import AsyncInferenceError, ConfigurationError, UnreadableNotification
from aio_sm_async.flow import Quiet
from aio_sm_async.protocol.backoff import full_jitter
from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.invocation import Delivery
from aio_sm_async.protocol.notification import TestNotification, parse_notification
from aio_sm_async.statistics import Counters
from aio_sm_async.wire.queue import Queue, QueueMessage

logger = logging.getLogger("aio_sm_async.sqs")

BATCH_MESSAGES = 10
LINGER_SECONDS = 0.015
KIN_AGE_SECONDS = 15 * 60.0
OWN_RELEASE_SECONDS = 20
"""As long as a poll that was dropped at close may go on in SQS, and would swallow the message."""
MAX_RELEASE_SECONDS = 15 * 60
HOLD_SECONDS = 60 * 60
TOLERATED_LOSS = 1e-6


@dataclass(frozen=True, slots=True)
class SqsNotifications:
    """Take completions from SQS queues that are subscribed to the endpoint's success and error topics.

    Attributes:
        queue_urls: The queues, usually one. Each process should have a queue of its own.
        shared: Whether other clients read the same queues. Then their messages are expected, and handed back.
        clients_per_queue: How many clients share a queue, to judge its redrive policy by.
        max_pollers: The most long polls at once on one queue.
        session: An aiobotocore or aioboto3 session for the queues' account, if it is another one.
    """

    queue_urls: Sequence[str]
    shared: bool = False
    clients_per_queue: int = 10
    max_pollers: int = 4
    session: object | None = None

    def __post_init__(self) -> None:
        if isinstance(self.queue_urls, str) or not self.queue_urls:
            raise ConfigurationError(
                'SqsNotifications needs a list of queue URLs: queue_urls=["https://sqs..."]'
            )
        if self.clients_per_queue < 1 or self.max_pollers < 1:
            raise ConfigurationError("clients_per_queue and max_pollers must be at least 1")


class SqsSource:
    """One queue, being read.

    Args:
        queue_url: Its URL, for messages to people.
        polls: The calls that may stay open for long, on connections of their own.
        acks: The calls that must go through at once.
        settings: What the user chose.
        clock: Time.
        counters: Where messages of each kind are counted.
    """

    name = "sqs"

    def __init__(
        self,
        queue_url: str,
        *,
        polls: Queue,
        acks: Queue,
        settings: SqsNotifications,
        clock: Clock,
        counters: Counters,
    ) -> None:
        self._queue_url = queue_url
        self._polls = polls
        self._acks = acks
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._wait_seconds = 2 if settings.shared else 20
        self._deletes = Outbox(acks.delete, str, clock, linger_seconds=0.2)
        self._releases = Outbox(acks.change_visibility, lambda entry: entry[0], clock, linger_seconds=0.05)
        self._arrivals = ArrivalRate()
        self._helpers = 0
        self._open_polls = Quiet()
        self._is_quiescing = False
        self._has_warned_of_strangers = False
        self._made_at = clock.utc_now()

    def __repr__(self) -> str:
        return (
            f"<SqsSource {self._queue_url}: {len(self._deletes)} to delete, {len(self._releases)} to release>"
        )

    async def open(self) -> None:
        """Refuse a shared queue whose redrive policy would make dead letters of others' results."""
        if not self._settings.shared:
            return
        redrive = json.loads((await self._acks.attributes()).get("RedrivePolicy", "{}"))
        allowed = int(redrive.get("maxReceiveCount", 0))
        needed = needed_receives(self._settings.clients_per_queue)
        if 0 < allowed < needed:
            raise ConfigurationError(
                f"the redrive policy of {self._queue_url} allows {allowed} receives, but each of "
                f"{self._settings.clients_per_queue} clients takes any message with the same chance and "
                f"hands back what is not its own, so that only after {needed} receives fewer than one in a "
                f"million have missed their owner. Set maxReceiveCount to {needed}, or give each client "
                "its own queue."
            )

    def pumps(self) -> Mapping[str, Pump]:
        """The poller, and what sends acknowledgements and releases."""
        return {
            "sqs poll": self._poll,
            "sqs acknowledge": self._deletes.pump,
            "sqs release": self._releases.pump,
        }

    async def quiesce(self) -> None:
        """Open no more polls. On a shared queue, wait for the open ones: what they bring may be another's."""
        self._is_quiescing = True
        if self._settings.shared:
            await self._open_polls.wait()

    async def aclose(self) -> None:
        """Send the last acknowledgements and releases."""
        await asyncio.gather(self._deletes.flush(), self._releases.flush())

    async def _poll(self, inbox: Inbox) -> None:
        failures = 0
        async with asyncio.TaskGroup() as helpers:
            while True:
                await inbox.wait_pending()
                if self._is_quiescing:
                    await asyncio.Event().wait()  # until this pump is cancelled
                try:
                    is_full = await self._receive(inbox, wait_seconds=self._wait_seconds)
                except AsyncInferenceError as error:
                    failures += 1
                    inbox.source_failed(self._queue_url, error)
                    self._counters["sqs_errors"] += 1
                    if failures == 1:
                        logger.warning("cannot read %s, polling S3 meanwhile: %s", self._queue_url, error)
                    delay = full_jitter(failures, 0.999, base_seconds=0.2, cap_seconds=30.0)
                    await self._clock.sleep_until(self._clock.monotonic() + delay)
                    continue
                if failures:
                    failures = 0
                    inbox.source_recovered(self._queue_url)
                    logger.warning("can read %s again", self._queue_url)
                if is_full and self._helpers < self._settings.max_pollers - 1:
                    self._helpers += 1
                    helpers.create_task(self._help(inbox), name="sqs poll helper")

    async def _help(self, inbox: Inbox) -> None:
        """One more poller, for as long as batches come full."""
        try:
            while await self._receive(inbox, wait_seconds=0):
                pass
        except AsyncInferenceError:
            return  # the poller itself will meet the same error, and report it
        finally:
            self._helpers -= 1

    async def _receive(self, inbox: Inbox, *, wait_seconds: int) -> bool:
        """One poll and what it brings; True if the batch was full."""
        with self._open_polls:
            messages = await self._polls.receive(max_messages=BATCH_MESSAGES, wait_seconds=wait_seconds)
        now = self._clock.monotonic()
        for message in messages:
            self._take(inbox, message)
        linger = self._arrivals.observe(len(messages), now)
        if 0 < len(messages) < BATCH_MESSAGES and linger > 0:
            await self._clock.sleep_until(now + linger)
        return len(messages) == BATCH_MESSAGES

    def _take(self, inbox: Inbox, message: QueueMessage) -> None:
        self._counters["notifications"] += 1
        receipt = SqsReceipt(self, message.receipt_handle, message.receive_count, message.sent_time)
        try:
            notification = parse_notification(message.body)
        except UnreadableNotification as error:
            self._counters["unreadable"] += 1
            logger.warning(
                "a message on %s is no SageMaker notification, handed back: %s", self._queue_url, error
            )
            receipt.release(Ownership.STRANGER)
            return
        if isinstance(notification, TestNotification):
            receipt.acknowledge()
            return
        inbox.deliver(Delivery(notification, self.name, receipt))

    def delete(self, receipt: SqsReceipt) -> None:
        """Delete the message with the next batch."""
        self._deletes.put(receipt.handle)

    def hide(self, receipt: SqsReceipt, seconds: int) -> None:
        """Let nobody see the message for so long, from the next batch on."""
        self._releases.put((receipt.handle, seconds))

    def release(self, receipt: SqsReceipt, ownership: Ownership) -> None:
        """Hand the message back with the next batch; see `release_delay` for when it is seen again."""
        delay = release_delay(receipt, ownership, self._clock.utc_now())
        if delay is None:
            self.delete(receipt)
            return
        self.hide(receipt, delay)
        if ownership is Ownership.STRANGER and not self._settings.shared:
            self._warn_of_strangers(receipt)

    def _warn_of_strangers(self, receipt: SqsReceipt) -> None:
        # What was there before us is most likely of an earlier run of the same program, and not worth a word.
        is_older = receipt.sent_time is not None and receipt.sent_time < self._made_at
        if is_older or self._has_warned_of_strangers:
            return
        self._has_warned_of_strangers = True
        warnings.warn(
            f"{self._queue_url} brings messages that are not this client's, but an earlier run's or another "
            "client's. Give each process its own queue, with a filter policy on inferenceId, or say "
            "SqsNotifications(..., shared=True).",
            RuntimeWarning,
            stacklevel=2,
        )


@dataclass(frozen=True, slots=True)
class SqsReceipt:
    """A message without its body, and the source that can delete or release it."""

    source: SqsSource
    handle: str
    receive_count: int
    sent_time: datetime | None

    def acknowledge(self) -> None:
        """Delete the message with the next batch."""
        self.source.delete(self)

    def hold(self) -> None:
        """Let nobody see the message while its result waits to be taken."""
        self.source.hide(self, HOLD_SECONDS)

    def release(self, ownership: Ownership) -> None:
        """Hand the message back with the next batch."""
        self.source.release(self, ownership)


class ArrivalRate:
    """How fast messages come, and how long it is worth to wait for a fuller batch."""

    def __init__(self) -> None:
        self._per_second = 0.0
        self._last: float | None = None

    def observe(self, messages: int, now: float) -> float:
        """Take note of a batch; returns the seconds to wait before the next poll, 15 ms at most."""
        if self._last is not None and now > self._last:
            rate = messages / (now - self._last)
            self._per_second += 0.3 * (rate - self._per_second)
        self._last = now
        if self._per_second * LINGER_SECONDS < 1:
            return 0.0  # nobody else will come in so short a time
        return min(LINGER_SECONDS, BATCH_MESSAGES / self._per_second)


def release_delay(message: SqsReceipt, ownership: Ownership, now: datetime) -> int | None:
    """For how many seconds a message that is not ours stays invisible; None if it may be deleted.

    A stranger's comes back sooner at first, then ever later, so that two clients do not play ball with it.
    One that an earlier process of this client has left behind is deleted once it is fifteen minutes old: not
    before, since two processes may have been given one client_id by mistake.
    """
    age = (now - message.sent_time).total_seconds() if message.sent_time is not None else 0.0
    if ownership is Ownership.KIN and age >= KIN_AGE_SECONDS:
        return None
    if ownership is Ownership.OURS:
        return OWN_RELEASE_SECONDS
    return int(min(MAX_RELEASE_SECONDS, 2 ** min(message.receive_count - 1, 20)))


def needed_receives(clients: int) -> int:
    """After how many receives a message has met its owner, one of ``clients``, but for one in a million."""
    return 1 if clients == 1 else math.ceil(math.log(TOLERATED_LOSS) / math.log(1 - 1 / clients))
