from __future__ import annotations

import json

import pytest

from tests.contract.answers import receive, receive_one, refused

# What SageMaker publishes, shortened.
COMPLETED = {
    "invocationStatus": "Completed",
    "requestParameters": {"endpointName": "digits", "customAttributes": "job-7"},
    "inferenceId": "worker-3.1f.0a",
    "eventName": "InferenceResult",
}


async def bodies(sqs, queue, until):
    """The raw messages that arrive, up to the one that ends the test."""
    got: list[object] = []
    while until not in got:
        for message in await receive(sqs, queue.url):
            got.append(json.loads(message["Body"]))
            await sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
    return got


async def test_envelope(sqs, sns, topic, subscribe):
    """A queue gets the message in an envelope that names topic, message and signature."""
    queue, _ = await subscribe()
    message = json.dumps(COMPLETED)
    published = await sns.publish(TopicArn=topic, Message=message)

    got = json.loads((await receive_one(sqs, queue.url))["Body"])

    assert ("Notification", topic, message) == (got["Type"], got["TopicArn"], got["Message"])
    assert published["MessageId"] == got["MessageId"]
    assert got["SignatureVersion"] in {"1", "2"}
    assert {"Timestamp", "Signature", "SigningCertURL", "UnsubscribeURL"} <= got.keys()


async def test_nothing_unsaid(sqs, sns, topic, subscribe):
    """The envelope has no Subject and no MessageAttributes where none were published."""
    queue, _ = await subscribe()
    await sns.publish(TopicArn=topic, Message="x")

    got = json.loads((await receive_one(sqs, queue.url))["Body"])

    assert set() == {"Subject", "MessageAttributes"} & got.keys()


async def test_signature_version(sqs, sns, topic, subscribe):
    """A topic signs with version 1 until it is told otherwise."""
    queue, _ = await subscribe()
    await sns.publish(TopicArn=topic, Message="x")

    assert json.loads((await receive_one(sqs, queue.url))["Body"])["SignatureVersion"] == "1"


async def test_subject_and_attributes(sqs, sns, topic, subscribe):
    """Subject and attributes travel in the envelope."""
    queue, _ = await subscribe()
    attributes = {"kind": {"DataType": "String", "StringValue": "a"}}
    await sns.publish(TopicArn=topic, Message="x", Subject="about", MessageAttributes=attributes)

    got = json.loads((await receive_one(sqs, queue.url))["Body"])

    assert (got["Subject"], got["MessageAttributes"]) == ("about", {"kind": {"Type": "String", "Value": "a"}})


async def test_raw(sqs, sns, topic, subscribe):
    """Delivered raw, the body is the message itself, byte for byte."""
    queue, _ = await subscribe(raw=True)
    message = '{"a": "Grüße ✓ <&>"}\n'
    await sns.publish(TopicArn=topic, Message=message)

    assert message == (await receive_one(sqs, queue.url))["Body"]


async def test_every_subscriber(sqs, sns, topic, subscribe):
    """Each subscribed queue gets its own copy."""
    queues = [(await subscribe(raw=True))[0] for _ in range(3)]
    await sns.publish(TopicArn=topic, Message="to all")

    assert [(await receive_one(sqs, queue.url))["Body"] for queue in queues] == ["to all"] * 3


@pytest.mark.parametrize(
    ("policy", "passes", "stays_out"),
    [
        ({"eventName": ["InferenceResult"]}, {}, {"eventName": "TestNotification"}),
        ({"inferenceId": [{"prefix": "worker-3."}]}, {}, {"inferenceId": "worker-30.1"}),
        ({"inferenceId": [{"prefix": "a."}, {"prefix": "worker-"}]}, {}, {"inferenceId": "Worker-3.1"}),
        ({"inferenceId": [{"suffix": ".0a"}]}, {}, {"inferenceId": "worker-3.1f.0b"}),
        (
            {"requestParameters": {"endpointName": ["digits"]}},
            {},
            {"requestParameters": {"endpointName": "x"}},
        ),
        (
            {"requestParameters": {"customAttributes": [{"prefix": "job-"}]}},
            {},
            {"requestParameters": {"endpointName": "digits"}},
        ),
        ({"invocationStatus": [{"anything-but": ["Failed"]}]}, {}, {"invocationStatus": "Failed"}),
        ({"inferenceId": [{"anything-but": {"prefix": "x-"}}]}, {}, {"inferenceId": "x-1"}),
        ({"failureReason": [{"exists": False}]}, {}, {"failureReason": "ClientError"}),
        ({"code": [{"numeric": [">=", 400, "<", 500]}]}, {"code": 404}, {"code": 500}),
        (
            {"eventName": ["InferenceResult"], "invocationStatus": ["Completed"]},
            {},
            {"invocationStatus": "Failed"},
        ),
        (
            {"$or": [{"inferenceId": ["nobody"]}, {"invocationStatus": ["Completed"]}]},
            {},
            {"invocationStatus": "Failed"},
        ),
    ],
    ids=[
        "exact",
        "prefix",
        "prefixes",
        "suffix",
        "nested",
        "nested-prefix",
        "anything-but",
        "anything-but-prefix",
        "exists",
        "numeric",
        "and",
        "or",
    ],
)
async def test_filter(sqs, sns, topic, subscribe, policy, passes, stays_out):
    """A filter on the message's body lets through what matches, and nothing else."""
    everything, _ = await subscribe(raw=True)
    queue, _ = await subscribe(raw=True, filtered_by=policy)
    wanted = COMPLETED | passes
    await sns.publish(TopicArn=topic, Message=json.dumps(COMPLETED | stays_out))
    await sns.publish(TopicArn=topic, Message=json.dumps(wanted))

    assert len(await bodies(sqs, everything, until=wanted)) == 2
    assert [wanted] == await bodies(sqs, queue, until=wanted)


async def test_filter_of_what_is_not_json(sqs, sns, topic, subscribe):
    """A message that is no JSON passes no filter on the body."""
    queue, _ = await subscribe(raw=True, filtered_by={"eventName": [{"exists": True}]})
    await sns.publish(TopicArn=topic, Message="InferenceResult")
    await sns.publish(TopicArn=topic, Message=json.dumps(COMPLETED))

    assert await bodies(sqs, queue, until=COMPLETED) == [COMPLETED]


async def test_filter_set_later(sqs, sns, topic, subscribe):
    """A filter can be set on a subscription that exists."""
    queue, subscription = await subscribe(raw=True)
    for name, value in (("FilterPolicyScope", "MessageBody"), ("FilterPolicy", '{"inferenceId":["mine"]}')):
        await sns.set_subscription_attributes(
            SubscriptionArn=subscription, AttributeName=name, AttributeValue=value
        )
    mine = COMPLETED | {"inferenceId": "mine"}
    await sns.publish(TopicArn=topic, Message=json.dumps(COMPLETED))
    await sns.publish(TopicArn=topic, Message=json.dumps(mine))

    assert [mine] == await bodies(sqs, queue, until=mine)


async def test_closed_queue(sqs, sns, topic, subscribe):
    """A queue whose policy does not let the topic in gets nothing, and the publisher is not told."""
    open_queue, _ = await subscribe()
    closed_queue, _ = await subscribe(policy=False)
    await sns.publish(TopicArn=topic, Message="x")
    await receive_one(sqs, open_queue.url)

    assert await receive(sqs, closed_queue.url, wait=0) == []


async def test_unsubscribe(sqs, sns, topic, subscribe):
    """After Unsubscribe nothing comes any more."""
    stays, _ = await subscribe()
    leaves, subscription = await subscribe()
    await sns.unsubscribe(SubscriptionArn=subscription)
    await sns.publish(TopicArn=topic, Message="x")
    await receive_one(sqs, stays.url)

    assert await receive(sqs, leaves.url, wait=0) == []


async def test_subscription_attributes(sns, topic, subscribe):
    """A subscription tells what it was made with."""
    policy = {"inferenceId": [{"prefix": "worker-3."}]}
    queue, subscription = await subscribe(raw=True, filtered_by=policy)

    told = (await sns.get_subscription_attributes(SubscriptionArn=subscription))["Attributes"]

    assert (topic, "sqs", queue.arn) == (told["TopicArn"], told["Protocol"], told["Endpoint"])
    assert (told["RawMessageDelivery"], told["FilterPolicyScope"]) == ("true", "MessageBody")
    assert policy == json.loads(told["FilterPolicy"])


async def test_subscriptions_of_topic(sns, topic, subscribe):
    """A topic tells who is subscribed to it."""
    queue, subscription = await subscribe()

    (told,) = (await sns.list_subscriptions_by_topic(TopicArn=topic))["Subscriptions"]

    assert (subscription, queue.arn) == (told["SubscriptionArn"], told["Endpoint"])


async def test_subscribe_again(sns, topic, subscribe):
    """Subscribing a queue that is subscribed already answers the same subscription."""
    queue, subscription = await subscribe()

    again = await sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, ReturnSubscriptionArn=True
    )

    assert subscription == again["SubscriptionArn"]


async def test_unknown_topic(sns, topic):
    """Publishing and subscribing to a topic that does not exist says NotFound."""
    with refused("NotFound", status=404):
        await sns.publish(TopicArn=f"{topic}-missing", Message="x")
    with refused("NotFound", status=404):
        await sns.get_topic_attributes(TopicArn=f"{topic}-missing")


async def test_bad_filter(subscribe):
    """A filter that is no filter is refused."""
    with refused("InvalidParameter", status=400):
        await subscribe(filtered_by={"inferenceId": "not a list"})


async def test_too_large(sns, topic):
    """A message may have 256 KiB."""
    await sns.publish(TopicArn=topic, Message="x" * 262_144)
    with refused("InvalidParameter", status=400):
        await sns.publish(TopicArn=topic, Message="x" * 262_145)


async def test_create_again(sns, topic):
    """Creating a topic that exists answers the same ARN."""
    answer = await sns.create_topic(Name=topic.rpartition(":")[2])

    assert topic == answer["TopicArn"]
