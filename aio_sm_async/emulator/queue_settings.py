"""A queue's attributes: which there are, what they may be, and what they mean to the queue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aio_sm_async.emulator.json_value import parse_object
from aio_sm_async.emulator.resource_policy import ResourcePolicy
from aio_sm_async.emulator.service import ServiceFault

_RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1_024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
_REMOVABLE = ("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId")
_FIFO = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
_QUEUE_ARN = re.compile(r"arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}")

SETTABLE = frozenset({*_RANGES, *_DEFAULTS, *_REMOVABLE})
"""The attributes that CreateQueue and SetQueueAttributes take."""


@dataclass(frozen=True, slots=True)
class RedrivePolicy:
    """Where messages go that were received too often.

    Attributes:
        dead_letter_arn: The dead-letter queue.
        max_receive_count: How often a message is delivered before it goes there.
    """

    dead_letter_arn: str
    max_receive_count: int


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The settable attributes of one queue, read and checked.

    Attributes:
        attributes: All of them as text, defaults included.
        policy: ``Policy``, read; None if the queue has none.
        redrive: ``RedrivePolicy``; None if the queue has none.
    """

    attributes: Mapping[str, str] = field(default_factory=lambda: dict(_DEFAULTS))
    policy: ResourcePolicy | None = None
    redrive: RedrivePolicy | None = None

    @property
    def visibility_timeout_seconds(self) -> int:
        """How long a received message stays hidden, unless the receiver says otherwise."""
        return int(self.attributes["VisibilityTimeout"])

    @property
    def delay_seconds(self) -> int:
        """How long a new message stays hidden, unless the sender says otherwise."""
        return int(self.attributes["DelaySeconds"])

    @property
    def retention_seconds(self) -> int:
        """How long a message is kept."""
        return int(self.attributes["MessageRetentionPeriod"])

    @property
    def wait_seconds(self) -> int:
        """How long a receive waits, unless the receiver says otherwise."""
        return int(self.attributes["ReceiveMessageWaitTimeSeconds"])

    @property
    def maximum_message_size(self) -> int:
        """How many bytes a message may have, attributes included."""
        return int(self.attributes["MaximumMessageSize"])

    def changed(self, attributes: Mapping[str, str]) -> QueueSettings:
        """These settings with some attributes set, or removed by an empty text.

        Raises:
            ServiceFault: ``InvalidAttributeName``, ``InvalidAttributeValue``, ``InvalidParameterValue``, or
                ``UnsupportedOperation`` for a FIFO queue's attributes.
        """
        for name, text in attributes.items():
            _check(name, text)
        merged = {**self.attributes, **attributes}
        if merged.get("KmsMasterKeyId"):
            merged["SqsManagedSseEnabled"] = "false"
        kept = {name: text for name, text in merged.items() if text}
        policy = _parse_policy(kept["Policy"]) if "Policy" in kept else None
        redrive = _parse_redrive(kept["RedrivePolicy"]) if "RedrivePolicy" in kept else None
        return QueueSettings(kept, policy, redrive)


def _check(name: str, text: str) -> None:
    if name in _FIFO:
        raise ServiceFault("UnsupportedOperation", f"FIFO queues are not emulated; leave {name} out.")
    if name not in SETTABLE:
        raise ServiceFault("InvalidAttributeName", f"Unknown Attribute {name}.")
    if name in _RANGES:
        low, high = _RANGES[name]
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not low <= int(text) <= high:
            raise _invalid(name)
    elif name == "SqsManagedSseEnabled" and text not in ("true", "false"):
        raise _invalid(name)


def _parse_policy(text: str) -> ResourcePolicy:
    try:
        policy = parse_object(text)
    except ValueError as exc:
        raise _invalid("Policy") from exc
    if "Statement" not in policy:
        raise _invalid("Policy")
    return ResourcePolicy(policy)


def _parse_redrive(text: str) -> RedrivePolicy:
    try:
        policy = parse_object(text)
        count = int(str(policy["maxReceiveCount"]))
    except (ValueError, KeyError) as exc:
        raise _invalid_redrive(text, "It must be JSON with deadLetterTargetArn and maxReceiveCount.") from exc
    arn = policy.get("deadLetterTargetArn")
    if not isinstance(arn, str) or not _QUEUE_ARN.fullmatch(arn):
        raise _invalid_redrive(text, "Invalid value for deadLetterTargetArn.")
    if not 1 <= count <= 1_000:
        raise _invalid_redrive(text, "Invalid value for maxReceiveCount: must be from 1 to 1000.")
    return RedrivePolicy(arn, count)


def _invalid(name: str) -> ServiceFault:
    return ServiceFault("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def _invalid_redrive(text: str, reason: str) -> ServiceFault:
    message = f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}"
    return ServiceFault("InvalidParameterValue", message)
