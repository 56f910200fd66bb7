"""Takes publications to the queues that want them.

Delivery is at once and in the order of publishing; a real topic promises neither. What a queue refuses is
not tried again: SNS calls that a client error. It goes to the subscription's dead-letter queue, which must
let the topic in as well. The publisher never hears of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.filter_policy import matches_attributes, matches_body, parse_body
from aio_sm_async.emulator.message_attributes import MessageAttribute, MessageAttributes, check_names
from aio_sm_async.emulator.notification_envelope import Publication, wrap
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.subscription import Subscription

_SENDER_ID = "AIDAEMULATEDSNS000000"
_MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that a subscriber did not get, although its filter wanted it.

    Attributes:
        subscription_arn: The subscription.
        message_id: SNS's id of the message.
        reason: Why.
        dead_lettered: Whether the subscription's dead-letter queue has it.
    """

    subscription_arn: str
    message_id: str
    reason: str
    dead_lettered: bool


class Courier:
    """Delivers to queues.

    Attributes:
        undelivered: What did not arrive, oldest first; of more than a thousand, the latest thousand.
    """

    def __init__(self, queues: QueueStore, clock: Clock) -> None:
        self.undelivered: deque[Undelivered] = deque(maxlen=_MOST_REMEMBERED)
        self._queues = queues
        self._clock = clock

    def carry(self, publication: Publication, subscriptions: Iterable[Subscription]) -> None:
        """Deliver a publication to the subscriptions that want it."""
        for subscription in self._wanting(publication, list(subscriptions)):
            self._deliver(publication, subscription)

    def _wanting(self, publication: Publication, subscriptions: list[Subscription]) -> list[Subscription]:
        now = self._clock.monotonic()
        filtered = [(each, each.filter_at(now)) for each in subscriptions]
        looks_inside = any(wish is not None and wish.scope == "MessageBody" for _, wish in filtered)
        body = parse_body(publication.message) if looks_inside else None
        return [
            each
            for each, wish in filtered
            if wish is None
            or (wish.scope == "MessageBody" and matches_body(wish.policy, body))
            or (wish.scope == "MessageAttributes" and matches_attributes(wish.policy, publication.attributes))
        ]

    def _deliver(self, publication: Publication, subscription: Subscription) -> None:
        raw = subscription.settings.raw
        body = publication.message if raw else wrap(publication, subscription.arn)
        attributes = publication.attributes if raw else {}
        reason = self._put(subscription.endpoint, publication.topic_arn, body, attributes)
        if reason is None:
            return
        grave = subscription.settings.dead_letter_arn
        label = {"ErrorMessage": MessageAttribute("String", reason)}
        buried = grave is not None and self._put(grave, publication.topic_arn, body, label) is None
        self.undelivered.append(
            Undelivered(subscription.arn, publication.message_id, reason, dead_lettered=buried)
        )

    def _put(self, queue_arn: str, topic_arn: str, body: str, attributes: MessageAttributes) -> str | None:
        """Put a message into a queue; the reason if that fails."""
        queue = self._queues.by_arn(queue_arn)
        if queue is None:
            return f"There is no queue {queue_arn}."
        policy = queue.settings.policy
        if policy is None or not policy.allows_delivery(queue_arn=queue_arn, topic_arn=topic_arn):
            return f"The policy of {queue_arn} does not allow {topic_arn} to send messages."
        try:
            check_names(attributes)
            queue.send(body, attributes, system={"SenderId": _SENDER_ID})
        except ServiceFault as fault:
            return fault.message
        return None
