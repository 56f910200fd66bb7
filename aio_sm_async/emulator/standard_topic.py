"""A topic and what may be set on one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.subscription import Subscription

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SETTABLE = re.compile(
    r"DeliveryPolicy|DisplayName|KmsMasterKeyId|MaximumMessageSize|Policy|SignatureVersion|TracingConfig"
    r"|(?:Application|Firehose|HTTP|Lambda|SQS)"
    r"(?:SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)"
)
_FIFO = ("FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")
_DEFAULT_SIZE = 262_144
_LARGEST_SIZE = 1_048_576
_SMALLEST_SIZE = 1_024
_MOST_TAGS = 50
_DELIVERY_POLICY = {
    "http": {
        "defaultHealthyRetryPolicy": {
            "minDelayTarget": 20,
            "maxDelayTarget": 20,
            "numRetries": 3,
            "numMaxDelayRetries": 0,
            "numNoDelayRetries": 0,
            "numMinDelayRetries": 0,
            "backoffFunction": "linear",
        },
        "disableSubscriptionOverrides": False,
    }
}


@dataclass(frozen=True, slots=True)
class TopicAttributes:
    """The settable attributes of a topic, checked.

    Attributes:
        attributes: All that were set, as text.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def maximum_message_size(self) -> int:
        """How many bytes a message may have, attributes included."""
        return int(self.attributes.get("MaximumMessageSize", _DEFAULT_SIZE))

    @property
    def is_large(self) -> bool:
        """Whether messages may be larger than 256 KiB, and subscribers therefore few."""
        return self.maximum_message_size > _DEFAULT_SIZE

    @property
    def signature_version(self) -> str:
        """How notifications are signed: ``1`` or ``2``."""
        return self.attributes.get("SignatureVersion", "1")

    def changed(self, attributes: Mapping[str, str]) -> TopicAttributes:
        """These with some set, or removed by an empty text.

        Raises:
            ServiceFault: ``InvalidParameter``.
        """
        for name, text in attributes.items():
            _check(name, text)
        return TopicAttributes(
            {name: text for name, text in {**self.attributes, **attributes}.items() if text}
        )


@dataclass(slots=True, eq=False)
class Topic:
    """One topic.

    Attributes:
        arn: Its ARN.
        owner: The account.
        settings: Its attributes.
        tags: Its tags.
        subscriptions: Its subscriptions, oldest first.
        unsubscribed: How many subscriptions were removed.
    """

    arn: str
    owner: str
    settings: TopicAttributes
    tags: dict[str, str] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)
    unsubscribed: int = 0

    def differs(self, attributes: Mapping[str, str]) -> bool:
        """Whether any of these attributes is another than the topic's own."""
        return any(self.settings.attributes.get(name, "") != text for name, text in attributes.items())

    def tag(self, tags: Mapping[str, str]) -> None:
        """Give it more tags, or other values to those that it has.

        Raises:
            ServiceFault: ``TagLimitExceeded``; it keeps the tags that it had.
        """
        tagged = {**self.tags, **tags}
        if len(tagged) > _MOST_TAGS:
            reason = f"A topic has at most {_MOST_TAGS} tags, not {len(tagged)}."
            raise ServiceFault("TagLimitExceeded", reason)
        self.tags = tagged

    def described(self) -> dict[str, str]:
        """The attributes that GetTopicAttributes answers."""
        return {
            "TopicArn": self.arn,
            "Owner": self.owner,
            "DisplayName": "",
            "Policy": json.dumps(self._default_policy()),
            "EffectiveDeliveryPolicy": json.dumps(_DELIVERY_POLICY),
            "SubscriptionsConfirmed": str(len(self.subscriptions)),
            "SubscriptionsPending": "0",
            "SubscriptionsDeleted": str(self.unsubscribed),
            **self.settings.attributes,
        }

    def _default_policy(self) -> dict[str, object]:
        """The owner may do everything; nobody asks this policy, for there is one account."""
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes", "SNS:SetTopicAttributes"],
            "Resource": self.arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": self.owner}},
        }
        return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


def check_topic_name(name: str) -> None:
    """Return if a standard topic may have this name.

    Raises:
        ServiceFault: ``InvalidParameter``.
    """
    if name.endswith(".fifo"):
        reason = "FIFO topics are not emulated; choose a standard topic"
        raise ServiceFault("InvalidParameter", f"Invalid parameter: Topic Name: {reason}")
    if not _NAME.fullmatch(name):
        raise ServiceFault("InvalidParameter", "Invalid parameter: Topic Name")


def _check(name: str, text: str) -> None:
    if name in _FIFO and text != "false":
        raise ServiceFault("InvalidParameter", f"Invalid parameter: {name}: FIFO topics are not emulated")
    if name not in _FIFO and not _SETTABLE.fullmatch(name):
        raise ServiceFault("InvalidParameter", "Invalid parameter: AttributeName")
    if not text:
        return
    if name == "SignatureVersion" and text not in ("1", "2"):
        raise ServiceFault("InvalidParameter", "Invalid parameter: SignatureVersion")
    if name == "MaximumMessageSize" and not (
        re.fullmatch(r"\d{4,7}", text, re.ASCII) and _SMALLEST_SIZE <= int(text) <= _LARGEST_SIZE
    ):
        raise ServiceFault("InvalidParameter", "Invalid parameter: MaximumMessageSize")
