"""A queue's subscription to a topic, and what may be set on one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aio_sm_async.emulator.filter_policy import FilterScope
from aio_sm_async.emulator.filter_policy_check import FilterPolicyError, parse_policy
from aio_sm_async.emulator.json_value import JsonObject, parse_object
from aio_sm_async.emulator.service import ServiceFault

QUEUE_ARN = re.compile(r"arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}")
_SETTABLE = ("RawMessageDelivery", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "DeliveryPolicy")


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter policy and what it looks at.

    Attributes:
        policy: The policy.
        scope: Attributes or body.
    """

    policy: JsonObject
    scope: FilterScope


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """The settable attributes of a subscription, read and checked.

    Attributes:
        attributes: All that were set, as text.
        raw: Whether the queue gets bare messages.
        filter: What it wants; None for everything.
        dead_letter_arn: Where messages go that cannot be delivered; None for nowhere.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    raw: bool = False
    filter: Filter | None = None
    dead_letter_arn: str | None = None

    def changed(self, attributes: Mapping[str, str]) -> SubscriptionSettings:
        """These settings with some attributes set, or removed by an empty text.

        Raises:
            ServiceFault: ``InvalidParameter``.
        """
        for name in attributes:
            if name not in _SETTABLE:
                raise ServiceFault("InvalidParameter", f"Invalid parameter: AttributeName: {name}")
        merged = {name: text for name, text in {**self.attributes, **attributes}.items() if text}
        return SubscriptionSettings(
            merged,
            raw=_parse_raw(merged.get("RawMessageDelivery", "false")),
            filter=_parse_filter(merged),
            dead_letter_arn=_parse_redrive(merged.get("RedrivePolicy")),
        )


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscription.

    Attributes:
        arn: The subscription's ARN.
        topic_arn: The topic's.
        endpoint: The queue's.
        owner: The account.
        settings: What was set on it.
    """

    arn: str
    topic_arn: str
    endpoint: str
    owner: str
    settings: SubscriptionSettings = field(default_factory=SubscriptionSettings)
    _former_filter: Filter | None = None
    _filter_since: float = 0.0

    def change(self, settings: SubscriptionSettings, filter_since: float) -> None:
        """Give it new settings; a new filter is in force from that moment on the monotonic clock."""
        if settings.filter != self.settings.filter:
            self._former_filter, self._filter_since = self.settings.filter, filter_since
        self.settings = settings

    def filter_at(self, now: float) -> Filter | None:
        """The filter that is in force."""
        return self.settings.filter if now >= self._filter_since else self._former_filter

    def described(self) -> dict[str, str]:
        """The attributes that GetSubscriptionAttributes answers."""
        scope = (
            {"FilterPolicyScope": "MessageAttributes"} if "FilterPolicy" in self.settings.attributes else {}
        )
        return {
            "SubscriptionArn": self.arn,
            "TopicArn": self.topic_arn,
            "Protocol": "sqs",
            "Endpoint": self.endpoint,
            "Owner": self.owner,
            "SubscriptionPrincipal": f"arn:aws:iam::{self.owner}:root",
            "ConfirmationWasAuthenticated": "true",
            "PendingConfirmation": "false",
            "RawMessageDelivery": "false",
            **scope,
            **self.settings.attributes,
        }


def _parse_raw(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        reason = f"Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [{text}]."
        raise ServiceFault("InvalidParameter", f"{reason} Must be true or false.")
    return text.lower() == "true"


def _parse_filter(attributes: Mapping[str, str]) -> Filter | None:
    scope = _parse_scope(attributes.get("FilterPolicyScope", "MessageAttributes"))
    text = attributes.get("FilterPolicy")
    if text is None:
        return None
    try:
        policy = parse_policy(text, scope)
    except FilterPolicyError as exc:
        raise ServiceFault("InvalidParameter", f"Invalid parameter: FilterPolicy: {exc}") from exc
    return Filter(policy, scope) if policy else None


def _parse_scope(text: str) -> FilterScope:
    match text:
        case "MessageAttributes" | "MessageBody":
            return text
        case _:
            reason = f"Invalid value [{text}]. Please use either MessageBody or MessageAttributes"
            raise ServiceFault("InvalidParameter", f"Invalid parameter: FilterPolicyScope: {reason}")


def _parse_redrive(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        arn = parse_object(text).get("deadLetterTargetArn")
    except ValueError:
        arn = None
    if not isinstance(arn, str) or not QUEUE_ARN.fullmatch(arn):
        reason = "RedrivePolicy: deadLetterTargetArn must be the ARN of an SQS queue"
        raise ServiceFault("InvalidParameter", f"Invalid parameter: {reason}")
    return arn
