"""A message in a queue, and the handle that one receive of it gets."""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass

from aio_sm_async.emulator.message_attributes import MessageAttributes
from aio_sm_async.emulator.service import ServiceFault


@dataclass(slots=True, eq=False)
class Message:
    """A message and what has become of it.

    Attributes:
        message_id: SQS's own id; not that of the SNS message inside.
        body: The text.
        attributes: The sender's attributes.
        system: The system attributes that do not change, such as ``SentTimestamp``.
        sent_at: When it was sent, on the monotonic clock.
        md5_of_body: The digest by which SDKs check the body.
        receive_count: How often it was received, over all queues.
        first_received_ms: The first of these, in milliseconds since 1970; None before it.
        received_at: The latest of these, on the monotonic clock.
        receipt: The number of the latest receipt handle; 0 before the first receive in its queue.
    """

    message_id: str
    body: str
    attributes: MessageAttributes
    system: dict[str, str]
    sent_at: float
    md5_of_body: str
    receive_count: int = 0
    first_received_ms: int | None = None
    received_at: float = 0.0
    receipt: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as one receive got it."""

    message: Message
    receipt_handle: str
    receive_count: int


def new_message(body: str, attributes: MessageAttributes, system: dict[str, str], now: float) -> Message:
    """A message that was sent just now, with an id of its own."""
    return Message(
        message_id=str(uuid.uuid4()),
        body=body,
        attributes=attributes,
        system=system,
        sent_at=now,
        md5_of_body=hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
    )


def write_handle(queue_arn: str, message: Message) -> str:
    """The receipt handle of the message's latest receive."""
    text = f"{queue_arn}|{message.message_id}|{message.receipt}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_handle(queue_arn: str, handle: str) -> tuple[str, int]:
    """The message id and the receipt number in a handle of this queue.

    Raises:
        ServiceFault: ``ReceiptHandleIsInvalid``: it is no handle, or another queue's.
    """
    try:
        arn, message_id, receipt = base64.urlsafe_b64decode(handle).decode().split("|")
        number = int(receipt)
    except ValueError as exc:
        raise _unreadable(handle) from exc
    if arn != queue_arn:
        raise _unreadable(handle)
    return message_id, number


def _unreadable(handle: str) -> ServiceFault:
    reason = f'The input receipt handle "{handle}" is not a valid receipt handle.'
    return ServiceFault("ReceiptHandleIsInvalid", reason)
