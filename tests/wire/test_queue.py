"""One queue, from a server that says what each test wants."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from aio_sm_async.errors import AccessDeniedError, AmbiguousError, ConfigurationError, NotFoundError
from aio_sm_async.wire.queue import BatchFailure, Queue, QueueMessage
from tests.wire.conftest import NewWire
from tests.wire.servers import Request, Server, always, in_turn, reply


async def _queue(new_wire: NewWire, server: Server) -> Queue:
    wire = await new_wire(server.url)
    return Queue(wire.calls, wire.session, f"{server.url}/123456789012/results")


def _json(answer: object) -> bytes:
    return reply(200, json.dumps(answer).encode())


def _asked(request: Request) -> tuple[str, object]:
    return request.headers["x-amz-target"], json.loads(request.body)


async def test_messages_come_with_their_history(new_wire: NewWire) -> None:
    """Receive count and sending time; SQS's own wire protocol."""
    entry = {
        "MessageId": "m-1",
        "ReceiptHandle": "r-1",
        "MD5OfBody": "not checked",
        "Body": "hello",
        "Attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1767261600500"},
    }
    async with Server(in_turn(_json({"Messages": [entry]}))) as server:
        queue = await _queue(new_wire, server)
        messages = await queue.receive(max_messages=5, wait_seconds=1, visibility_timeout_seconds=60)
    (request,) = server.requests

    assert messages == [
        QueueMessage("hello", "r-1", "m-1", 3, datetime(2026, 1, 1, 10, 0, 0, 500_000, tzinfo=UTC))
    ]
    assert (request.method, request.target, request.signed_for) == ("POST", "/", ("eu-west-1", "sqs"))
    assert request.headers["content-type"] == "application/x-amz-json-1.0"
    assert _asked(request) == (
        "AmazonSQS.ReceiveMessage",
        {
            "QueueUrl": queue.url,
            "MaxNumberOfMessages": 5,
            "WaitTimeSeconds": 1,
            "VisibilityTimeout": 60,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
        },
    )
    assert repr(queue) == f"<Queue {queue.url}>"
    assert "hello" not in repr(messages)


@pytest.mark.parametrize("answer", [b"{}", b"", b'{"Messages": null}', b'{"Messages": []}'])
async def test_an_empty_queue_gives_nothing(new_wire: NewWire, answer: bytes) -> None:
    """In each of its spellings; and the queue's own visibility timeout holds."""
    async with Server(always(200, answer)) as server:
        messages = await (await _queue(new_wire, server)).receive()

    assert messages == []
    assert "VisibilityTimeout" not in json.loads(server.requests[0].body)


@pytest.mark.parametrize(
    "attributes", [None, {}, "odd", {"ApproximateReceiveCount": "x", "SentTimestamp": "99999999999999999999"}]
)
async def test_a_history_that_is_not_told_costs_no_message(new_wire: NewWire, attributes: object) -> None:
    """It counts as the first receive."""
    async with Server(in_turn(_json({"Messages": [{"Body": "b", "Attributes": attributes}]}))) as server:
        (message,) = await (await _queue(new_wire, server)).receive()

    assert (message.receive_count, message.sent_time) == (1, None)


@pytest.mark.parametrize(
    "answer", [b"<html>", b"[]", b'{"Messages": "x"}', b'{"Messages": ["x"]}', b"[" * 200_000]
)
async def test_an_answer_that_cannot_be_read_is_ambiguous(new_wire: NewWire, answer: bytes) -> None:
    """Messages may have been taken."""
    async with Server(always(200, answer)) as server:
        with pytest.raises(AmbiguousError, match="not SQS's JSON"):
            await (await _queue(new_wire, server)).receive()


async def test_a_poll_may_take_as_long_as_it_waits(new_wire: NewWire) -> None:
    """The time of a call is that of the wait, and then some; a cancelled poll ends at once."""

    async def silent(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with Server(silent) as server:
        poll = asyncio.create_task((await _queue(new_wire, server)).receive(wait_seconds=20))
        await server.wait_requests(1)
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll


async def test_deletes_go_in_one_batch_and_tell_what_failed(new_wire: NewWire) -> None:
    """By receipt; the same message twice is two entries."""
    answer = {
        "Successful": [{"Id": "0"}],
        "Failed": [
            {"Id": "1", "Code": "ReceiptHandleIsInvalid", "Message": "m", "SenderFault": True},
            {"Id": "2", "Code": "InternalError", "SenderFault": False},
        ],
    }
    async with Server(in_turn(_json(answer))) as server:
        queue = await _queue(new_wire, server)
        failures = await queue.delete(["r-1", "r-2", "r-2"])

    assert failures == [
        BatchFailure("r-2", "ReceiptHandleIsInvalid", "m", True),
        BatchFailure("r-2", "InternalError", "", False),
    ]
    assert _asked(server.requests[0]) == (
        "AmazonSQS.DeleteMessageBatch",
        {
            "QueueUrl": queue.url,
            "Entries": [
                {"Id": "0", "ReceiptHandle": "r-1"},
                {"Id": "1", "ReceiptHandle": "r-2"},
                {"Id": "2", "ReceiptHandle": "r-2"},
            ],
        },
    )


async def test_visibility_changes_go_in_one_batch(new_wire: NewWire) -> None:
    """Nothing failed."""
    async with Server(in_turn(_json({"Successful": [{"Id": "0"}, {"Id": "1"}]}))) as server:
        queue = await _queue(new_wire, server)
        failures = await queue.change_visibility([("r-1", 0), ("r-2", 30)])

    assert failures == []
    assert _asked(server.requests[0]) == (
        "AmazonSQS.ChangeMessageVisibilityBatch",
        {
            "QueueUrl": queue.url,
            "Entries": [
                {"Id": "0", "ReceiptHandle": "r-1", "VisibilityTimeout": 0},
                {"Id": "1", "ReceiptHandle": "r-2", "VisibilityTimeout": 30},
            ],
        },
    )


@pytest.mark.parametrize("failed", [{}, {"Id": "x"}, {"Id": "7"}])
async def test_a_failure_of_nothing_that_was_asked_is_ambiguous(new_wire: NewWire, failed: object) -> None:
    """It is not known what was done."""
    async with Server(in_turn(_json({"Failed": [failed]}))) as server:
        with pytest.raises(AmbiguousError):
            await (await _queue(new_wire, server)).delete(["r-1"])


async def test_attributes_are_sqss(new_wire: NewWire) -> None:
    """All of them, as text."""
    async with Server(in_turn(_json({"Attributes": {"VisibilityTimeout": "30"}}), _json({}))) as server:
        queue = await _queue(new_wire, server)
        attributes = await queue.attributes()
        with pytest.raises(AmbiguousError):
            await queue.attributes()

    assert attributes == {"VisibilityTimeout": "30"}
    assert _asked(server.requests[0])[1] == {"QueueUrl": queue.url, "AttributeNames": ["All"]}


async def test_errors_are_told(new_wire: NewWire) -> None:
    """A queue that is gone, a permission that lacks."""
    gone = b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue"}'
    denied = b'{"__type": "com.amazonaws.sqs#AccessDeniedException"}'
    async with Server(in_turn(reply(400, gone), reply(403, denied))) as server:
        queue = await _queue(new_wire, server)
        with pytest.raises(NotFoundError, match="no such queue"):
            await queue.receive()
        with pytest.raises(AccessDeniedError, match="sqs:DeleteMessage"):
            await queue.delete(["r"])


async def test_a_wrong_url_is_refused_at_once(new_wire: NewWire) -> None:
    """Not at the first receive."""
    wire = await new_wire("http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="FIFO"):
        Queue(wire.calls, wire.session, "https://sqs.eu-west-1.amazonaws.com/1/q.fifo")
