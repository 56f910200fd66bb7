"""Topics, their subscriptions, and what their queues get, without HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.courier import Undelivered
from aio_sm_async.emulator.message_attributes import MessageAttribute
from aio_sm_async.emulator.message_queue import Queue
from aio_sm_async.emulator.queue_message import Message
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.topic_store import TopicStore

ACCOUNT, REGION = "000000000000", "us-east-1"
ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"
MINE = {"FilterPolicyScope": "MessageBody", "FilterPolicy": '{"id":[{"prefix":"mine-"}]}'}


class Post:
    """A topic, and queues that let it in unless they are told not to."""

    def __init__(self, *, filter_delay_seconds: float = 0.0) -> None:
        self.clock = VirtualClock()
        self.queues = QueueStore(self.clock, ACCOUNT, REGION)
        self.topics = TopicStore(
            self.queues, self.clock, ACCOUNT, REGION, filter_delay_seconds=filter_delay_seconds
        )
        self.topic = self.topics.create("topic")

    def queue(self, name: str = "queue", *, lets_in: str = ARN) -> Queue:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
            "Condition": {"ArnEquals": {"aws:SourceArn": lets_in}},
        }
        return self.queues.create(name, {"Policy": json.dumps({"Statement": [statement]})})


@contextmanager
def refused(code: str, said: str = "", status: int = 400) -> Iterator[None]:
    """The body must be refused, in these words among others."""
    with pytest.raises(ServiceFault) as caught:
        yield

    assert (code, status) == (caught.value.code, caught.value.status)
    assert said in caught.value.message


async def messages(queue: Queue) -> list[Message]:
    """What lies in the queue; it is in flight afterwards."""
    return [delivery.message for delivery in await queue.receive(10, wait_seconds=0)]


async def bodies(queue: Queue) -> list[str]:
    return [message.body for message in await messages(queue)]


def test_a_topic_is_made_once() -> None:
    """Its name gives it back, as do attributes and tags that it has."""
    topics = Post().topics
    made = topics.create("other", {"DisplayName": "Other"}, {"team": "a"})

    assert f"arn:aws:sns:{REGION}:{ACCOUNT}:other" == made.arn
    assert made is topics.create("other")
    assert made is topics.create("other", {"DisplayName": "Other"}, {"team": "a"})
    assert [made.arn, ARN] == [topic.arn for topic in topics.topics()]


@pytest.mark.parametrize(
    ("attributes", "tags", "said"),
    [({"DisplayName": "x"}, {}, "different attributes"), ({}, {"team": "b"}, "different tags")],
)
def test_a_topic_is_not_made_anew(attributes: dict[str, str], tags: dict[str, str], said: str) -> None:
    """Other attributes or tags under the same name are an error."""
    topics = Post().topics

    with refused("InvalidParameter", said):
        topics.create("topic", attributes, tags)


@pytest.mark.parametrize("name", ["", "a b", "x" * 257, "ümlaut", "a.b", "a.fifo"])
def test_a_topic_needs_a_name_of_the_right_kind(name: str) -> None:
    """Letters, digits, hyphens and underscores; FIFO topics are not emulated."""
    with refused("InvalidParameter", "Topic Name"):
        Post().topics.create(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Nonsense", "x"),
        ("FifoTopic", "true"),
        ("SignatureVersion", "3"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("MaximumMessageSize", "large"),
    ],
)
def test_topic_attributes_are_checked(name: str, text: str) -> None:
    """When a topic is made and when it is changed; nothing changes then."""
    topics = Post().topics

    with refused("InvalidParameter"):
        topics.create("other", {name: text})
    with refused("InvalidParameter"):
        topics.change(ARN, name, text)
    assert [ARN] == [topic.arn for topic in topics.topics()]


def test_topic_attributes_can_be_removed() -> None:
    """By an empty text; the default is back then."""
    post = Post()
    post.topics.change(ARN, "DisplayName", "shown")
    shown = post.topic.described()
    post.topics.change(ARN, "DisplayName", "")

    assert ("shown", "") == (shown["DisplayName"], post.topic.described()["DisplayName"])

    post.topics.change(ARN, "SignatureVersion", "2")
    post.topics.change(ARN, "MaximumMessageSize", "1024")
    post.topics.change(ARN, "SignatureVersion", "")
    post.topics.change(ARN, "MaximumMessageSize", "")

    assert ("1", 262_144) == (post.topic.settings.signature_version, post.topic.settings.maximum_message_size)
    assert not {"SignatureVersion", "MaximumMessageSize"} & post.topic.described().keys()


def test_a_topic_counts_its_subscriptions() -> None:
    """Those that there are, and those that were removed."""
    post = Post()
    for name in ("a", "b"):
        post.topics.subscribe(ARN, post.queue(name).arn)
    post.topics.unsubscribe(post.topics.subscriptions()[0].arn)

    told = post.topic.described()

    assert ("1", "1") == (told["SubscriptionsConfirmed"], told["SubscriptionsDeleted"])


def test_what_does_not_exist_is_not_found() -> None:
    """Neither topic nor subscription."""
    topics = Post().topics

    with refused("NotFound", "Topic does not exist", 404):
        topics.publish(ARN + "-2", "x")
    with refused("NotFound", "Topic does not exist", 404):
        topics.subscribe(ARN + "-2", "arn:aws:sqs:us-east-1:000000000000:queue")
    with refused("NotFound", "Subscription does not exist", 404):
        topics.subscription(ARN + ":none")
    with refused("NotFound", "Subscription does not exist", 404):
        topics.change_subscription(ARN + ":none", "RawMessageDelivery", "true")


def test_what_is_no_arn_is_invalid() -> None:
    """Rather than not found."""
    topics = Post().topics

    for arn in ("topic", ARN + ":x", "arn:aws:sqs:us-east-1:000000000000:topic"):
        with refused("InvalidParameter", "TopicArn"):
            topics.topic(arn)
    with refused("InvalidParameter", "SQS endpoint ARN"):
        topics.subscribe(ARN, "https://queue.example")
    with refused("InvalidParameter", "SubscriptionArn"):
        topics.unsubscribe(ARN)


def test_removing_twice_is_no_error() -> None:
    """Of topics as of subscriptions; a topic takes its subscriptions with it."""
    post = Post()
    queue = post.queue()
    first = post.topics.subscribe(ARN, queue.arn)
    post.topics.unsubscribe(first.arn)
    post.topics.unsubscribe(first.arn)
    post.topics.subscribe(ARN, queue.arn)
    post.topics.delete(ARN)
    post.topics.delete(ARN)

    assert ([], []) == (post.topics.topics(), post.topics.subscriptions())


def test_a_queue_is_subscribed_once() -> None:
    """Again with what it has gives the subscription; with anything else it is an error."""
    post = Post()
    queue = post.queue()
    made = post.topics.subscribe(ARN, queue.arn, MINE, raw_delivery=True)

    assert made.arn.startswith(ARN + ":")
    assert made is post.topics.subscribe(ARN, queue.arn)
    assert made is post.topics.subscribe(ARN, queue.arn, MINE, raw_delivery=True)
    with refused("InvalidParameter", "different attributes"):
        post.topics.subscribe(ARN, queue.arn, {"RawMessageDelivery": "false"})
    assert [made] == post.topics.subscriptions()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Nonsense", "x"),
        ("RawMessageDelivery", "yes"),
        ("FilterPolicyScope", "Body"),
        ("FilterPolicy", '{"id":"mine"}'),
        ("FilterPolicy", '{"a":{"b":["x"]}}'),
        ("RedrivePolicy", "{"),
        ("RedrivePolicy", '{"deadLetterTargetArn":"dead"}'),
        ("RedrivePolicy", '{"deadLetterTargetArn":5}'),
    ],
)
def test_subscription_attributes_are_checked(name: str, text: str) -> None:
    """When a queue is subscribed and when a subscription is changed; nothing changes then."""
    post = Post()
    made = post.topics.subscribe(ARN, post.queue().arn)
    before = made.described()

    with refused("InvalidParameter"):
        post.topics.subscribe(ARN, post.queue("other").arn, {name: text})
    with refused("InvalidParameter"):
        post.topics.change_subscription(made.arn, name, text)
    assert (before, [made]) == (made.described(), post.topics.subscriptions())


def test_a_nested_filter_keeps_its_scope() -> None:
    """The scope cannot change to one that the policy does not suit."""
    post = Post()
    nested = {"FilterPolicyScope": "MessageBody", "FilterPolicy": '{"a":{"b":["x"]}}'}
    made = post.topics.subscribe(ARN, post.queue().arn, nested)

    with refused("InvalidParameter", "nested"):
        post.topics.change_subscription(made.arn, "FilterPolicyScope", "MessageAttributes")


def test_a_subscription_tells_its_attributes() -> None:
    """The scope only where there is a policy."""
    post = Post()
    made = post.topics.subscribe(ARN, post.queue().arn)
    plain = made.described()
    post.topics.change_subscription(made.arn, "FilterPolicy", '{"a":["x"]}')

    assert (ARN, "sqs", "false") == (plain["TopicArn"], plain["Protocol"], plain["RawMessageDelivery"])
    assert "FilterPolicyScope" not in plain
    assert "MessageAttributes" == made.described()["FilterPolicyScope"]


async def test_the_envelope_has_the_keys_of_sns_in_their_order() -> None:
    """Written with two spaces and a space before each colon; without a subject there is no Subject."""
    post = Post()
    queue = post.queue()
    subscription = post.topics.subscribe(ARN, queue.arn)
    message_id = post.topics.publish(ARN, 'say "é"\n')

    (body,) = await bodies(queue)
    told = json.loads(body)

    assert body.startswith('{\n  "Type" : "Notification",\n  "MessageId" : "')
    assert body.endswith('"\n}')
    assert [
        "Type",
        "MessageId",
        "TopicArn",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
    ] == list(told)
    assert (message_id, ARN, 'say "é"\n') == (told["MessageId"], told["TopicArn"], told["Message"])
    assert ("2026-01-01T00:00:00.000Z", "1") == (told["Timestamp"], told["SignatureVersion"])
    assert told["SigningCertURL"].startswith(f"https://sns.{REGION}.amazonaws.com/")
    assert told["UnsubscribeURL"].endswith(f"SubscriptionArn={subscription.arn}")


async def test_subject_and_attributes_are_in_the_envelope() -> None:
    """The subject after the topic, the attributes last; binary ones in base64."""
    post = Post()
    queue = post.queue()
    post.topics.subscribe(ARN, queue.arn)
    post.topics.change(ARN, "SignatureVersion", "2")
    attributes = {"b": MessageAttribute("Binary", b"\x00\xff"), "s": MessageAttribute("String", 'a"b')}
    post.topics.publish(ARN, "x", "about", attributes)

    (message,) = await messages(queue)
    told = json.loads(message.body)

    assert ["TopicArn", "Subject", "Message"] == list(told)[2:5]
    assert ("about", "2") == (told["Subject"], told["SignatureVersion"])
    assert "MessageAttributes" == list(told)[-1]
    assert {
        "b": {"Type": "Binary", "Value": base64.b64encode(b"\x00\xff").decode()},
        "s": {"Type": "String", "Value": 'a"b'},
    } == told["MessageAttributes"]
    assert not message.attributes


async def test_raw_delivery_leaves_the_message_as_it_is() -> None:
    """Its attributes become SQS's."""
    post = Post()
    queue = post.queue()
    post.topics.subscribe(ARN, queue.arn, raw_delivery=True)
    attributes = {"kind": MessageAttribute("String", "a")}
    post.topics.publish(ARN, '{"a": "é"}\n', attributes=attributes)

    (message,) = await messages(queue)

    assert ('{"a": "é"}\n', attributes) == (message.body, message.attributes)


async def test_all_subscribers_get_every_message_in_order() -> None:
    """Under the same message id; other topics' subscribers get nothing."""
    post = Post()
    queues = [post.queue(name) for name in ("a", "b")]
    stranger = post.queue("c", lets_in=post.topics.create("other").arn)
    post.topics.subscribe(ARN, queues[0].arn)
    post.topics.subscribe(ARN, queues[1].arn)
    post.topics.subscribe(post.topics.create("other").arn, stranger.arn)
    ids = [post.topics.publish(ARN, text) for text in ("1", "2")]

    got = [[json.loads(body)["MessageId"] for body in await bodies(queue)] for queue in queues]

    assert [ids, ids] == got
    assert [] == await bodies(stranger)


async def test_a_filter_on_the_body_decides_for_its_subscription_alone() -> None:
    """And can be taken away again."""
    post = Post()
    everything, mine = post.queue("a"), post.queue("b")
    post.topics.subscribe(ARN, everything.arn, raw_delivery=True)
    filtered = post.topics.subscribe(ARN, mine.arn, MINE, raw_delivery=True)
    post.topics.publish(ARN, '{"id":"mine-1"}')
    post.topics.publish(ARN, '{"id":"yours-1"}')
    post.topics.publish(ARN, "mine-2")
    post.topics.change_subscription(filtered.arn, "FilterPolicy", "")
    post.topics.publish(ARN, '{"id":"yours-2"}')

    assert 4 == len(await bodies(everything))
    assert ['{"id":"mine-1"}', '{"id":"yours-2"}'] == await bodies(mine)
    assert [] == post.topics.undelivered


async def test_a_filter_on_attributes_does_not_look_at_the_body() -> None:
    """It is the scope where none is named."""
    post = Post()
    queue = post.queue()
    post.topics.subscribe(ARN, queue.arn, {"FilterPolicy": '{"id":["a"]}'}, raw_delivery=True)
    post.topics.publish(ARN, '{"id":"a"}')
    post.topics.publish(ARN, "wanted", attributes={"id": MessageAttribute("String", "a")})

    assert ["wanted"] == await bodies(queue)


async def test_an_empty_filter_lets_everything_through() -> None:
    """As none would."""
    post = Post()
    queue = post.queue()
    post.topics.subscribe(ARN, queue.arn, {"FilterPolicy": "{}"}, raw_delivery=True)
    post.topics.publish(ARN, "x")

    assert ["x"] == await bodies(queue)


async def test_a_filter_may_take_its_time() -> None:
    """Until it is in force, the former one is; so a new subscription gets too much at first."""
    post = Post(filter_delay_seconds=900)
    queue = post.queue()
    made = post.topics.subscribe(ARN, queue.arn, MINE, raw_delivery=True)
    post.topics.publish(ARN, '{"id":"1"}')
    await post.clock.advance(900)
    post.topics.publish(ARN, '{"id":"2"}')
    post.topics.change_subscription(made.arn, "FilterPolicy", '{"id":["3"]}')
    post.topics.publish(ARN, '{"id":"3"}')
    post.topics.publish(ARN, '{"id":"mine-3"}')
    await post.clock.advance(900)
    post.topics.publish(ARN, '{"id":"3"}')

    assert ['{"id":"1"}', '{"id":"mine-3"}', '{"id":"3"}'] == await bodies(queue)


def test_a_topic_has_at_most_200_filters() -> None:
    """Subscriptions without one are not counted; a filter that is there may be changed."""
    post = Post()
    for number in range(200):
        post.topics.subscribe(ARN, f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue-{number}", MINE)
    plain = post.topics.subscribe(ARN, post.queue("plain").arn)

    with refused("FilterPolicyLimitExceeded", "200", 403):
        post.topics.subscribe(ARN, post.queue("other").arn, MINE)
    with refused("FilterPolicyLimitExceeded", "200", 403):
        post.topics.change_subscription(plain.arn, "FilterPolicy", '{"id":["a"]}')
    post.topics.change_subscription(post.topics.subscriptions()[0].arn, "FilterPolicy", '{"id":["a"]}')
    assert 201 == len(post.topics.subscriptions())


def test_a_topic_of_large_messages_has_at_most_100_subscriptions() -> None:
    """Whichever comes first, the size or the subscriptions."""
    post = Post()
    for number in range(101):
        post.topics.subscribe(ARN, f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue-{number}")

    with refused("InvalidParameter", "at most 100 subscriptions"):
        post.topics.change(ARN, "MaximumMessageSize", "262145")
    post.topics.unsubscribe(post.topics.subscriptions()[0].arn)
    post.topics.change(ARN, "MaximumMessageSize", "262145")
    with refused("InvalidParameter", "at most 100 subscriptions"):
        post.topics.subscribe(ARN, post.queue().arn)


def test_a_message_fits_its_topic() -> None:
    """256 KiB unless told otherwise, in bytes, attributes included; and it is not empty."""
    topics = Post().topics
    attribute = {"kind": MessageAttribute("String", "a")}
    topics.publish(ARN, "é" * 131_072)

    with refused("InvalidParameter", "Message too long"):
        topics.publish(ARN, "é" * 131_072, attributes=attribute)
    with refused("InvalidParameter", "Empty message"):
        topics.publish(ARN, "")
    topics.change(ARN, "MaximumMessageSize", "1024")
    with refused("InvalidParameter", "Message too long"):
        topics.publish(ARN, "x" * 1025)


@pytest.mark.parametrize("why", ["closed", "missing", "too small", "too many attributes"])
async def test_what_a_queue_refuses_is_recorded(why: str) -> None:
    """The publisher is not told, and the other subscribers get theirs."""
    post = Post()
    good = post.queue("good")
    bad = f"arn:aws:sqs:{REGION}:{ACCOUNT}:bad"
    if why != "missing":
        queue = post.queue("bad", lets_in=ARN if why != "closed" else ARN + "-2")
        queue.change(post.queues.settings(queue.settings, {"MaximumMessageSize": "1024"}))
    refusing = post.topics.subscribe(ARN, bad, raw_delivery=True)
    post.topics.subscribe(ARN, good.arn)
    many = {f"a{number}": MessageAttribute("String", "x") for number in range(11)}
    text = "x" * 2000 if why == "too small" else "x"
    message_id = post.topics.publish(ARN, text, attributes=many if why == "too many attributes" else {})

    (told,) = post.topics.undelivered

    assert Undelivered(refusing.arn, message_id, told.reason, dead_lettered=False) == told
    assert 1 == good.depth


async def test_what_a_queue_refuses_goes_to_the_dead_letter_queue() -> None:
    """As the queue would have got it, with the reason beside it."""
    post = Post()
    closed, dead = post.queue("closed", lets_in="nobody"), post.queue("dead")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})}
    post.topics.subscribe(ARN, closed.arn, redrive, raw_delivery=True)
    post.topics.publish(ARN, "x")

    (message,) = await messages(dead)
    (told,) = post.topics.undelivered

    assert "x" == message.body
    assert {"ErrorMessage": MessageAttribute("String", told.reason)} == message.attributes
    assert told.dead_lettered


async def test_a_dead_letter_queue_must_let_the_topic_in_too() -> None:
    """Else the message is lost, and recorded as lost."""
    post = Post()
    closed, dead = post.queue("closed", lets_in="nobody"), post.queue("dead", lets_in="nobody")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})}
    post.topics.subscribe(ARN, closed.arn, redrive)
    post.topics.publish(ARN, "x")

    assert [False] == [each.dead_lettered for each in post.topics.undelivered]
    assert 0 == dead.depth


def test_the_store_shows_what_it_holds() -> None:
    """In its repr."""
    post = Post()
    post.topics.subscribe(ARN, post.queue().arn)

    assert "<TopicStore us-east-1: 1 topics, 1 subscriptions>" == repr(post.topics)
