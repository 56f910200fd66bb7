"""SendMessage, alone or in a batch: what a sent message may be."""

from __future__ import annotations

from collections.abc import Sequence

from aio_sm_async.emulator.json_members import JsonMembers
from aio_sm_async.emulator.json_value import JsonObject
from aio_sm_async.emulator.message_attributes import (
    MessageAttributes,
    attribute_of,
    check_names,
    md5_of,
    size_of,
)
from aio_sm_async.emulator.message_queue import Queue
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.xml_text import fits_xml

_MOST_BYTES_IN_BATCH = 1_048_576


def send(queue: Queue, members: JsonMembers, sender_id: str) -> JsonObject:
    """Put the message that a request describes into the queue.

    Raises:
        ServiceFault: ``MissingParameter``, ``InvalidMessageContents`` or ``InvalidParameterValue``.
    """
    body = members.text("MessageBody")
    if not fits_xml(body):  # a rule of the older query protocol's, documented for all
        raise ServiceFault(
            "InvalidMessageContents", "The message contains characters outside the allowed set."
        )
    if members.optional_text("MessageDeduplicationId") is not None:
        reason = (
            "The request include parameter MessageDeduplicationId which is not valid for this queue type."
        )
        raise ServiceFault("InvalidParameterValue", reason)
    attributes = _attributes(members, "MessageAttributes")
    message = queue.send(
        body, attributes, members.integer("DelaySeconds", 0, 900), system=_system(members, sender_id)
    )
    answer: JsonObject = {"MessageId": message.message_id, "MD5OfMessageBody": message.md5_of_body}
    return {**answer, "MD5OfMessageAttributes": md5_of(attributes)} if attributes else answer


def check_batch_size(entries: Sequence[JsonMembers]) -> None:
    """Return if the messages of a batch are small enough together.

    Raises:
        ServiceFault: ``BatchRequestTooLong``.
    """
    total = sum(map(_size, entries))
    if total > _MOST_BYTES_IN_BATCH:
        reason = (
            f"Batch requests cannot be longer than {_MOST_BYTES_IN_BATCH} bytes. You have sent {total} bytes."
        )
        raise ServiceFault("BatchRequestTooLong", reason)


def _size(entry: JsonMembers) -> int:
    try:
        attributes = _attributes(entry, "MessageAttributes")
    except ServiceFault:
        attributes = {}  # ill-formed ones fail their entry, not the batch
    return size_of(entry.optional_text("MessageBody") or "", attributes)


def _attributes(members: JsonMembers, name: str) -> MessageAttributes:
    attributes = {
        key: attribute_of(
            entry.text("DataType"), entry.optional_text("StringValue"), entry.optional_text("BinaryValue")
        )
        for key, entry in members.entry_map(name).items()
    }
    check_names(attributes)
    return attributes


def _system(members: JsonMembers, sender_id: str) -> dict[str, str]:
    """The system attributes that the sender decides."""
    known = {"SenderId": sender_id}
    if group := members.optional_text("MessageGroupId"):
        known["MessageGroupId"] = group
    for name, entry in members.entry_map("MessageSystemAttributes").items():
        if name != "AWSTraceHeader":
            raise ServiceFault("InvalidParameterValue", f"{name} is no system attribute that can be sent.")
        known[name] = entry.text("StringValue")
    return known
