"""One SQS queue, in SQS's JSON protocol: receive, delete, change visibility, attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aio_sm_async.errors import AmbiguousError
from aio_sm_async.wire.call import SignedCalls
from aio_sm_async.wire.queue_address import parse_queue_url
from aio_sm_async.wire.session import AwsSession

MAX_BATCH = 10

# A poll ends by SQS's word; only a server that is gone is given up.
_GRACE_SECONDS = 10.0
_ASKED_ATTRIBUTES = ("ApproximateReceiveCount", "SentTimestamp")


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A received message; until its visibility timeout nobody else receives it.

    Attributes:
        body: What was sent.
        receipt_handle: Names this receive of it.
        message_id: Names the message.
        receive_count: How often it was received, this time included.
        sent_time: When it was sent; None if SQS did not say.
    """

    body: str = field(repr=False)
    receipt_handle: str = field(repr=False)
    message_id: str
    receive_count: int
    sent_time: datetime | None


@dataclass(frozen=True, slots=True)
class BatchFailure:
    """An entry of a batch that SQS refused; the others went well.

    Attributes:
        receipt_handle: The entry.
        code: SQS's error code.
        message: SQS's words.
        sender_fault: Whether it would fail again.
    """

    receipt_handle: str = field(repr=False)
    code: str
    message: str
    sender_fault: bool


class Queue:
    """One queue.

    Every method raises `ServiceError` where SQS answers with an error, `NotSentError` where certainly nothing
    was sent, and `AmbiguousError` where the answer is missing or unreadable.

    Args:
        calls: What signs and sends.
        session: The region of hosts that do not tell theirs.
        queue_url: The queue's URL, as SQS gives it.

    Raises:
        ConfigurationError: ``queue_url`` is none, or a FIFO queue's.
    """

    def __init__(self, calls: SignedCalls, session: AwsSession, queue_url: str) -> None:
        self._calls = calls
        self._address = parse_queue_url(queue_url, default_region=session.region)

    def __repr__(self) -> str:
        return f"<Queue {self.url}>"

    @property
    def url(self) -> str:
        """The queue's URL."""
        return self._address.queue_url

    async def receive(
        self,
        *,
        max_messages: int = MAX_BATCH,
        wait_seconds: int = 20,
        visibility_timeout_seconds: int | None = None,
    ) -> list[QueueMessage]:
        """Return messages once there are some, or none after ``wait_seconds``.

        A receive that is cancelled may still take messages: they stay invisible until their timeout.

        Args:
            max_messages: The most messages, 1 to 10.
            wait_seconds: How long SQS waits for a first message, 0 to 20.
            visibility_timeout_seconds: How long others do not see the messages; None is the queue's own.
        """
        wanted: dict[str, object] = {
            "MaxNumberOfMessages": max_messages,
            "MessageSystemAttributeNames": _ASKED_ATTRIBUTES,
            "WaitTimeSeconds": wait_seconds,
        }
        if visibility_timeout_seconds is not None:
            wanted["VisibilityTimeout"] = visibility_timeout_seconds
        answer = await self._call("ReceiveMessage", wanted, timeout_seconds=wait_seconds + _GRACE_SECONDS)
        return [_message(entry) for entry in _entries("ReceiveMessage", answer, "Messages")]

    async def delete(self, receipt_handles: Sequence[str]) -> list[BatchFailure]:
        """Delete one to ten received messages, and return those that could not be."""
        entries: list[dict[str, object]] = [
            {"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(receipt_handles)
        ]
        return await self._batch("DeleteMessageBatch", entries)

    async def change_visibility(self, entries: Sequence[tuple[str, int]]) -> list[BatchFailure]:
        """Show one to ten received messages to others after so many seconds from now; 0 is at once.

        Args:
            entries: Receipt handles and seconds.

        Returns:
            Those that could not be changed.
        """
        return await self._batch(
            "ChangeMessageVisibilityBatch",
            [
                {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for index, (handle, seconds) in enumerate(entries)
            ],
        )

    async def attributes(self) -> dict[str, str]:
        """Return all of the queue's attributes, by SQS's own names."""
        answer = await self._call("GetQueueAttributes", {"AttributeNames": ["All"]})
        attributes = answer.get("Attributes")
        if not isinstance(attributes, dict):
            raise _unreadable("GetQueueAttributes")
        return {str(name): str(value) for name, value in attributes.items()}

    async def _batch(self, operation: str, entries: list[dict[str, object]]) -> list[BatchFailure]:
        # The ids are positions: a message that was delivered twice is two entries, and ids must be unique.
        answer = await self._call(operation, {"Entries": entries})
        try:
            return [
                BatchFailure(
                    str(entries[int(str(failed["Id"]))]["ReceiptHandle"]),
                    str(failed.get("Code", "")),
                    str(failed.get("Message", "")),
                    failed.get("SenderFault") is True,
                )
                for failed in _entries(operation, answer, "Failed")
            ]
        except (KeyError, ValueError, IndexError) as error:
            raise _unreadable(operation) from error

    async def _call(
        self, operation: str, wanted: Mapping[str, object], *, timeout_seconds: float | None = None
    ) -> dict[str, object]:
        address = self._address
        response = await self._calls.send(
            operation,
            "sqs",
            address.region,
            "POST",
            address.endpoint,
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": f"AmazonSQS.{operation}",
            },
            body=json.dumps({"QueueUrl": address.queue_url, **wanted}).encode(),
            timeout_seconds=timeout_seconds,
        )
        if response.status != 200:
            raise self._calls.failure(operation, response, address.region)
        try:
            answer = json.loads(response.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise _unreadable(operation) from error
        if not isinstance(answer, dict):
            raise _unreadable(operation)
        return answer


def _entries(operation: str, answer: Mapping[str, object], name: str) -> list[dict[str, object]]:
    entries = answer.get(name) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _unreadable(operation)
    return entries


def _message(entry: Mapping[str, object]) -> QueueMessage:
    attributes = entry.get("Attributes")
    told = attributes if isinstance(attributes, dict) else {}
    count = str(told.get("ApproximateReceiveCount", ""))
    return QueueMessage(
        str(entry.get("Body", "")),
        str(entry.get("ReceiptHandle", "")),
        str(entry.get("MessageId", "")),
        int(count) if count.isdecimal() else 1,
        _moment(str(told.get("SentTimestamp", ""))),
    )


def _moment(milliseconds: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _unreadable(operation: str) -> AmbiguousError:
    return AmbiguousError(
        f"{operation} answered HTTP 200, and what is not SQS's JSON. Try again, and look for a proxy that "
        "answers in SQS's place."
    )
