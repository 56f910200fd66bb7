"""ReceiveMessage's answer: each message with the attributes that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from aio_sm_async.emulator.json_members import JsonMembers
from aio_sm_async.emulator.json_value import JsonObject
from aio_sm_async.emulator.message_attributes import chosen, md5_of
from aio_sm_async.emulator.queue_message import Delivery
from aio_sm_async.emulator.service import ServiceFault

_SYSTEM_ATTRIBUTES = frozenset(
    {
        "All",
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    }
)


@dataclass(frozen=True, slots=True)
class WantedAttributes:
    """What one receive asks to be told about its messages.

    Attributes:
        system: Names of system attributes, or ``All``.
        sent: Names of the senders' attributes, with ``All`` and prefixes.
    """

    system: frozenset[str]
    sent: frozenset[str]

    @classmethod
    def read(cls, members: JsonMembers) -> Self:
        """Read what the request asks for.

        Raises:
            ServiceFault: ``InvalidAttributeName``.
        """
        # The older name of the list still works.
        system = frozenset(members.texts("AttributeNames") + members.texts("MessageSystemAttributeNames"))
        for name in sorted(system - _SYSTEM_ATTRIBUTES):
            raise ServiceFault("InvalidAttributeName", f"Unknown Attribute {name}.")
        return cls(system, frozenset(members.texts("MessageAttributeNames")))

    def describe(self, delivery: Delivery) -> JsonObject:
        """The message as the answer carries it."""
        message = delivery.message
        described: JsonObject = {
            "MessageId": message.message_id,
            "ReceiptHandle": delivery.receipt_handle,
            "MD5OfBody": message.md5_of_body,
            "Body": message.body,
        }
        if self.system and (system := self._system(delivery)):
            described["Attributes"] = system
        if self.sent and (attributes := chosen(message.attributes, self.sent)):
            described["MessageAttributes"] = {name: each.as_json() for name, each in attributes.items()}
            described["MD5OfMessageAttributes"] = md5_of(attributes)
        return described

    def _system(self, delivery: Delivery) -> JsonObject:
        known = {
            **delivery.message.system,
            "ApproximateReceiveCount": str(delivery.receive_count),
            "ApproximateFirstReceiveTimestamp": str(delivery.message.first_received_ms),
        }
        return {name: text for name, text in known.items() if "All" in self.system or name in self.system}
