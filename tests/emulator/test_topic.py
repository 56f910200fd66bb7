"""SNS: topics, subscriptions, delivery to queues, and the query protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import boto3
import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.clock import SystemClock
from aio_sm_async.emulator.message_attributes import MessageAttribute
from aio_sm_async.emulator.message_queue import Queue
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.server import Server
from aio_sm_async.emulator.service import Call, ServiceFault
from aio_sm_async.emulator.topic import TopicService
from aio_sm_async.emulator.topic_store import TopicStore

ACCOUNT = "000000000000"
REGION = "us-east-1"
SNS = "{http://sns.amazonaws.com/doc/2010-03-31/}"
DONE = f"arn:aws:sns:{REGION}:{ACCOUNT}:done"
OPEN = {
    "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"},
}


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that the test advances."""
    return VirtualClock()


@pytest.fixture
def queues(clock: VirtualClock) -> QueueStore:
    """No queues yet."""
    return QueueStore(clock, ACCOUNT, REGION)


@pytest.fixture
def topics(queues: QueueStore, clock: VirtualClock) -> TopicStore:
    """One topic, done."""
    topics = TopicStore(queues, clock, ACCOUNT, REGION)
    topics.create("done")
    return topics


def open_queue(queues: QueueStore, name: str = "q") -> Queue:
    """A queue that lets every topic in."""
    return queues.create(name, {"Policy": json.dumps(OPEN)})


async def bodies(queue: Queue) -> list[str]:
    """What the queue has."""
    return [delivery.message.body for delivery in await queue.receive(10)]


def refusal(fault: pytest.ExceptionInfo[ServiceFault]) -> tuple[str, int]:
    """Code and status."""
    return fault.value.code, fault.value.status


async def test_the_envelope_is_laid_out_as_on_aws(topics: TopicStore, queues: QueueStore) -> None:
    """To the letter, but for the signature."""
    queue = open_queue(queues)
    subscription = topics.subscribe(DONE, queue.arn)
    attributes = {"kind": MessageAttribute("String", "ä"), "raw": MessageAttribute("Binary", b"\x00")}
    message_id = topics.publish(DONE, '{"a":"ü/"}\n', "about", attributes)
    (body,) = await bodies(queue)

    assert body.splitlines() == [
        "{",
        '  "Type" : "Notification",',
        f'  "MessageId" : "{message_id}",',
        f'  "TopicArn" : "{DONE}",',
        '  "Subject" : "about",',
        '  "Message" : "{\\"a\\":\\"ü/\\"}\\n",',
        '  "Timestamp" : "2026-01-01T00:00:00.000Z",',
        '  "SignatureVersion" : "1",',
        '  "Signature" : "dGhlIGVtdWxhdG9yIGRvZXMgbm90IHNpZ24geWV0",',
        '  "SigningCertURL" : "https://sns.us-east-1.amazonaws.com/'
        'SimpleNotificationService-00000000000000000000000000000000.pem",',
        '  "UnsubscribeURL" : "https://sns.us-east-1.amazonaws.com/'
        f'?Action=Unsubscribe&SubscriptionArn={subscription.arn}",',
        '  "MessageAttributes" : {',
        '    "kind" : {"Type":"String","Value":"ä"},',
        '    "raw" : {"Type":"Binary","Value":"AA=="}',
        "  }",
        "}",
    ]


async def test_timestamps_have_milliseconds(
    topics: TopicStore, queues: QueueStore, clock: VirtualClock
) -> None:
    """Three digits, cut off; and no more keys than the message has."""
    queue = open_queue(queues)
    topics.subscribe(DONE, queue.arn)
    await clock.advance(61.0259)
    topics.change(DONE, "SignatureVersion", "2")
    topics.publish(DONE, "x")
    envelope = json.loads((await bodies(queue))[0])

    assert envelope["Timestamp"] == "2026-01-01T00:01:01.025Z"
    assert envelope["SignatureVersion"] == "2"
    assert not {"Subject", "MessageAttributes"} & envelope.keys()


async def test_raw_delivery_is_the_message_and_nothing_else(topics: TopicStore, queues: QueueStore) -> None:
    """Its attributes become those of the SQS message."""
    queue = open_queue(queues)
    topics.subscribe(DONE, queue.arn, raw_delivery=True)
    attributes = {"kind": MessageAttribute("String", "a")}
    topics.publish(DONE, "the message", attributes=attributes)
    (got,) = await queue.receive()

    assert (got.message.body, got.message.attributes) == ("the message", attributes)


async def test_raw_delivery_of_eleven_attributes_is_dropped(topics: TopicStore, queues: QueueStore) -> None:
    """SQS takes ten; an envelope holds them all."""
    raw, wrapped = open_queue(queues, "raw"), open_queue(queues, "wrapped")
    topics.subscribe(DONE, raw.arn, raw_delivery=True)
    topics.subscribe(DONE, wrapped.arn)
    topics.publish(DONE, "x", attributes={f"a{n}": MessageAttribute("String", "x") for n in range(11)})

    assert (raw.depth, wrapped.depth) == (0, 1)
    assert "10 message attributes" in topics.undelivered[0].reason


async def test_a_filter_chooses(topics: TopicStore, queues: QueueStore) -> None:
    """On attributes unless it is told to look at the body; no filter chooses all."""
    everything, by_body, by_attribute = (open_queue(queues, name) for name in ("all", "body", "attribute"))
    topics.subscribe(DONE, everything.arn, {"FilterPolicy": "{}"}, raw_delivery=True)
    on_body = {"FilterPolicyScope": "MessageBody", "FilterPolicy": '{"id":[{"prefix":"me."}]}'}
    topics.subscribe(DONE, by_body.arn, on_body, raw_delivery=True)
    topics.subscribe(DONE, by_attribute.arn, {"FilterPolicy": '{"kind":["a"]}'}, raw_delivery=True)
    topics.publish(DONE, '{"id":"me.1"}')
    topics.publish(DONE, "not json", attributes={"kind": MessageAttribute("String", "a")})

    assert await bodies(everything) == ['{"id":"me.1"}', "not json"]
    assert await bodies(by_body) == ['{"id":"me.1"}']
    assert await bodies(by_attribute) == ["not json"]
    assert topics.undelivered == []


async def test_a_deep_message_passes_no_filter_on_its_body(topics: TopicStore, queues: QueueStore) -> None:
    """It is published all the same, and whoever wants everything gets it."""
    filtered, open_to_all = open_queue(queues, "filtered"), open_queue(queues, "all")
    topics.subscribe(DONE, filtered.arn, {"FilterPolicyScope": "MessageBody", "FilterPolicy": '{"a":["x"]}'})
    topics.subscribe(DONE, open_to_all.arn)
    await ask(topics, "Publish", TopicArn=DONE, Message='{"a":' * 20_000)

    assert (filtered.depth, open_to_all.depth) == (0, 1)


async def test_half_a_surrogate_pair_becomes_a_question_mark(topics: TopicStore, queues: QueueStore) -> None:
    """JSON can spell it, UTF-8 cannot."""
    queue = open_queue(queues)
    topics.subscribe(DONE, queue.arn, raw_delivery=True)
    await ask(topics, "Publish", TopicArn=DONE, Message='{"default":"a\\ud800"}', MessageStructure="json")

    assert await bodies(queue) == ["a?"]


async def test_a_new_filter_can_take_its_time(queues: QueueStore, clock: VirtualClock) -> None:
    """Until then the former one is in force, and before the first one, none."""
    topics = TopicStore(queues, clock, ACCOUNT, REGION, filter_delay_seconds=900)
    topics.create("done")
    queue = open_queue(queues)
    subscription = topics.subscribe(DONE, queue.arn, {"FilterPolicy": '{"kind":["a"]}'}, raw_delivery=True)
    topics.publish(DONE, "over-received")
    await clock.advance(900)
    topics.publish(DONE, "filtered out")
    topics.change_subscription(subscription.arn, "FilterPolicy", '{"kind":[{"exists":false}]}')
    topics.publish(DONE, "missed")
    await clock.advance(900)
    topics.publish(DONE, "chosen")

    assert await bodies(queue) == ["over-received", "chosen"]


async def test_a_closed_queue_gets_nothing(topics: TopicStore, queues: QueueStore) -> None:
    """The publisher hears nothing of it; the test can."""
    closed = queues.create("closed")
    subscription = topics.subscribe(DONE, closed.arn)
    message_id = topics.publish(DONE, "x")

    (lost,) = topics.undelivered
    assert closed.depth == 0
    assert (lost.subscription_arn, lost.message_id) == (subscription.arn, message_id)
    assert lost.reason == f"The policy of {closed.arn} does not allow {DONE} to send messages."
    assert not lost.dead_lettered


async def test_a_changed_policy_counts_from_the_next_message(topics: TopicStore, queues: QueueStore) -> None:
    """Whether it opens the queue or closes it, and although nothing else was changed."""
    queue = open_queue(queues)
    topics.subscribe(DONE, queue.arn, raw_delivery=True)
    closed = {"Statement": {**OPEN["Statement"], "Resource": "elsewhere"}}
    for number, policy in enumerate((OPEN, closed, OPEN)):
        queue.change(queues.settings(queue.settings, {"Policy": json.dumps(policy)}))
        topics.publish(DONE, f"first {number}")
        topics.publish(DONE, f"second {number}")

    assert await bodies(queue) == ["first 0", "second 0", "first 2", "second 2"]


def test_a_thousand_losses_are_remembered(topics: TopicStore) -> None:
    """The latest ones."""
    topics.subscribe(DONE, f"arn:aws:sqs:{REGION}:{ACCOUNT}:missing")
    published = [topics.publish(DONE, "x") for _ in range(1_001)]

    assert [lost.message_id for lost in topics.undelivered] == published[1:]


async def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(
    topics: TopicStore, queues: QueueStore
) -> None:
    """Also if the queue is gone; the dead-letter queue must let the topic in as well."""
    gone, grave, closed = open_queue(queues, "gone"), open_queue(queues, "grave"), queues.create("closed")
    subscription = topics.subscribe(
        DONE, gone.arn, {"RedrivePolicy": json.dumps({"deadLetterTargetArn": grave.arn})}, raw_delivery=True
    )
    queues.delete(gone)
    topics.publish(DONE, "x")
    topics.change_subscription(
        subscription.arn, "RedrivePolicy", json.dumps({"deadLetterTargetArn": closed.arn})
    )
    topics.publish(DONE, "y")
    (dead,) = await grave.receive(10)

    assert [lost.dead_lettered for lost in topics.undelivered] == [True, False]
    assert dead.message.body == "x"
    assert dead.message.attributes["ErrorMessage"].value == f"There is no queue {gone.arn}."


async def test_a_queue_that_takes_less_than_the_topic_gets_less(
    topics: TopicStore, queues: QueueStore
) -> None:
    """Its own limit counts, envelope included."""
    small = open_queue(queues)
    small.change(queues.settings(small.settings, {"MaximumMessageSize": "1024"}))
    topics.subscribe(DONE, small.arn)
    topics.publish(DONE, "x" * 1000)

    assert small.depth == 0
    assert "must be shorter than 1024 bytes" in topics.undelivered[0].reason


def test_a_topic_has_a_limit_of_its_own(topics: TopicStore) -> None:
    """256 KiB unless it is told another; attributes count."""
    topics.publish(DONE, "x" * 262_144)
    for attributes, message in (({}, "x" * 262_145), ({"a": MessageAttribute("String", "v")}, "x" * 262_140)):
        with pytest.raises(ServiceFault, match="Message too long"):
            topics.publish(DONE, message, attributes=attributes)
    topics.change(DONE, "MaximumMessageSize", "1048576")
    topics.publish(DONE, "x" * 1_048_576)


def test_a_topic_of_large_messages_has_few_subscriptions(topics: TopicStore, queues: QueueStore) -> None:
    """A hundred, whichever comes first."""
    for number in range(100):
        topics.subscribe(DONE, f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}")
    topics.change(DONE, "MaximumMessageSize", "1048576")
    with pytest.raises(ServiceFault, match="at most 100 subscriptions"):
        topics.subscribe(DONE, f"arn:aws:sqs:{REGION}:{ACCOUNT}:another")
    topics.change(DONE, "MaximumMessageSize", "262144")
    topics.subscribe(DONE, f"arn:aws:sqs:{REGION}:{ACCOUNT}:another")
    with pytest.raises(ServiceFault, match="at most 100 subscriptions"):
        topics.change(DONE, "MaximumMessageSize", "300000")


def test_a_topic_has_two_hundred_filters(topics: TopicStore) -> None:
    """The next subscription succeeds only without one, as documented."""
    arns = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}" for number in range(201)]
    for arn in arns[:200]:
        first = topics.subscribe(DONE, arn, {"FilterPolicy": '{"a":["x"]}'})
    with pytest.raises(ServiceFault) as subscribed:
        topics.subscribe(DONE, arns[200], {"FilterPolicy": '{"a":["x"]}'})
    bare = topics.subscribe(DONE, arns[200])
    with pytest.raises(ServiceFault) as attached:
        topics.change_subscription(bare.arn, "FilterPolicy", '{"a":["x"]}')
    topics.change_subscription(first.arn, "FilterPolicy", '{"a":["y"]}')

    assert refusal(subscribed) == refusal(attached) == ("FilterPolicyLimitExceeded", 403)


def test_the_same_again_is_the_same(topics: TopicStore, queues: QueueStore) -> None:
    """Topics and subscriptions, as long as nothing differs."""
    queue = open_queue(queues)
    first = topics.subscribe(DONE, queue.arn, raw_delivery=True)

    assert topics.create("done") is topics.topic(DONE)
    assert topics.subscribe(DONE, queue.arn, {"RawMessageDelivery": "true"}) is first
    assert topics.subscribe(DONE, queue.arn) is first
    with pytest.raises(ServiceFault, match="Subscription already exists with different attributes"):
        topics.subscribe(DONE, queue.arn, {"RawMessageDelivery": "false"})
    with pytest.raises(ServiceFault, match="Topic already exists with different attributes"):
        topics.create("done", {"DisplayName": "d"})
    with pytest.raises(ServiceFault, match="Topic already exists with different tags"):
        topics.create("done", tags={"a": "b"})


def test_what_is_removed_is_gone(topics: TopicStore, queues: QueueStore) -> None:
    """A topic takes its subscriptions along; removing twice is no error."""
    queue, other = open_queue(queues), open_queue(queues, "other")
    left, taken = topics.subscribe(DONE, queue.arn), topics.subscribe(DONE, other.arn)
    topics.unsubscribe(left.arn)
    topics.unsubscribe(left.arn)
    topics.publish(DONE, "x")

    assert (queue.depth, other.depth) == (0, 1)
    assert topics.topic(DONE).described()["SubscriptionsDeleted"] == "1"
    assert repr(topics) == "<TopicStore us-east-1: 1 topics, 1 subscriptions>"

    topics.delete(DONE)
    topics.delete(DONE)
    with pytest.raises(ServiceFault) as topic:
        topics.publish(DONE, "x")
    with pytest.raises(ServiceFault) as subscription:
        topics.subscription(taken.arn)

    assert refusal(topic) == refusal(subscription) == ("NotFound", 404)


def call_of(action: str, parameters: Mapping[str, str], region: str = REGION) -> Call:
    """A request as the server hands it over."""
    body = urlencode({"Action": action, "Version": "2010-03-31", **parameters}).encode()
    return Call("POST", "/", {}, {}, body, region, "AKIATEST", "http://127.0.0.1:1")


def entries(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """A map as the query protocol spells it."""
    return {
        f"{name}.entry.{number}.{part}": text
        for number, pair in enumerate(values.items(), 1)
        for part, text in zip(("key", "value"), pair, strict=True)
    }


def attribute(data_type: str, kind: str, value: str) -> dict[str, str]:
    """One message attribute as the query protocol spells it."""
    name = "MessageAttributes.entry.1"
    return {f"{name}.Name": "a", f"{name}.Value.DataType": data_type, f"{name}.Value.{kind}": value}


def batch(*entries: Mapping[str, str]) -> dict[str, str]:
    """A batch as the query protocol spells it; the ids are the numbers."""
    name = "PublishBatchRequestEntries.member"
    return {
        f"{name}.{number}.{part}": text
        for number, entry in enumerate(entries, 1)
        for part, text in {"Id": str(number), **entry}.items()
    }


async def ask(topics: TopicStore, action: str, **parameters: str) -> ET.Element:
    """The result element of a call's answer."""
    reply = await TopicService(topics).answer(call_of(action, parameters))
    root = ET.fromstring(reply.body)
    assert (reply.status, root.tag) == (200, f"{SNS}{action}Response")
    assert root.find(f"{SNS}ResponseMetadata/{SNS}RequestId") is not None
    result = root.find(f"{SNS}{action}Result")
    return root if result is None else result


def texts(result: ET.Element, path: str) -> list[str | None]:
    """The texts under a path, without its namespaces."""
    return [each.text for each in result.findall("/".join(SNS + part for part in path.split("/")))]


@pytest.mark.parametrize(
    ("action", "parameters", "code"),
    [
        ("CreateTopic", {"Name": "a b"}, "InvalidParameter"),
        ("CreateTopic", {"Name": "x" * 257}, "InvalidParameter"),
        ("CreateTopic", {"Name": "x.fifo"}, "InvalidParameter"),
        ("CreateTopic", {}, "InvalidParameter"),
        ("CreateTopic", {"Name": "x", **entries("Attributes", {"FifoTopic": "true"})}, "InvalidParameter"),
        ("CreateTopic", {"Name": "x", **entries("Attributes", {"Wrong": "1"})}, "InvalidParameter"),
        (
            "SetTopicAttributes",
            {"AttributeName": "SignatureVersion", "AttributeValue": "3"},
            "InvalidParameter",
        ),
        (
            "SetTopicAttributes",
            {"AttributeName": "MaximumMessageSize", "AttributeValue": "1"},
            "InvalidParameter",
        ),
        ("SetTopicAttributes", {"AttributeName": "Wrong"}, "InvalidParameter"),
        ("GetTopicAttributes", {"TopicArn": "done"}, "InvalidParameter"),
        ("GetTopicAttributes", {"TopicArn": f"{DONE}-missing"}, "NotFound"),
        ("Subscribe", {"Protocol": "https", "Endpoint": "https://example.com"}, "InvalidParameter"),
        ("Subscribe", {"Protocol": "sqs", "Endpoint": "q"}, "InvalidParameter"),
        ("Subscribe", {"Protocol": "sqs"}, "InvalidParameter"),
        ("Unsubscribe", {"SubscriptionArn": "PendingConfirmation"}, "InvalidParameter"),
        ("GetSubscriptionAttributes", {"SubscriptionArn": f"{DONE}:missing"}, "NotFound"),
        ("Publish", {"Message": ""}, "InvalidParameter"),
        ("Publish", {"Message": "x", "Subject": ""}, "InvalidParameter"),
        ("Publish", {"Message": "x", "Subject": "a\nb"}, "InvalidParameter"),
        ("Publish", {"Message": "x", "Subject": "x" * 100}, "InvalidParameter"),
        ("Publish", {"Message": "x", "MessageStructure": "json"}, "InvalidParameter"),
        ("Publish", {"Message": "{}", "MessageStructure": "json"}, "InvalidParameter"),
        ("Publish", {"Message": "[" * 100_000, "MessageStructure": "json"}, "InvalidParameter"),
        ("Publish", {"Message": '{"default":"x"}', "MessageStructure": "xml"}, "InvalidParameter"),
        (
            "Publish",
            {
                "Message": "x",
                "MessageAttributes.entry.1.Name": "a",
                "MessageAttributes.entry.1.Value.DataType": "String",
            },
            "ParameterValueInvalid",
        ),
        ("PublishBatch", {}, "EmptyBatchRequest"),
        (
            "PublishBatch",
            batch(*[{"Message": "x" * 200_000}] * 2),
            "BatchRequestTooLong",
        ),
        ("ListTopics", {"NextToken": "x"}, "InvalidParameter"),
        ("ListTopics", {"NextToken": "9" * 5_000}, "InvalidParameter"),
        ("PublishBatch", {f"PublishBatchRequestEntries.member.{'9' * 5_000}.Id": "x"}, "EmptyBatchRequest"),
        ("ListPhoneNumbers", {}, "InvalidAction"),
    ],
)
async def test_what_aws_refuses_is_refused(
    topics: TopicStore, action: str, parameters: dict[str, str], code: str
) -> None:
    """With AWS's own code."""
    with pytest.raises(ServiceFault) as refused:
        await ask(topics, action, **{"TopicArn": DONE, **parameters})

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Wrong", "x"),
        ("RawMessageDelivery", "maybe"),
        ("FilterPolicyScope", "Everything"),
        ("FilterPolicy", '{"a":"x"}'),
        ("FilterPolicy", '{"a":[NaN]}'),
        ("FilterPolicy", '{"a":' * 50_000),
        ("FilterPolicy", '{"$or":[' * 300 + '{"a":["x"]}' + "]}" * 300),
        ("RedrivePolicy", "[" * 100_000),
        ("RedrivePolicy", "no"),
        ("RedrivePolicy", '{"deadLetterTargetArn":"q"}'),
    ],
)
async def test_odd_subscription_attributes_are_refused(topics: TopicStore, name: str, text: str) -> None:
    """When subscribing and later."""
    arn = topics.subscribe(DONE, f"arn:aws:sqs:{REGION}:{ACCOUNT}:q").arn
    with pytest.raises(ServiceFault) as refused:
        await ask(
            topics, "SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName=name, AttributeValue=text
        )

    assert refused.value.code == "InvalidParameter"


async def test_topics_are_made_told_and_deleted(topics: TopicStore) -> None:
    """With attributes and tags."""
    tags = {"Tags.member.1.Key": "owner", "Tags.member.1.Value": "<me>"}
    made = await ask(
        topics, "CreateTopic", Name="a", **entries("Attributes", {"DisplayName": "A & B"}), **tags
    )
    (arn,) = texts(made, "TopicArn")
    assert arn is not None
    await ask(
        topics, "SetTopicAttributes", TopicArn=arn, AttributeName="SignatureVersion", AttributeValue="2"
    )
    told = await ask(topics, "GetTopicAttributes", TopicArn=arn)
    keys, values = (texts(told, f"Attributes/entry/{part}") for part in ("key", "value"))
    attributes = dict(zip(keys, values, strict=True))

    assert attributes["DisplayName"] == "A & B"
    assert (attributes["SignatureVersion"], attributes["SubscriptionsConfirmed"]) == ("2", "0")
    assert json.loads(attributes["Policy"] or "")["Statement"][0]["Resource"] == arn
    assert texts(await ask(topics, "ListTopics"), "Topics/member/TopicArn") == [arn, DONE]

    await ask(
        topics, "TagResource", ResourceArn=arn, **{"Tags.member.1.Key": "b", "Tags.member.1.Value": "2"}
    )
    await ask(topics, "UntagResource", ResourceArn=arn, **{"TagKeys.member.1": "b"})
    listed = await ask(topics, "ListTagsForResource", ResourceArn=arn)

    assert texts(listed, "Tags/member/Value") == ["<me>"]

    await ask(topics, "DeleteTopic", TopicArn=arn)

    assert texts(await ask(topics, "ListTopics"), "Topics/member/TopicArn") == [DONE]


def tags(*names: str) -> dict[str, str]:
    """Tags as the query protocol spells them."""
    return {
        f"Tags.member.{number}.{part}": name for number, name in enumerate(names) for part in ("Key", "Value")
    }


@pytest.mark.parametrize("action", ["TagResource", "UntagResource", "ListTagsForResource"])
@pytest.mark.parametrize(
    ("arn", "expected"), [(f"{DONE}-missing", ("ResourceNotFound", 404)), ("done", ("InvalidParameter", 400))]
)
async def test_tags_belong_to_a_topic(
    topics: TopicStore, action: str, arn: str, expected: tuple[str, int]
) -> None:
    """Where there is none, AWS has a code for it that only the calls about tags use."""
    with pytest.raises(ServiceFault) as refused:
        await ask(topics, action, ResourceArn=arn, **tags("a"), **{"TagKeys.member.1": "a"})

    assert refusal(refused) == expected


async def test_a_topic_has_fifty_tags(topics: TopicStore) -> None:
    """Whether they come with it or later; those that it has may get other values."""
    fifty = [f"t{number}" for number in range(50)]
    await ask(topics, "CreateTopic", Name="full", **tags(*fifty))
    await ask(topics, "TagResource", ResourceArn=f"{DONE[:-4]}full", **tags("t0", "t49"))
    with pytest.raises(ServiceFault) as made:
        await ask(topics, "CreateTopic", Name="fuller", **tags(*fifty, "one more"))
    with pytest.raises(ServiceFault) as tagged:
        await ask(topics, "TagResource", ResourceArn=f"{DONE[:-4]}full", **tags("one more"))

    assert refusal(made) == refusal(tagged) == ("TagLimitExceeded", 400)
    assert sorted(topics.topic(f"{DONE[:-4]}full").tags) == sorted(fifty)
    assert [topic.arn for topic in topics.topics()] == [DONE, f"{DONE[:-4]}full"]


async def test_subscriptions_are_made_told_and_removed(topics: TopicStore, queues: QueueStore) -> None:
    """With their attributes, those set later too."""
    queue = open_queue(queues)
    policy = '{"kind":["a"]}'
    made = await ask(
        topics,
        "Subscribe",
        TopicArn=DONE,
        Protocol="sqs",
        Endpoint=queue.arn,
        ReturnSubscriptionArn="true",
        **entries("Attributes", {"FilterPolicy": policy, "RawMessageDelivery": "true"}),
    )
    (arn,) = texts(made, "SubscriptionArn")
    assert arn is not None
    told = await ask(topics, "GetSubscriptionAttributes", SubscriptionArn=arn)
    keys, values = (texts(told, f"Attributes/entry/{part}") for part in ("key", "value"))

    assert dict(zip(keys, values, strict=True)) == {
        "SubscriptionArn": arn,
        "TopicArn": DONE,
        "Protocol": "sqs",
        "Endpoint": queue.arn,
        "Owner": ACCOUNT,
        "SubscriptionPrincipal": f"arn:aws:iam::{ACCOUNT}:root",
        "ConfirmationWasAuthenticated": "true",
        "PendingConfirmation": "false",
        "RawMessageDelivery": "true",
        "FilterPolicyScope": "MessageAttributes",
        "FilterPolicy": policy,
    }

    await ask(topics, "SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="FilterPolicy")
    of_topic = await ask(topics, "ListSubscriptionsByTopic", TopicArn=DONE)
    everywhere = await ask(topics, "ListSubscriptions")

    assert "FilterPolicy" not in topics.subscription(arn).described()
    assert texts(of_topic, "Subscriptions/member/Endpoint") == [queue.arn]
    assert texts(everywhere, "Subscriptions/member/SubscriptionArn") == [arn]

    await ask(topics, "Unsubscribe", SubscriptionArn=arn)

    assert topics.subscriptions() == []


async def test_long_lists_come_in_pages(topics: TopicStore) -> None:
    """Of a hundred."""
    for number in range(120):
        topics.create(f"x{number}")
    first = await ask(topics, "ListTopics")
    (token,) = texts(first, "NextToken")
    second = await ask(topics, "ListTopics", NextToken=token or "")

    assert len(texts(first, "Topics/member/TopicArn")) == 100
    assert len(texts(second, "Topics/member/TopicArn")) == 21
    assert texts(second, "NextToken") == []


async def test_publishing_over_the_wire(topics: TopicStore, queues: QueueStore) -> None:
    """Alone, by TargetArn, per protocol, and in a batch whose bad entries are named."""
    queue = open_queue(queues)
    topics.subscribe(DONE, queue.arn, raw_delivery=True)
    kind = attribute("String", "StringValue", "v")
    published = await ask(topics, "Publish", TopicArn=DONE, Message="one", Subject="s", **kind)
    await ask(topics, "Publish", TargetArn=DONE, Message='{"default":"two"}', MessageStructure="json")
    three = json.dumps({"default": "x", "sqs": "three"})
    await ask(topics, "Publish", TopicArn=DONE, Message=three, MessageStructure="json")
    two = batch({"Id": "good", "Message": "four"}, {"Id": "bad", "Message": ""})
    answered = await ask(topics, "PublishBatch", TopicArn=DONE, **two)

    assert len(texts(published, "MessageId")) == 1
    assert await bodies(queue) == ["one", "two", "three", "four"]
    assert texts(answered, "Successful/member/Id") == ["good"]
    assert texts(answered, "Failed/member/Code") == ["InvalidParameter"]
    with pytest.raises(ServiceFault, match="no value"):
        await ask(topics, "Publish", Message="x")


@pytest.mark.parametrize(
    ("data_type", "kind", "value"),
    [
        *(
            ("Number", "StringValue", text)
            for text in ("many", "nan", "inf", "1e999", " 1", "1_0", "0x1", ".")
        ),
        ("Number.float", "StringValue", "-Infinity"),
        ("Binary", "BinaryValue", "x"),
        ("Binary", "BinaryValue", "ü"),
        ("String", "StringValue", "\x00"),
    ],
)
async def test_an_attribute_that_is_not_what_it_says_is_refused(
    topics: TopicStore, queues: QueueStore, data_type: str, kind: str, value: str
) -> None:
    """Before any filter looks at it, whether there is one or not."""
    topics.subscribe(DONE, open_queue(queues).arn, {"FilterPolicy": '{"a":[{"numeric":[">",0]}]}'})
    with pytest.raises(ServiceFault) as refused:
        await ask(topics, "Publish", TopicArn=DONE, Message="x", **attribute(data_type, kind, value))

    assert refusal(refused) == ("ParameterValueInvalid", 400)


@pytest.mark.parametrize("number", ["1", "+1", "1.", ".5", "15e-1", "1.0E+2"])
async def test_a_number_is_filtered_as_one(topics: TopicStore, queues: QueueStore, number: str) -> None:
    """In any of the ways to write one."""
    queue = open_queue(queues)
    topics.subscribe(DONE, queue.arn, {"FilterPolicy": '{"a":[{"numeric":[">",0]}]}'})
    await ask(topics, "Publish", TopicArn=DONE, Message="x", **attribute("Number", "StringValue", number))

    assert queue.depth == 1


async def test_the_attributes_of_a_batch_count(topics: TopicStore) -> None:
    """Up to 256 KiB, to the byte, with the names and the types."""
    large = {"Message": "x" * 131_064, **attribute("String", "StringValue", "v")}
    larger = {"Message": "x" * 131_064, **attribute("String", "StringValue", "vv")}
    answered = await ask(topics, "PublishBatch", TopicArn=DONE, **batch(large, large))
    with pytest.raises(ServiceFault) as refused:
        await ask(topics, "PublishBatch", TopicArn=DONE, **batch(large, larger))

    assert texts(answered, "Successful/member/Id") == ["1", "2"]
    assert refused.value.code == "BatchRequestTooLong"


async def test_an_odd_message_does_not_spoil_its_batch(topics: TopicStore) -> None:
    """It is measured with the others, and refused alone."""
    odd = {"Message": "x", **attribute("Number", "StringValue", "many")}
    answered = await ask(topics, "PublishBatch", TopicArn=DONE, **batch({"Message": "x"}, odd))

    assert texts(answered, "Successful/member/Id") == ["1"]
    assert texts(answered, "Failed/member/Code") == ["ParameterValueInvalid"]


async def test_another_region_has_no_topics(topics: TopicStore) -> None:
    """The emulator says which region it has."""
    with pytest.raises(ServiceFault, match="only region is us-east-1, not eu-west-1"):
        await TopicService(topics).answer(call_of("ListTopics", {}, "eu-west-1"))


def test_a_fault_is_written_in_xml(topics: TopicStore) -> None:
    """Whose fault it is, the code, the message."""
    service = TopicService(topics)
    reply = service.render(ServiceFault("NotFound", "Topic <x> does not exist", 404))
    broken = service.render(ServiceFault("InternalError", "m", 500))
    root = ET.fromstring(reply.body)

    assert (reply.status, reply.headers["Content-Type"], root.tag) == (404, "text/xml", f"{SNS}ErrorResponse")
    assert [texts(root, f"Error/{name}") for name in ("Type", "Code", "Message")] == [
        ["Sender"],
        ["NotFound"],
        ["Topic <x> does not exist"],
    ]
    assert texts(ET.fromstring(broken.body), "Error/Type") == ["Receiver"]


async def test_every_text_comes_back_as_xml_can_say_it(topics: TopicStore) -> None:
    """Carriage returns and all; what XML has no way to write becomes U+FFFD."""
    await ask(
        topics, "SetTopicAttributes", TopicArn=DONE, AttributeName="DisplayName", AttributeValue="a\r\n\t<b>"
    )
    told = texts(await ask(topics, "GetTopicAttributes", TopicArn=DONE), "Attributes/entry/value")
    topics.change(DONE, "DisplayName", "a\x00\x1b\ufffeb\ud800")
    replaced = texts(await ask(topics, "GetTopicAttributes", TopicArn=DONE), "Attributes/entry/value")
    fault = ET.fromstring(TopicService(topics).render(ServiceFault("InvalidParameter", "\ud800\x01")).body)

    assert "a\r\n\t<b>" in told
    assert "a\ufffd\ufffd\ufffdb\ufffd" in replaced
    assert texts(fault, "Error/Message") == ["\ufffd\ufffd"]


def test_the_operation_is_what_the_action_names(topics: TopicStore) -> None:
    """For counters and trouble; what is not known is unknown."""
    service = TopicService(topics)

    assert service.operation(call_of("Publish", {})) == "Publish"
    assert service.operation(call_of("ListPhoneNumbers", {})) == "Unknown"


@pytest.fixture
async def server(queues: QueueStore) -> AsyncIterator[Server]:
    """SNS over real HTTP."""
    open_queue(queues)
    clock = SystemClock()
    service = TopicService(TopicStore(queues, clock, ACCOUNT, REGION))
    server = Server([service], accounts={"AKIATEST": "secret"}, clock=clock)
    await server.start()
    yield server
    await server.aclose()
    assert server.errors == []


def round_trip(url: str) -> tuple[dict[str, Any], str]:
    """The attributes of the subscription that boto3 makes, and the error that it makes of a missing topic."""
    credentials = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "secret"}
    sns = boto3.client("sns", region_name=REGION, endpoint_url=url, **credentials)
    topic = sns.create_topic(Name="done", Attributes={"DisplayName": "d"}, Tags=[{"Key": "a", "Value": "b"}])
    made = sns.subscribe(
        TopicArn=topic["TopicArn"],
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:q",
        Attributes={"RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )
    kind = {"kind": {"DataType": "String.Array", "StringValue": '["a"]'}}
    batch = [{"Id": "1", "Message": "<&> ü", "MessageAttributes": kind}]
    sns.publish_batch(TopicArn=topic["TopicArn"], PublishBatchRequestEntries=batch)
    told = sns.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])["Attributes"]
    try:
        sns.publish(TopicArn=f"{topic['TopicArn']}-missing", Message="x")
    except sns.exceptions.NotFoundException as missing:
        return told, missing.response["Error"]["Message"]
    finally:
        sns.close()
    raise AssertionError("it was not missed")


async def test_boto3_is_content(server: Server, queues: QueueStore) -> None:
    """Its own client, errors as its own classes."""
    told, message = await asyncio.to_thread(round_trip, server.url)
    queue = queues.by_name("q")
    assert queue is not None
    (got,) = await queue.receive()

    assert (told["Protocol"], told["RawMessageDelivery"]) == ("sqs", "true")
    assert (got.message.body, got.message.attributes["kind"].value) == ("<&> ü", '["a"]')
    assert message == "Topic does not exist"
