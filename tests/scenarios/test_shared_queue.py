"""Several clients on one queue."""

from __future__ import annotations

import asyncio
import json

import pytest

from aio_sm_async import ConfigurationError, SqsNotifications
from aio_sm_async.completions.sqs import needed_receives
from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.message_queue import Queue
from aio_sm_async.emulator.model import echo
from tests.scenarios.stage import Clients, left_in, queue_of


async def test_each_client_gets_its_own(aws: Emulator, clients: Clients) -> None:
    """Two clients of one queue get all their results by notification, and delete only what is theirs."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    queue = queue_of(aws, endpoint)
    queue.purge()
    assert endpoint.queue_url is not None
    notifications = SqsNotifications([endpoint.queue_url], shared=True)
    async with (
        clients.new(endpoint, notifications=notifications, client_id="left", polling=None) as left,
        clients.new(endpoint, notifications=notifications, client_id="right", polling=None) as right,
    ):
        asked = [(client, str(number)) for number in range(4) for client in (left, right)]
        futures = [await client.submit(text) for client, text in asked]
        endpoint.set_instances(1)

        results = await asyncio.gather(*futures)

        assert (4, 4) == (left.statistics().completed, right.statistics().completed)
        assert 0 == left.statistics().notifications["duplicates"]

    assert [text for _, text in asked] == [result.value for result in results]
    assert (8, 0) == (queue.statistics().deleted, left_in(queue))


def with_dead_letters(aws: Emulator, queue: Queue, receives: int) -> None:
    """Let messages go to a dead-letter queue after so many receives."""
    grave = aws.queues.create("dead-letters")
    policy = json.dumps({"deadLetterTargetArn": grave.arn, "maxReceiveCount": receives})
    queue.change(aws.queues.settings(queue.settings, {"RedrivePolicy": policy}))


async def test_redrive_policy_that_would_bury_results(aws: Emulator, clients: Clients) -> None:
    """A shared queue whose policy would make dead letters of others' results is refused, with the sums."""
    endpoint = await aws.create_endpoint("e", echo)
    with_dead_letters(aws, queue_of(aws, endpoint), 10)
    assert endpoint.queue_url is not None
    notifications = SqsNotifications([endpoint.queue_url], shared=True, clients_per_queue=4)

    with pytest.raises(ConfigurationError) as caught:
        await clients.open(endpoint, notifications=notifications)

    said = str(caught.value)
    assert "allows 10 receives" in said
    assert "4 clients" in said
    assert f"Set maxReceiveCount to {needed_receives(4)}" in said


@pytest.mark.parametrize(("shared", "receives"), [(True, 1000), (False, 1)])
async def test_redrive_policy_that_does_no_harm(
    aws: Emulator, clients: Clients, shared: bool, receives: int
) -> None:
    """A policy that is patient enough is fine, and that of a queue of one's own is nobody's business."""
    endpoint = await aws.create_endpoint("e", echo)
    with_dead_letters(aws, queue_of(aws, endpoint), receives)
    assert endpoint.queue_url is not None
    client = await clients.open(endpoint, notifications=SqsNotifications([endpoint.queue_url], shared=shared))

    assert "x" == (await client.invoke("x")).value


def test_needed_receives() -> None:
    """The receives after which all but one message in a million have met their owner, by hand."""
    assert 1 == needed_receives(1)
    assert 20 == needed_receives(2)
    assert 1 / 2**20 < 1e-6 < 1 / 2**19
    assert 132 == needed_receives(10)
