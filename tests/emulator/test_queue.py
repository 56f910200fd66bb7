"""SQS over its JSON protocol: members, checks, errors."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.clock import SystemClock
from aio_sm_async.emulator.message_attributes import MessageAttribute, md5_of
from aio_sm_async.emulator.queue import QueueService
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.server import Server
from aio_sm_async.emulator.service import Call, Reply, ServiceFault

BASE = "http://127.0.0.1:1"
URL = f"{BASE}/000000000000/q"
GRAVE = "arn:aws:sqs:us-east-1:000000000000:grave"


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that the test advances."""
    return VirtualClock()


@pytest.fixture
def store(clock: VirtualClock) -> QueueStore:
    """A store with one queue, q."""
    store = QueueStore(clock, "000000000000", "us-east-1")
    store.create("q")
    return store


def call_of(operation: str, body: bytes, region: str = "us-east-1") -> Call:
    """A request as the server hands it over."""
    headers = {"x-amz-target": f"AmazonSQS.{operation}"}
    return Call("POST", "/", {}, headers, body, region, "AKIATEST", BASE)


async def ask(store: QueueStore, operation: str, **members: Any) -> Any:
    """The answer to a call; QueueUrl is q's unless given."""
    asked = {} if operation in {"CreateQueue", "GetQueueUrl", "ListQueues"} else {"QueueUrl": URL}
    body = json.dumps({**asked, **members}).encode()
    reply = await QueueService(store).answer(call_of(operation, body))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/x-amz-json-1.0")
    return json.loads(reply.body)


async def code_of(store: QueueStore, operation: str, **members: Any) -> str:
    """The code with which a call is refused."""
    with pytest.raises(ServiceFault) as refused:
        await ask(store, operation, **members)
    return refused.value.code


async def test_a_message_travels_with_all_that_belongs_to_it(store: QueueStore, clock: VirtualClock) -> None:
    """Body, digests, sender, times, attributes of both kinds."""
    kinds = {
        "text": {"DataType": "String", "StringValue": "a"},
        "number.int": {"DataType": "Number", "StringValue": "1"},
        "bytes": {"DataType": "Binary", "BinaryValue": base64.b64encode(b"\x00\xff").decode()},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    sent = await ask(
        store,
        "SendMessage",
        MessageBody="Grüße",
        MessageAttributes=kinds,
        MessageSystemAttributes=trace,
        MessageGroupId="tenant",
    )
    await clock.advance(1.5)
    answer = await ask(store, "ReceiveMessage", AttributeNames=["All"], MessageAttributeNames=["All"])

    (got,) = answer["Messages"]
    assert (got["MessageId"], got["Body"]) == (sent["MessageId"], "Grüße")
    assert got["MD5OfBody"] == sent["MD5OfMessageBody"] == hashlib.md5("Grüße".encode()).hexdigest()
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["MessageAttributes"] == kinds
    assert got["Attributes"] == {
        "SentTimestamp": "1767225600000",
        "SenderId": "AKIATEST",
        "MessageGroupId": "tenant",
        "AWSTraceHeader": "Root=1",
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": "1767225601500",
    }


async def test_only_what_is_asked_for_comes(store: QueueStore) -> None:
    """System attributes by name, others by name and by prefix; the digest is that of what comes."""
    attributes = {name: {"DataType": "String", "StringValue": name} for name in ("a.b", "a.c", "b")}
    await ask(store, "SendMessage", MessageBody="x", MessageAttributes=attributes)
    bare = await ask(store, "ReceiveMessage", VisibilityTimeout=0)
    some = await ask(
        store,
        "ReceiveMessage",
        VisibilityTimeout=0,
        MessageSystemAttributeNames=["ApproximateReceiveCount", "SequenceNumber"],
        MessageAttributeNames=["a.*", "missing"],
    )
    none = await ask(
        store,
        "ReceiveMessage",
        MessageSystemAttributeNames=["SequenceNumber"],
        MessageAttributeNames=["missing"],
    )

    assert (
        set(bare["Messages"][0])
        == set(none["Messages"][0])
        == {
            "MessageId",
            "ReceiptHandle",
            "MD5OfBody",
            "Body",
        }
    )
    (got,) = some["Messages"]
    assert got["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert sorted(got["MessageAttributes"]) == ["a.b", "a.c"]
    expected = {name: MessageAttribute("String", name) for name in ("a.b", "a.c")}
    assert got["MD5OfMessageAttributes"] == md5_of(expected)


async def test_an_empty_receive_has_no_messages(store: QueueStore) -> None:
    """Not even an empty list."""
    assert await ask(store, "ReceiveMessage") == {}


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("SendMessage", {"MessageBody": ""}, "MissingParameter"),
        ("SendMessage", {}, "MissingParameter"),
        ("SendMessage", {"MessageBody": "\x00"}, "InvalidMessageContents"),
        ("SendMessage", {"MessageBody": "\ufffe"}, "InvalidMessageContents"),
        ("SendMessage", {"MessageBody": "x" * 1_048_577}, "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": "5"}, "SerializationException"),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": True}, "SerializationException"),
        ("SendMessage", {"MessageBody": 5}, "SerializationException"),
        ("SendMessage", {"MessageBody": "x", "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
        (
            "SendMessage",
            {"MessageBody": "x", "MessageSystemAttributes": {"Other": {}}},
            "InvalidParameterValue",
        ),
        ("SendMessage", {"MessageBody": "x", "MessageAttributes": {"a": "b"}}, "SerializationException"),
        ("ReceiveMessage", {"MaxNumberOfMessages": 0}, "InvalidParameterValue"),
        ("ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("ReceiveMessage", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ("ReceiveMessage", {"VisibilityTimeout": 43_201}, "InvalidParameterValue"),
        ("ReceiveMessage", {"AttributeNames": ["Wrong"]}, "InvalidAttributeName"),
        ("ReceiveMessage", {"AttributeNames": "All"}, "SerializationException"),
        ("ReceiveMessage", {"AttributeNames": [1]}, "SerializationException"),
        ("DeleteMessage", {}, "MissingParameter"),
        ("DeleteMessage", {"ReceiptHandle": "made-up"}, "ReceiptHandleIsInvalid"),
        ("ChangeMessageVisibility", {"ReceiptHandle": "x"}, "MissingParameter"),
        ("ChangeMessageVisibility", {"ReceiptHandle": "x", "VisibilityTimeout": -1}, "InvalidParameterValue"),
        ("GetQueueAttributes", {"AttributeNames": ["Wrong"]}, "InvalidAttributeName"),
        ("SetQueueAttributes", {"Attributes": {"Wrong": "1"}}, "InvalidAttributeName"),
        ("SetQueueAttributes", {"Attributes": {"VisibilityTimeout": "x"}}, "InvalidAttributeValue"),
        ("SetQueueAttributes", {"Attributes": {"VisibilityTimeout": "43201"}}, "InvalidAttributeValue"),
        ("SetQueueAttributes", {"Attributes": {"SqsManagedSseEnabled": "yes"}}, "InvalidAttributeValue"),
        ("SetQueueAttributes", {"Attributes": {"Policy": "no"}}, "InvalidAttributeValue"),
        ("SetQueueAttributes", {"Attributes": {"Policy": "{}"}}, "InvalidAttributeValue"),
        ("SetQueueAttributes", {"Attributes": {"RedrivePolicy": "[]"}}, "InvalidParameterValue"),
        (
            "SetQueueAttributes",
            {"Attributes": {"RedrivePolicy": '{"maxReceiveCount":1}'}},
            "InvalidParameterValue",
        ),
        ("SetQueueAttributes", {"Attributes": 5}, "SerializationException"),
        ("SetQueueAttributes", {"Attributes": {"FifoQueue": "true"}}, "UnsupportedOperation"),
        ("CreateQueue", {"QueueName": "q.fifo"}, "UnsupportedOperation"),
        ("CreateQueue", {"QueueName": "a b"}, "InvalidParameterValue"),
        ("CreateQueue", {"QueueName": "x" * 81}, "InvalidParameterValue"),
        ("CreateQueue", {"QueueName": "q", "Attributes": {"DelaySeconds": "1"}}, "QueueNameExists"),
        ("GetQueueUrl", {"QueueName": "other"}, "QueueDoesNotExist"),
        ("GetQueueUrl", {"QueueName": "q", "QueueOwnerAWSAccountId": "111111111111"}, "QueueDoesNotExist"),
        ("ListQueues", {"MaxResults": 1001}, "InvalidParameterValue"),
        ("PurgeQueue", {"QueueUrl": f"{BASE}/000000000000/other"}, "QueueDoesNotExist"),
        ("PurgeQueue", {"QueueUrl": f"{BASE}/111111111111/q"}, "QueueDoesNotExist"),
        ("Guess", {}, "UnsupportedOperation"),
    ],
)
async def test_what_aws_refuses_is_refused(
    store: QueueStore, operation: str, members: dict[str, Any], code: str
) -> None:
    """With AWS's own code."""
    assert await code_of(store, operation, **members) == code


@pytest.mark.parametrize(
    "attributes",
    [
        {"a": {"DataType": "String"}},
        {"a": {"DataType": "Strange", "StringValue": "x"}},
        {"a": {"DataType": "Binary", "StringValue": "x"}},
        {"a": {"DataType": "Binary", "BinaryValue": "x"}},
        {"a": {"DataType": "Binary", "BinaryValue": "eA==!"}},
        {"a": {"DataType": "Binary", "BinaryValue": "ü"}},
        {"a": {"DataType": "Number", "StringValue": "many"}},
        {"a": {"DataType": "Number.int", "StringValue": "nan"}},
        {"a": {"DataType": "String", "StringValue": "\x01"}},
        {"a": {"DataType": "String", "StringValue": "\ud800"}},
        {"a": {"DataType": "String.\ud800", "StringValue": "x"}},
        {"": {"DataType": "String", "StringValue": "x"}},
        {"AWS.x": {"DataType": "String", "StringValue": "x"}},
        {"a..b": {"DataType": "String", "StringValue": "x"}},
        {"x" * 257: {"DataType": "String", "StringValue": "x"}},
        {str(number): {"DataType": "String", "StringValue": "x"} for number in range(11)},
    ],
)
async def test_odd_attributes_are_refused(store: QueueStore, attributes: dict[str, Any]) -> None:
    """Types, values and names have rules; ten is the most."""
    assert await code_of(store, "SendMessage", MessageBody="x", MessageAttributes=attributes) == (
        "InvalidParameterValue"
    )


async def test_a_batch_is_answered_entry_by_entry(store: QueueStore) -> None:
    """What can be done is done; what cannot is named, with its code and whose fault it is."""
    entries = [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": "\x01"}]
    sent = await ask(store, "SendMessageBatch", Entries=entries)
    (got,) = (await ask(store, "ReceiveMessage", MaxNumberOfMessages=10))["Messages"]
    changes = [
        {"Id": "a", "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 0},
    ]
    changed = await ask(store, "ChangeMessageVisibilityBatch", Entries=changes)
    queue = store.by_name("q")
    assert queue is not None
    queue.deletes_to_fail = 1
    deletes = [{"Id": name, "ReceiptHandle": got["ReceiptHandle"]} for name in ("a", "b")]
    deleted = await ask(store, "DeleteMessageBatch", Entries=deletes)

    assert [entry["Id"] for entry in sent["Successful"]] == ["a"]
    assert sent["Failed"][0]["Code"] == "InvalidMessageContents"
    assert changed["Successful"] == [{"Id": "a"}]
    assert changed["Failed"][0]["Code"] == "AWS.SimpleQueueService.MessageNotInflight"
    assert deleted["Successful"] == [{"Id": "b"}]
    assert (deleted["Failed"][0]["Code"], deleted["Failed"][0]["SenderFault"]) == ("InternalError", False)


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (
            {"MessageAttributes": {"a": {"DataType": "Number", "StringValue": "many"}}},
            "InvalidParameterValue",
        ),
        ({"MessageBody": "\ud800"}, "InvalidMessageContents"),
    ],
)
async def test_an_odd_message_does_not_spoil_its_batch(
    store: QueueStore, odd: dict[str, Any], code: str
) -> None:
    """It is measured with the others, and refused alone."""
    entries = [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": "x", **odd}]
    sent = await ask(store, "SendMessageBatch", Entries=entries)

    assert [entry["Id"] for entry in sent["Successful"]] == ["a"]
    assert [(entry["Id"], entry["Code"]) for entry in sent["Failed"]] == [("b", code)]


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([str(number) for number in range(11)], "TooManyEntriesInBatchRequest"),
        (["a", "a"], "BatchEntryIdsNotDistinct"),
        (["a b"], "InvalidBatchEntryId"),
        (["x" * 81], "InvalidBatchEntryId"),
        ([""], "InvalidBatchEntryId"),
    ],
)
async def test_a_misshapen_batch_is_refused_whole(store: QueueStore, ids: list[str], code: str) -> None:
    """Nothing of it is done."""
    entries = [{"Id": each, "MessageBody": "x"} for each in ids]

    assert await code_of(store, "SendMessageBatch", Entries=entries) == code
    assert await ask(store, "ReceiveMessage") == {}


async def test_a_batch_has_one_mebibyte(store: QueueStore) -> None:
    """All its messages together."""
    entries = [{"Id": name, "MessageBody": "x" * 600_000} for name in ("a", "b")]

    assert await code_of(store, "SendMessageBatch", Entries=entries) == "BatchRequestTooLong"


async def test_attributes_are_told_and_set(store: QueueStore, clock: VirtualClock) -> None:
    """All of them or those that are asked for; empty texts remove."""
    store.create("grave")
    redrive = json.dumps({"deadLetterTargetArn": GRAVE, "maxReceiveCount": 5})
    await clock.advance(2)
    changes = {"RedrivePolicy": redrive, "Policy": '{"Statement": []}', "KmsMasterKeyId": "alias/k"}
    await ask(store, "SetQueueAttributes", Attributes=changes)
    told = (await ask(store, "GetQueueAttributes", AttributeNames=["All"]))["Attributes"]
    await ask(store, "SetQueueAttributes", Attributes={"RedrivePolicy": "", "Policy": ""})

    assert told == {
        "QueueArn": "arn:aws:sqs:us-east-1:000000000000:q",
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "CreatedTimestamp": "1767225600",
        "LastModifiedTimestamp": "1767225602",
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "false",
        **changes,
    }
    assert await ask(store, "GetQueueAttributes", AttributeNames=["Policy", "RedrivePolicy"]) == {}
    assert await ask(store, "GetQueueAttributes") == {}


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":NaN}', b"\xff", b"[]"], ids=("deep", "nan", "latin", "list")
)
async def test_a_body_that_is_no_json_object_is_refused(store: QueueStore, body: bytes) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ServiceFault) as refused:
        await QueueService(store).answer(call_of("SendMessage", body))

    assert refused.value.code == "SerializationException"


@pytest.mark.parametrize(
    "redrive",
    [
        {"deadLetterTargetArn": GRAVE, "maxReceiveCount": 0},
        {"deadLetterTargetArn": GRAVE, "maxReceiveCount": 1001},
        {"deadLetterTargetArn": GRAVE, "maxReceiveCount": "many"},
        {"deadLetterTargetArn": "dummy", "maxReceiveCount": 5},
        {"deadLetterTargetArn": f"{GRAVE}-missing", "maxReceiveCount": 5},
    ],
)
async def test_an_odd_redrive_policy_is_refused(store: QueueStore, redrive: dict[str, Any]) -> None:
    """The dead-letter queue must be there, and the count from 1 to 1000."""
    store.create("grave")
    attributes = {"RedrivePolicy": json.dumps(redrive)}

    assert await code_of(store, "SetQueueAttributes", Attributes=attributes) == "InvalidParameterValue"


async def test_queues_are_listed_by_name(store: QueueStore) -> None:
    """A page at a time where a size is given."""
    for name in ("b", "a", "qq"):
        store.create(name)
    first = await ask(store, "ListQueues", MaxResults=3)
    second = await ask(store, "ListQueues", MaxResults=3, NextToken=first["NextToken"])

    assert [url.rpartition("/")[2] for url in first["QueueUrls"]] == ["a", "b", "q"]
    assert second == {"QueueUrls": [f"{URL}q"]}
    assert await ask(store, "ListQueues", QueueNamePrefix="q") == {"QueueUrls": [URL, f"{URL}q"]}
    assert await ask(store, "ListQueues", QueueNamePrefix="z") == {}


async def test_tags_come_and_go(store: QueueStore) -> None:
    """At creation and later."""
    made = await ask(store, "CreateQueue", QueueName="tagged", tags={"owner": "me", "old": "1"})
    url = made["QueueUrl"]
    await ask(store, "TagQueue", QueueUrl=url, Tags={"expires": "soon"})
    await ask(store, "UntagQueue", QueueUrl=url, TagKeys=["old", "missing"])

    assert await ask(store, "ListQueueTags", QueueUrl=url) == {"Tags": {"owner": "me", "expires": "soon"}}
    assert await ask(store, "ListQueueTags") == {}


async def test_a_deleted_queue_is_gone_and_its_name_rests(store: QueueStore, clock: VirtualClock) -> None:
    """For a minute; the new queue of that name is empty."""
    await ask(store, "SendMessage", MessageBody="x")
    await ask(store, "DeleteQueue")

    assert await code_of(store, "SendMessage", MessageBody="x") == "QueueDoesNotExist"
    assert await code_of(store, "CreateQueue", QueueName="q") == "QueueDeletedRecently"

    await clock.advance(60)
    await ask(store, "CreateQueue", QueueName="q")

    assert await ask(store, "ReceiveMessage") == {}
    assert len(store) == 1
    assert repr(store) == "<QueueStore us-east-1: q>"


async def test_the_same_queue_again_is_the_same_queue(store: QueueStore) -> None:
    """As long as no attribute differs."""
    again = await ask(store, "CreateQueue", QueueName="q", Attributes={"VisibilityTimeout": "30"})

    assert again == await ask(store, "GetQueueUrl", QueueName="q") == {"QueueUrl": URL}


async def test_the_purge_is_done(store: QueueStore) -> None:
    """Over the wire, too."""
    await ask(store, "SendMessage", MessageBody="x")
    await ask(store, "PurgeQueue")

    assert await ask(store, "ReceiveMessage") == {}


async def test_another_region_has_no_queues(store: QueueStore) -> None:
    """The emulator says which region it has."""
    body = json.dumps({"QueueName": "q"}).encode()
    with pytest.raises(ServiceFault, match="only region is us-east-1, not eu-west-1"):
        await QueueService(store).answer(call_of("GetQueueUrl", body, "eu-west-1"))


async def test_what_is_not_json_is_refused(store: QueueStore) -> None:
    """An empty body is as good as an empty object."""
    service = QueueService(store)
    for body in (b"not json", b"[]"):
        with pytest.raises(ServiceFault) as refused:
            await service.answer(call_of("ListQueues", body))
        assert refused.value.code == "SerializationException"
    reply = await service.answer(call_of("ListQueues", b""))

    assert json.loads(reply.body) == {"QueueUrls": [URL]}


def rendered(store: QueueStore, fault: ServiceFault) -> tuple[int, str, Any]:
    """A fault on the wire: status, header, body."""
    reply: Reply = QueueService(store).render(fault)
    return reply.status, reply.headers["x-amzn-query-error"], json.loads(reply.body)


def test_a_fault_has_its_three_names(store: QueueStore) -> None:
    """The shape in the body, the older code in the header, and whose fault it is."""
    missing = rendered(store, ServiceFault("QueueDoesNotExist", "m"))
    invalid = rendered(store, ServiceFault("InvalidParameterValue", "m"))
    broken = rendered(store, ServiceFault("ServiceUnavailable", "m", 503))

    assert missing == (
        400,
        "AWS.SimpleQueueService.NonExistentQueue;Sender",
        {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "m"},
    )
    assert invalid[1:] == (
        "InvalidParameterValue;Sender",
        {"__type": "com.amazon.coral.service#InvalidParameterValueException", "message": "m"},
    )
    assert broken[:2] == (503, "ServiceUnavailable;Receiver")


def test_the_operation_is_what_the_target_names(store: QueueStore) -> None:
    """For counters and trouble; what is not known is unknown."""
    service = QueueService(store)

    assert service.operation(call_of("ReceiveMessage", b"")) == "ReceiveMessage"
    assert service.operation(call_of("DeleteMessageBatch", b"")) == "DeleteMessageBatch"
    assert service.operation(call_of("AddPermission", b"")) == "Unknown"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """SQS over real HTTP."""
    clock = SystemClock()
    service = QueueService(QueueStore(clock, "000000000000", "us-east-1"))
    server = Server([service], accounts={"AKIATEST": "secret"}, clock=clock)
    await server.start()
    yield server
    await server.aclose()
    assert server.errors == []


def round_trip(url: str) -> tuple[dict[str, Any], str]:
    """What boto3 receives of what it sent, and the error that it makes of a missing queue."""
    sqs = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIATEST",
        aws_secret_access_key="secret",
    )
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    kind = {"kind": {"DataType": "Number", "StringValue": "7"}}
    sqs.send_message(QueueUrl=queue, MessageBody="<&> ü", MessageAttributes=kind)
    (got,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MessageAttributeNames=["All"])["Messages"]
    entries = [{"Id": "a", "ReceiptHandle": got["ReceiptHandle"]}]
    sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    try:
        sqs.purge_queue(QueueUrl=f"{queue}-missing")
    except sqs.exceptions.QueueDoesNotExist as missing:
        return got, missing.response["Error"]["Code"]
    except ClientError as other:
        raise AssertionError(other) from other
    finally:
        sqs.close()
    raise AssertionError("it was not missed")


async def test_boto3_is_content(server: Server) -> None:
    """Its own client, digests checked, errors as its own classes."""
    got, code = await asyncio.to_thread(round_trip, server.url)

    assert got["Body"] == "<&> ü"
    assert got["MessageAttributes"]["kind"] == {"DataType": "Number", "StringValue": "7"}
    assert code == "AWS.SimpleQueueService.NonExistentQueue"
    assert server.calls["DeleteMessageBatch"] == 1
