"""The server's queues."""

from __future__ import annotations

import asyncio
import json

from benchmarks.message_queue import MessageQueue, member


def _poll(most: int, wait: int) -> bytes:
    return json.dumps({"QueueUrl": "u", "MaxNumberOfMessages": most, "WaitTimeSeconds": wait}).encode()


async def test_ten_messages_answer_a_poll_at_once() -> None:
    """A poll that waits is answered with the tenth message, and gets all ten as they were sent."""
    queue, answers = MessageQueue(gather_seconds=60), []
    queue.receive(_poll(10, 20), answers.append)
    for number in range(10):
        queue.put(b'{"number":%d}' % number)
    messages = json.loads(answers[0])["Messages"]

    assert [json.loads(message["Body"])["number"] for message in messages] == list(range(10))
    assert len({message["ReceiptHandle"] for message in messages}) == 10


async def test_fewer_messages_answer_it_a_moment_later() -> None:
    """A poll does not wait for a tenth message for long."""
    queue, answers = MessageQueue(gather_seconds=0.001), asyncio.Queue()
    queue.receive(_poll(10, 20), answers.put_nowait)
    queue.put(b"{}")
    answer = json.loads(await asyncio.wait_for(answers.get(), 5))

    assert len(answer["Messages"]) == 1


async def test_a_poll_that_does_not_wait_is_answered_empty() -> None:
    """Without a wait, nothing is an answer too; and a message goes to one poll only."""
    queue, answers = MessageQueue(gather_seconds=60), []
    queue.put(b"{}")
    queue.receive(_poll(10, 0), answers.append)
    queue.receive(_poll(10, 0), answers.append)

    assert len(json.loads(answers[0])["Messages"]) == 1
    assert json.loads(answers[1]) == {}


async def test_a_poll_whose_client_has_gone_takes_nothing() -> None:
    """What would have been lost with it goes to the next poll."""
    queue, gone, answers = MessageQueue(gather_seconds=60), [], []
    queue.leave(queue.receive(_poll(1, 20), gone.append))
    queue.put(b"{}")
    queue.receive(_poll(1, 20), answers.append)

    assert gone == []
    assert len(json.loads(answers[0])["Messages"]) == 1


def test_members_are_read_without_parsing() -> None:
    """Strings and numbers of a request are found, with a space behind the colon or without."""
    assert member(b'{"QueueUrl":"http://h/0/q","WaitTimeSeconds": 20}', b"QueueUrl") == "http://h/0/q"
    assert member(b'{"QueueUrl":"http://h/0/q","WaitTimeSeconds": 20}', b"WaitTimeSeconds", "0") == "20"
    assert member(b"{}", b"WaitTimeSeconds", "0") == "0"
