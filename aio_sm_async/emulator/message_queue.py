"""One standard queue on a clock.

What AWS documents, and what it leaves open and is decided here:

- Only the receipt handle of the latest receive deletes a message. An older one succeeds and deletes nothing
  (documented: it "might not"). It cannot change the visibility either (guessed).
- A message that was received ``maxReceiveCount`` times moves to the dead-letter queue when the next receive
  comes upon it, and not before. It keeps its age and its receive count there.
- Retention counts from the first send, also in a dead-letter queue, and also while in flight.
- Above the limit of messages in flight a short poll gets ``OverLimit``; a long poll gets nothing.
- A long poll whose client has gone away still takes the next message, which then stays in flight until its
  visibility timeout ends; `Queue.swallow_on_disconnect` turns that off.
- The waiting polls of a deleted queue fail at once (guessed).
- Order is first in, first out, and nothing is delivered twice of its own accord: a real standard queue
  promises neither.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping

from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.message_attributes import MessageAttributes, size_of
from aio_sm_async.emulator.message_stock import MessageStock, QueueStatistics
from aio_sm_async.emulator.queue_message import Delivery, Message, new_message, read_handle, write_handle
from aio_sm_async.emulator.queue_settings import QueueSettings
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.waiting_polls import LongPoll, WaitingPolls

_LONGEST_VISIBILITY_SECONDS = 43_200
_SECONDS_BETWEEN_PURGES = 60


class Queue:
    """A standard queue. Not for more than one thread; only `receive` waits.

    Attributes:
        name: The queue's name.
        arn: Its ARN.
        settings: Its attributes.
        tags: Its tags.
        in_flight_limit: How many messages may be in flight at once.
        swallow_on_disconnect: Whether a long poll whose client has gone takes a message all the same.
        deletes_to_fail: How many of the next deletes fail with an internal error, for tests of clients.
    """

    def __init__(
        self,
        name: str,
        arn: str,
        settings: QueueSettings,
        clock: Clock,
        *,
        dead_letter_queue: Callable[[str], Queue | None],
        in_flight_limit: int = 120_000,
        swallow_on_disconnect: bool = True,
    ) -> None:
        self.name = name
        self.arn = arn
        self.settings = settings
        self.tags: dict[str, str] = {}
        self.in_flight_limit = in_flight_limit
        self.swallow_on_disconnect = swallow_on_disconnect
        self.deletes_to_fail = 0
        self._clock = clock
        self._dead_letter_queue = dead_letter_queue
        self._created_time = self._changed_time = clock.utc_now()
        self._stock = MessageStock()
        self._polls = WaitingPolls(clock, self._look)
        self._receipts = itertools.count(1)
        self._next_purge_at = clock.monotonic()
        self._closed = False

    def __repr__(self) -> str:
        return f"<Queue {self.name}: {self.statistics()}, {len(self._polls)} polls>"

    @property
    def depth(self) -> int:
        """How many messages a receive could get now."""
        return self.statistics().visible

    def statistics(self) -> QueueStatistics:
        """Where all messages are, now."""
        self._settle()
        return self._stock.statistics()

    def attributes(self) -> Mapping[str, str]:
        """Every attribute that GetQueueAttributes knows; the numbers are exact, not approximate."""
        now = self.statistics()
        return {
            "QueueArn": self.arn,
            "ApproximateNumberOfMessages": str(now.visible),
            "ApproximateNumberOfMessagesNotVisible": str(now.in_flight),
            "ApproximateNumberOfMessagesDelayed": str(now.delayed),
            "CreatedTimestamp": str(int(self._created_time.timestamp())),
            "LastModifiedTimestamp": str(int(self._changed_time.timestamp())),
            **self.settings.attributes,
        }

    def url(self, base_url: str) -> str:
        """The queue's URL on a server that listens at ``base_url``."""
        account_id = self.arn.split(":")[4]
        return f"{base_url}/{account_id}/{self.name}"

    def change(self, settings: QueueSettings) -> None:
        """Give the queue new settings, in force at once (AWS may take a minute)."""
        self.settings = settings
        self._changed_time = self._clock.utc_now()
        self._settle()

    def send(
        self,
        body: str,
        attributes: MessageAttributes | None = None,
        delay_seconds: float | None = None,
        *,
        system: Mapping[str, str] | None = None,
    ) -> Message:
        """Put a message in; visible at once, or after its delay (None: the queue's own).

        Raises:
            ServiceFault: ``InvalidParameterValue``: it is larger than the queue allows.
        """
        limit = self.settings.maximum_message_size
        if size_of(body, attributes or {}) > limit:
            reason = (
                f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
            )
            raise ServiceFault("InvalidParameterValue", reason)
        facts = {"SentTimestamp": str(self._epoch_ms()), **(system or {})}
        message = new_message(body, attributes or {}, facts, self._clock.monotonic())
        self._admit(message, self.settings.delay_seconds if delay_seconds is None else delay_seconds)
        return message

    async def receive(
        self,
        limit: int = 1,
        *,
        visibility_timeout_seconds: float | None = None,
        wait_seconds: float | None = None,
    ) -> list[Delivery]:
        """Take up to ``limit`` visible messages, waiting for the first one if told to.

        Raises:
            ServiceFault: ``OverLimit`` for a short poll above the limit; ``QueueDoesNotExist`` if the queue
                is deleted meanwhile.
        """
        visibility, wait = visibility_timeout_seconds, wait_seconds
        visibility = self.settings.visibility_timeout_seconds if visibility is None else visibility
        wait = self.settings.wait_seconds if wait is None else wait
        if wait <= 0:
            return self._receive_nowait(limit, visibility)
        deadline = self._clock.monotonic() + wait
        while not (deliveries := self._take(limit, visibility)) and self._clock.monotonic() < deadline:
            await self._wait(LongPoll(limit, visibility, deadline))
        return deliveries

    def delete(self, receipt_handle: str) -> None:
        """Remove the message of the latest receipt handle; do nothing for an older one, or if it is gone.

        Raises:
            ServiceFault: ``ReceiptHandleIsInvalid``; or the internal error that `deletes_to_fail` asks for.
        """
        if self.deletes_to_fail > 0:
            self.deletes_to_fail -= 1
            raise ServiceFault("InternalError", "The emulator was told to fail this delete.", status=500)
        self._settle()
        message = self._latest_of(receipt_handle)
        if message is not None:
            self._stock.remove(message.message_id)
            self._stock.deleted += 1
            self._wake_polls(1)  # the limit of messages in flight may have held one back

    def change_visibility(self, receipt_handle: str, timeout_seconds: float) -> None:
        """Let the message become visible that many seconds from now; 0 is at once.

        Raises:
            ServiceFault: ``ReceiptHandleIsInvalid``, ``MessageNotInflight``, or ``InvalidParameterValue``:
                the message is gone, was received anew, or would be hidden for more than 12 hours in all.
        """
        self._settle()
        message = self._latest_of(receipt_handle)
        if message is None:
            reason = "Message does not exist or is not available for visibility timeout change."
            raise _invalid(receipt_handle, "ReceiptHandle", reason)
        if not self._stock.is_in_flight(message.message_id):
            raise ServiceFault("MessageNotInflight", "The specified message isn't in flight.")
        visible_at = self._clock.monotonic() + timeout_seconds
        if visible_at > message.received_at + _LONGEST_VISIBILITY_SECONDS:
            reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."
            raise _invalid(str(timeout_seconds), "VisibilityTimeout", reason)
        self._stock.put_in_flight(message.message_id, visible_at)
        self._look()

    def purge(self) -> None:
        """Remove all messages at once, those in flight too.

        Raises:
            ServiceFault: ``PurgeQueueInProgress``: the last purge was less than a minute ago.
        """
        now = self._clock.monotonic()
        if now < self._next_purge_at:
            reason = f"Only one PurgeQueue operation on {self.name} is allowed every 60 seconds."
            raise ServiceFault("PurgeQueueInProgress", reason, status=403)
        self._next_purge_at = now + _SECONDS_BETWEEN_PURGES
        self._settle()
        self._stock.purge()

    def close(self) -> None:
        """Fail every waiting poll: the queue is deleted."""
        self._closed = True
        self._polls.wake_all()

    def _admit(self, message: Message, delay_seconds: float) -> None:
        if delay_seconds > 0:
            self._stock.add(message, self._clock.monotonic() + delay_seconds)
            self._polls.mind(self._stock.next_change())
        else:
            self._stock.add(message, None)
            self._wake_polls(1)

    def _settle(self) -> None:
        shown = self._stock.settle(self._clock.monotonic(), self.settings.retention_seconds)
        if shown:
            self._wake_polls(shown)

    def _look(self) -> None:
        self._settle()
        self._polls.mind(self._stock.next_change())

    def _receive_nowait(self, limit: int, visibility_seconds: float) -> list[Delivery]:
        self._settle()
        if self._stock.in_flight >= self.in_flight_limit:
            reason = f"Too many messages are in flight ({self.in_flight_limit}); delete some first."
            raise ServiceFault("OverLimit", reason, status=403)
        return self._take(limit, visibility_seconds)

    def _take(self, limit: int, visibility_seconds: float) -> list[Delivery]:
        if self._closed:
            raise ServiceFault("QueueDoesNotExist", "The specified queue does not exist.")
        self._settle()
        most = min(limit, self.in_flight_limit - self._stock.in_flight)
        deliveries: list[Delivery] = []
        while len(deliveries) < most and (message := self._stock.first_visible()) is not None:
            if not self._bury(message):
                deliveries.append(self._deliver(message, visibility_seconds))
        self._polls.mind(self._stock.next_change())
        return deliveries

    def _deliver(self, message: Message, visibility_seconds: float) -> Delivery:
        message.receive_count += 1
        message.received_at = self._clock.monotonic()
        message.first_received_ms = message.first_received_ms or self._epoch_ms()
        message.receipt = next(self._receipts)
        self._stock.put_in_flight(message.message_id, message.received_at + visibility_seconds)
        return Delivery(message, write_handle(self.arn, message), message.receive_count)

    def _bury(self, message: Message) -> bool:
        """Move a message that was received too often; False if it was not, or there is nowhere to move it."""
        redrive = self.settings.redrive
        if redrive is None or message.receive_count < redrive.max_receive_count:
            return False
        grave = self._dead_letter_queue(redrive.dead_letter_arn)
        if grave is None or grave is self:
            return False
        self._stock.remove(message.message_id)
        self._stock.dead_lettered += 1
        message.receipt = 0
        message.system.setdefault("DeadLetterQueueSourceArn", self.arn)
        grave._admit(message, 0)  # noqa: SLF001 - a queue of the same class; nobody else brings a message with a past
        return True

    def _latest_of(self, receipt_handle: str) -> Message | None:
        """The message, if it is here and the handle is that of its latest receive."""
        message_id, receipt = read_handle(self.arn, receipt_handle)
        message = self._stock.get(message_id)
        return message if message is not None and message.receipt == receipt else None

    async def _wait(self, poll: LongPoll) -> None:
        """Return when there may be a message for the poll, or its time is up."""
        self._polls.join(poll)
        self._polls.mind(self._stock.next_change())
        try:
            await poll.woken
        except asyncio.CancelledError:
            self._desert(poll)
            raise

    def _desert(self, poll: LongPoll) -> None:
        """The poll's client has gone: let the poll swallow a message, or leave it to the next poll."""
        was_woken = not poll.deserted
        if was_woken and self.swallow_on_disconnect and not self._closed:
            self._take(poll.limit, poll.visibility_seconds)
        elif was_woken:
            self._wake_polls(1)
        elif not self.swallow_on_disconnect:
            self._polls.leave(poll)
        self._polls.mind(self._stock.next_change())

    def _wake_polls(self, messages: int) -> None:
        """Wake the polls that have waited longest, one for each message."""
        while messages > 0 and self._stock.visible and (poll := self._polls.next()) is not None:
            if poll.deserted:
                self._take(poll.limit, poll.visibility_seconds)
            poll.wake()
            messages -= 1

    def _epoch_ms(self) -> int:
        return int(self._clock.utc_now().timestamp() * 1000)


def _invalid(value: str, parameter: str, reason: str) -> ServiceFault:
    message = f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    return ServiceFault("InvalidParameterValue", message)
