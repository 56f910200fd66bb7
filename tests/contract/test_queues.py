from __future__ import annotations

import asyncio
import hashlib

import pytest

from tests.contract.answers import depth, modern, receive, receive_one, refused


async def send(sqs, queue, body="hello", **options):
    """Put one message into the queue."""
    return await sqs.send_message(QueueUrl=queue.url, MessageBody=body, **options)


def count(message):
    """How often the message has been received."""
    return int(message["Attributes"]["ApproximateReceiveCount"])


async def test_round_trip(sqs, queue):
    """A message comes out as it went in, with its id, its MD5 and the times of its life."""
    body = "Grüße ✓ <&> \t\n " + "x" * 1000
    sent = await send(sqs, queue, body)

    got = await receive_one(sqs, queue.url)

    assert (body, sent["MessageId"]) == (got["Body"], got["MessageId"])
    assert hashlib.md5(body.encode(), usedforsecurity=False).hexdigest() == got["MD5OfBody"]
    assert sent["MD5OfMessageBody"] == got["MD5OfBody"]
    assert count(got) == 1
    assert int(got["Attributes"]["SentTimestamp"]) <= int(
        got["Attributes"]["ApproximateFirstReceiveTimestamp"]
    )


async def test_message_attributes(sqs, queue):
    """Attributes travel with the message, and come only when asked for."""
    given = {"kind": {"DataType": "String", "StringValue": "a"}}
    await send(sqs, queue, MessageAttributes=given)

    unasked = await receive_one(sqs, queue.url, VisibilityTimeout=0)
    asked = await receive_one(sqs, queue.url, MessageAttributeNames=["All"])

    assert "MessageAttributes" not in unasked
    assert given == asked["MessageAttributes"]


async def test_empty_receive(sqs, queue):
    """A short poll of an empty queue answers at once, with nothing."""
    assert await receive(sqs, queue.url, wait=0) == []


async def test_one_message_unless_asked(sqs, queue):
    """A receive that names no number gets one message."""
    for number in range(3):
        await send(sqs, queue, str(number))

    answer = await sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)

    assert len(answer["Messages"]) == 1


async def test_everything_arrives(sqs, queue):
    """Ten at a time at most, and each message exactly once while its visibility timeout lasts."""
    bodies = {str(number) for number in range(12)}
    for body in bodies:
        await send(sqs, queue, body)

    got: list[str] = []
    while len(got) < len(bodies):
        batch = await receive(sqs, queue.url)
        assert 1 <= len(batch) <= 10
        got += [message["Body"] for message in batch]

    assert bodies == set(got)
    assert len(bodies) == len(got)


async def test_delete(sqs, queue):
    """A deleted message does not come again, even where its visibility timeout has ended."""
    await send(sqs, queue)
    got = await receive_one(sqs, queue.url, VisibilityTimeout=0)
    await sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=got["ReceiptHandle"])

    assert await receive(sqs, queue.url, wait=0) == []


async def test_delete_twice(sqs, queue):
    """Deleting a message that is deleted already succeeds."""
    await send(sqs, queue)
    got = await receive_one(sqs, queue.url)
    await sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=got["ReceiptHandle"])

    again = await sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=got["ReceiptHandle"])

    assert again["ResponseMetadata"]["HTTPStatusCode"] == 200


async def test_superseded_receipt(sqs, queue):
    """Deleting by a receipt that a later one has replaced is answered with success, whatever it does."""
    await send(sqs, queue)
    older = await receive_one(sqs, queue.url, VisibilityTimeout=0)
    await receive_one(sqs, queue.url)

    answer = await sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=older["ReceiptHandle"])

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


async def test_no_such_receipt(sqs, queue):
    """A receipt handle that SQS never gave is refused."""
    with refused("ReceiptHandleIsInvalid"):
        await sqs.delete_message(QueueUrl=queue.url, ReceiptHandle="made-up")


async def test_delete_batch_in_part(sqs, queue):
    """A batch is answered entry by entry: the good are done, the bad are named with their code."""
    await send(sqs, queue)
    good = (await receive_one(sqs, queue.url))["ReceiptHandle"]
    entries = [{"Id": "good", "ReceiptHandle": good}, {"Id": "bad", "ReceiptHandle": "made-up"}]

    answer = await sqs.delete_message_batch(QueueUrl=queue.url, Entries=entries)

    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    (failed,) = answer["Failed"]
    assert (
        failed["Id"],
        modern(failed["Code"]),
        failed["SenderFault"],
    ) == ("bad", "ReceiptHandleIsInvalid", True)


async def test_send_batch(sqs, queue):
    """Each entry of a batch is a message of its own."""
    entries = [{"Id": name, "MessageBody": f"body {name}"} for name in "abc"]

    answer = await sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    got = await receive(sqs, queue.url)

    assert sorted(entry["Id"] for entry in answer["Successful"]) == ["a", "b", "c"]
    assert {"body a", "body b", "body c"} >= {message["Body"] for message in got} > set()


async def test_empty_batch(sqs, queue):
    """A batch has at least one entry."""
    with refused("EmptyBatchRequest", status=400):
        await sqs.delete_message_batch(QueueUrl=queue.url, Entries=[])


async def test_batch_of_eleven(sqs, queue):
    """A batch has ten entries at most."""
    eleven = [{"Id": str(number), "ReceiptHandle": f"r{number}"} for number in range(11)]

    with refused("TooManyEntriesInBatchRequest", status=400):
        await sqs.delete_message_batch(QueueUrl=queue.url, Entries=eleven)


async def test_batch_of_twins(sqs, queue):
    """Each entry of a batch has an id of its own."""
    twins = [{"Id": "same", "ReceiptHandle": handle} for handle in ("r1", "r2")]

    with refused("BatchEntryIdsNotDistinct", status=400):
        await sqs.delete_message_batch(QueueUrl=queue.url, Entries=twins)


async def test_long_poll_wakes(sqs, queue):
    """A long poll is answered when a message arrives, not when its time has passed."""
    loop = asyncio.get_running_loop()
    poll = asyncio.create_task(receive(sqs, queue.url, wait=20))
    began = loop.time()
    await send(sqs, queue, "wake up")

    (got,) = await poll

    assert got["Body"] == "wake up"
    assert loop.time() - began < 5


async def test_long_poll_ends(sqs, queue):
    """A long poll of a queue that stays empty ends with nothing when its time has passed."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    assert await receive(sqs, queue.url, wait=1) == []
    assert loop.time() - began >= 0.9


async def test_cancelled_long_poll_loses_nothing(sqs, queue):
    """A message that went to a poll whose caller has left comes again after its visibility timeout.

    SQS answers the poll without knowing that nobody listens. Whoever cancels polls must expect it.
    """
    poll = asyncio.create_task(receive(sqs, queue.url, wait=20, VisibilityTimeout=1))
    await depth(sqs, queue.url)  # by now the poll has been sent
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    await send(sqs, queue, "for whom?")

    got = await receive_one(sqs, queue.url, wait=20)

    assert got["Body"] == "for whom?"
    assert count(got) in {1, 2}


async def test_hidden_while_in_flight(sqs, queue):
    """A received message is hidden from other receives."""
    await send(sqs, queue)
    await receive_one(sqs, queue.url)

    assert await receive(sqs, queue.url, wait=0) == []


async def test_visibility_timeout_passes(sqs, queue):
    """A message that is not deleted in time comes again, with a new receipt and a higher count."""
    await send(sqs, queue)
    first = await receive_one(sqs, queue.url, VisibilityTimeout=1)
    second = await receive_one(sqs, queue.url)

    assert first["MessageId"] == second["MessageId"]
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    assert (count(first), count(second)) == (1, 2)


async def test_release(sqs, queue):
    """A visibility timeout of zero gives the message back at once."""
    await send(sqs, queue)
    first = await receive_one(sqs, queue.url)
    await sqs.change_message_visibility(
        QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0
    )

    second = await receive_one(sqs, queue.url, wait=0)

    assert (first["MessageId"], 2) == (second["MessageId"], count(second))


async def test_release_wakes_a_long_poll(sqs, queue):
    """A message that is given back wakes the poll of another consumer."""
    loop = asyncio.get_running_loop()
    await send(sqs, queue)
    first = await receive_one(sqs, queue.url)
    poll = asyncio.create_task(receive(sqs, queue.url, wait=20))
    began = loop.time()
    await sqs.change_message_visibility(
        QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0
    )

    (second,) = await poll

    assert first["MessageId"] == second["MessageId"]
    assert loop.time() - began < 5


async def test_extend(sqs, queue):
    """A visibility timeout can be lengthened while it runs: a message received later comes again earlier."""
    await send(sqs, queue, "extended")
    first = await receive_one(sqs, queue.url, VisibilityTimeout=1)
    await sqs.change_message_visibility(
        QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=60
    )
    await send(sqs, queue, "as it was")
    await receive_one(sqs, queue.url, VisibilityTimeout=1)

    assert [message["Body"] for message in await receive(sqs, queue.url)] == ["as it was"]


async def test_change_visibility_batch_in_part(sqs, queue):
    """A batch of visibility changes is answered entry by entry, too."""
    await send(sqs, queue)
    good = (await receive_one(sqs, queue.url))["ReceiptHandle"]
    entries = [
        {"Id": "good", "ReceiptHandle": good, "VisibilityTimeout": 0},
        {"Id": "bad", "ReceiptHandle": "made-up", "VisibilityTimeout": 0},
    ]

    answer = await sqs.change_message_visibility_batch(QueueUrl=queue.url, Entries=entries)

    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [entry["Id"] for entry in answer["Failed"]] == ["bad"]
    assert count(await receive_one(sqs, queue.url)) == 2


async def test_visibility_of_deleted_message(sqs, queue):
    """The visibility of a message that is deleted cannot be changed."""
    await send(sqs, queue)
    handle = (await receive_one(sqs, queue.url))["ReceiptHandle"]
    await sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)

    # The first is what AWS answers; the others are what its reference lists for the call.
    with refused("InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid", status=400):
        await sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=5)


async def test_delayed_message(sqs, queue):
    """A delayed message is hidden until its time has come, and then wakes a long poll."""
    await send(sqs, queue, DelaySeconds=1)

    assert await receive(sqs, queue.url, wait=0) == []
    assert count(await receive_one(sqs, queue.url)) == 1


async def test_dead_letters(sqs, make_queue):
    """A message that was received as often as allowed goes to the dead-letter queue."""
    dead = await make_queue()
    policy = f'{{"deadLetterTargetArn":"{dead.arn}","maxReceiveCount":2}}'
    queue = await make_queue(RedrivePolicy=policy)
    sent = await send(sqs, queue)
    for expected in (1, 2):
        got = await receive_one(sqs, queue.url, VisibilityTimeout=0)
        assert expected == count(got)

    assert await receive(sqs, queue.url, wait=0) == []
    assert sent["MessageId"] == (await receive_one(sqs, dead.url))["MessageId"]


async def test_depth(sqs, queue):
    """The queue tells how many messages wait and how many are in flight."""
    for _ in range(3):
        await send(sqs, queue)
    await receive_one(sqs, queue.url, MaxNumberOfMessages=1)

    assert await depth(sqs, queue.url) == (2, 1)


async def test_attributes(sqs, make_queue):
    """Attributes are those given at creation, AWS's defaults for the rest, and can be set anew."""
    queue = await make_queue(VisibilityTimeout="45")
    await sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"ReceiveMessageWaitTimeSeconds": "20"})

    told = (await sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"]))["Attributes"]

    assert (told["VisibilityTimeout"], told["ReceiveMessageWaitTimeSeconds"]) == ("45", "20")
    assert (told["MessageRetentionPeriod"], told["DelaySeconds"]) == ("345600", "0")
    assert queue.arn == told["QueueArn"]
    assert queue.url.rpartition("/")[2] == queue.arn.rpartition(":")[2]


# aiobotocore hands aiohttp the body as it is; aiohttp warns past 1 MiB that writing it blocks the loop.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_largest_message(sqs, queue):
    """A message may have 1 MiB, unless its queue was told a lower limit."""
    told = await sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["MaximumMessageSize"])

    assert told["Attributes"]["MaximumMessageSize"] == "1048576"
    await send(sqs, queue, "x" * 1_048_576)
    with refused("InvalidParameterValue", status=400):
        await send(sqs, queue, "x" * 1_048_577)


async def test_create_again(sqs, make_queue, queue):
    """Creating a queue that exists as asked for answers the same URL."""
    name = queue.url.rpartition("/")[2]

    assert queue.url == (await sqs.create_queue(QueueName=name))["QueueUrl"]
    with refused("QueueNameExists", "QueueAlreadyExists", status=400):
        await sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})


async def test_queue_url(sqs, queue):
    """A queue is found by its name."""
    answer = await sqs.get_queue_url(QueueName=queue.url.rpartition("/")[2])

    assert queue.url == answer["QueueUrl"]


async def test_wait_limit(sqs, queue):
    """A receive waits 20 seconds at most."""
    with refused("InvalidParameterValue", status=400):
        await receive(sqs, queue.url, wait=21)


async def test_number_limit(sqs, queue):
    """A receive asks for ten messages at most."""
    with refused("InvalidParameterValue", "ReadCountOutOfRange", status=400):
        await receive(sqs, queue.url, wait=0, MaxNumberOfMessages=11)


async def test_unknown_queue(sqs, queue):
    """Every call to a queue that does not exist says so."""
    missing = f"{queue.url}-missing"

    with refused("QueueDoesNotExist", status=400):
        await sqs.get_queue_url(QueueName=missing.rpartition("/")[2])
    with refused("QueueDoesNotExist", status=400):
        await receive(sqs, missing, wait=0)
    with refused("QueueDoesNotExist", status=400):
        await sqs.send_message(QueueUrl=missing, MessageBody="x")
    with refused("QueueDoesNotExist", status=400):
        await sqs.delete_message(QueueUrl=missing, ReceiptHandle="r")
    with refused("QueueDoesNotExist", status=400):
        await sqs.get_queue_attributes(QueueUrl=missing, AttributeNames=["QueueArn"])
