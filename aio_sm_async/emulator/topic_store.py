"""All topics of one account in one region, and their subscriptions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.courier import Courier, Undelivered
from aio_sm_async.emulator.message_attributes import MessageAttributes, size_of
from aio_sm_async.emulator.notification_envelope import Publication
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.standard_topic import Topic, TopicAttributes, check_topic_name
from aio_sm_async.emulator.subscription import QUEUE_ARN, Filter, Subscription, SubscriptionSettings

_MOST_FILTERS = 200
_MOST_SUBSCRIPTIONS_IF_LARGE = 100
_COLONS_IN_TOPIC_ARN = 5


class TopicStore:
    """The topics and their subscriptions, by ARN.

    Args:
        queues: The queues that can be subscribed.
        clock: Whose time it is.
        account_id: The account.
        region: The region.
        filter_delay_seconds: How long it takes until a new or changed filter is in force (on AWS up to 15
            minutes); until then the former filter is, or none.
    """

    def __init__(
        self,
        queues: QueueStore,
        clock: Clock,
        account_id: str,
        region: str,
        *,
        filter_delay_seconds: float = 0.0,
    ) -> None:
        self.account_id = account_id
        self.region = region
        self._clock = clock
        self._courier = Courier(queues, clock)
        self._filter_delay_seconds = filter_delay_seconds
        self._topics: dict[str, Topic] = {}
        self._subscriptions: dict[str, Subscription] = {}

    def __repr__(self) -> str:
        held = f"{len(self._topics)} topics, {len(self._subscriptions)} subscriptions"
        return f"<TopicStore {self.region}: {held}>"

    @property
    def undelivered(self) -> list[Undelivered]:
        """What queues did not get although they wanted it, oldest first; the latest thousand at most."""
        return list(self._courier.undelivered)

    def create(
        self, name: str, attributes: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None
    ) -> Topic:
        """Make a topic, or return the one that has this name, attributes and tags.

        Raises:
            ServiceFault: ``InvalidParameter`` or ``TagLimitExceeded``.
        """
        check_topic_name(name)
        settings = TopicAttributes().changed(attributes or {})
        arn = f"arn:aws:sns:{self.region}:{self.account_id}:{name}"
        topic = self._topics.get(arn)
        if topic is None:
            topic = Topic(arn, self.account_id, settings)
            topic.tag(tags or {})
            self._topics[arn] = topic
        elif topic.differs(attributes or {}):
            raise _invalid("Attributes Reason: Topic already exists with different attributes")
        elif tags and dict(tags) != topic.tags:
            raise _invalid("Tags Reason: Topic already exists with different tags")
        return topic

    def delete(self, topic_arn: str) -> None:
        """Remove a topic and its subscriptions; one that does not exist is no error."""
        topic = self._topics.pop(topic_arn, None)
        for subscription in topic.subscriptions if topic is not None else ():
            del self._subscriptions[subscription.arn]

    def topics(self) -> list[Topic]:
        """All topics, by name."""
        return [self._topics[arn] for arn in sorted(self._topics)]

    def topic(self, topic_arn: str) -> Topic:
        """The topic.

        Raises:
            ServiceFault: ``NotFound``, or ``InvalidParameter`` for what is no ARN of a topic.
        """
        if not topic_arn.startswith("arn:aws:sns:") or topic_arn.count(":") != _COLONS_IN_TOPIC_ARN:
            raise _invalid("TopicArn")
        topic = self._topics.get(topic_arn)
        if topic is None:
            raise ServiceFault("NotFound", "Topic does not exist", status=404)
        return topic

    def change(self, topic_arn: str, name: str, text: str) -> None:
        """Set one attribute of a topic, or remove it by an empty text.

        Raises:
            ServiceFault: ``NotFound`` or ``InvalidParameter``.
        """
        topic = self.topic(topic_arn)
        settings = topic.settings.changed({name: text})
        if settings.is_large and len(topic.subscriptions) > _MOST_SUBSCRIPTIONS_IF_LARGE:
            raise _too_many_subscriptions()
        topic.settings = settings

    def subscribe(
        self,
        topic_arn: str,
        queue_arn: str,
        attributes: Mapping[str, str] | None = None,
        *,
        raw_delivery: bool = False,
    ) -> Subscription:
        """Subscribe a queue, or return its subscription if that has the same attributes.

        The queue need not exist; its policy decides at each delivery.

        Raises:
            ServiceFault: ``NotFound``, ``InvalidParameter`` or ``FilterPolicyLimitExceeded``.
        """
        topic = self.topic(topic_arn)
        if not QUEUE_ARN.fullmatch(queue_arn):
            raise _invalid("SQS endpoint ARN")
        wanted = {**(attributes or {}), **({"RawMessageDelivery": "true"} if raw_delivery else {})}
        settings = SubscriptionSettings().changed(wanted)
        existing = next((each for each in topic.subscriptions if each.endpoint == queue_arn), None)
        if existing is not None:
            if any(existing.described().get(name, "") != text for name, text in wanted.items()):
                raise _invalid("Attributes Reason: Subscription already exists with different attributes")
            return existing
        _check_filter_limit(topic, settings.filter)
        if topic.settings.is_large and len(topic.subscriptions) >= _MOST_SUBSCRIPTIONS_IF_LARGE:
            raise _too_many_subscriptions()
        subscription = Subscription(f"{topic_arn}:{uuid.uuid4()}", topic_arn, queue_arn, self.account_id)
        subscription.change(settings, self._filter_moment())
        topic.subscriptions.append(subscription)
        self._subscriptions[subscription.arn] = subscription
        return subscription

    def unsubscribe(self, subscription_arn: str) -> None:
        """Remove a subscription; one that does not exist is no error.

        Raises:
            ServiceFault: ``InvalidParameter`` for what is no ARN of a subscription.
        """
        if subscription_arn.count(":") != _COLONS_IN_TOPIC_ARN + 1:
            raise _invalid("SubscriptionArn")
        subscription = self._subscriptions.pop(subscription_arn, None)
        if subscription is not None:
            topic = self._topics[subscription.topic_arn]
            topic.subscriptions.remove(subscription)
            topic.unsubscribed += 1

    def subscriptions(self) -> list[Subscription]:
        """All subscriptions, oldest first."""
        return list(self._subscriptions.values())

    def subscription(self, subscription_arn: str) -> Subscription:
        """The subscription.

        Raises:
            ServiceFault: ``NotFound``.
        """
        subscription = self._subscriptions.get(subscription_arn)
        if subscription is None:
            raise ServiceFault("NotFound", "Subscription does not exist", status=404)
        return subscription

    def change_subscription(self, subscription_arn: str, name: str, text: str) -> None:
        """Set one attribute of a subscription, or remove it by an empty text.

        Raises:
            ServiceFault: ``NotFound``, ``InvalidParameter`` or ``FilterPolicyLimitExceeded``.
        """
        subscription = self.subscription(subscription_arn)
        settings = subscription.settings.changed({name: text})
        if subscription.settings.filter is None:
            _check_filter_limit(self._topics[subscription.topic_arn], settings.filter)
        subscription.change(settings, self._filter_moment())

    def publish(
        self,
        topic_arn: str,
        message: str,
        subject: str | None = None,
        attributes: MessageAttributes | None = None,
    ) -> str:
        """Deliver a message to all who want it, and return SNS's id of it.

        Raises:
            ServiceFault: ``NotFound`` or ``InvalidParameter``.
        """
        topic = self.topic(topic_arn)
        if not message:
            raise _invalid("Empty message")
        if size_of(message, attributes or {}) > topic.settings.maximum_message_size:
            raise _invalid("Message too long")
        publication = Publication(
            message_id=str(uuid.uuid4()),
            topic_arn=topic_arn,
            message=message,
            subject=subject,
            attributes=attributes or {},
            published_time=self._clock.utc_now(),
            signature_version=topic.settings.signature_version,
        )
        self._courier.carry(publication, topic.subscriptions)
        return publication.message_id

    def _filter_moment(self) -> float:
        return self._clock.monotonic() + self._filter_delay_seconds


def _check_filter_limit(topic: Topic, added: Filter | None) -> None:
    filters = sum(each.settings.filter is not None for each in topic.subscriptions)
    if added is not None and filters >= _MOST_FILTERS:
        reason = f"The topic has {_MOST_FILTERS} filter policies already; a topic has no more."
        raise ServiceFault("FilterPolicyLimitExceeded", reason, status=403)


def _invalid(reason: str) -> ServiceFault:
    return ServiceFault("InvalidParameter", f"Invalid parameter: {reason}")


def _too_many_subscriptions() -> ServiceFault:
    limit = f"above 256 KiB a topic has at most {_MOST_SUBSCRIPTIONS_IF_LARGE} subscriptions"
    return _invalid(f"MaximumMessageSize Reason: {limit}")
