"""Requests that were sent, and whose answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from aio_sm_async import (
    AmbiguousError,
    DeadlinePassedError,
    S3Polling,
    ServiceUnavailable,
    ThrottledError,
)
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, mishaps
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import echo
from aio_sm_async.emulator.rule import Rule
from aio_sm_async.protocol.token import decode_token
from tests.scenarios.stage import FAST_POLLING, Clients, left_in, pass_time, queue_of, until

LOST = pytest.mark.parametrize(
    "mishap", [mishaps.answer_lost, mishaps.failed_after_accepting], ids=["reset", "500"]
)


@LOST
async def test_resend_runs_it_at_most_once_more(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock, mishap: Callable[..., Rule]
) -> None:
    """A request of which nothing is heard is sent once more; both runs write one object and settle once."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
    queue = queue_of(slow_aws, endpoint)
    slow_aws.trouble.add(mishap(times=1))
    async with slow_clients.new(endpoint, clock=clock) as client:
        future = await client.submit("x")
        assert future.accepted is None
        assert not future.may_be_duplicate

        await pass_time(clock, lambda: len(endpoint.invocations) == 2, at_most=70)
        await until(lambda: future.accepted is True)
        endpoint.set_instances(1)
        await endpoint.wait_idle()
        result = await future
        statistics = client.statistics()

    first, second = endpoint.invocations
    assert "x" == result.value
    assert future.may_be_duplicate
    assert first.inference_id == second.inference_id == future.inference_id
    assert first.output_location == second.output_location == str(result.output_location)
    assert (1, 1, 1) == (statistics.ambiguous, statistics.resent, statistics.completed)
    assert 0 == left_in(queue)


async def test_resend_whose_answer_is_lost_too_is_the_last(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """However often answers are lost, a request is sent twice at most."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
    slow_aws.trouble.add(mishaps.answer_lost())
    client = await slow_clients.open(endpoint, clock=clock)
    future = await client.submit("x")

    await pass_time(clock, lambda: len(endpoint.invocations) == 2, at_most=70)
    await until(lambda: client.statistics().ambiguous == 2)
    await clock.advance(1000)

    assert 2 == len(endpoint.invocations)
    assert future.accepted is None
    endpoint.set_instances(1)
    assert "x" == (await future).value


async def test_notification_settles_it_without_a_resend(aws: Emulator, clients: Clients) -> None:
    """A request whose notification comes was accepted, and is not sent again."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)
    aws.trouble.add(mishaps.answer_lost(times=1))

    future = await client.submit("x")
    result = await future

    assert ("x", "sqs") == (result.value, result.source)
    assert 1 == len(endpoint.invocations)
    assert (1, 0) == (client.statistics().ambiguous, client.statistics().resent)
    assert not future.may_be_duplicate
    assert future.output_location is None


async def test_wait_never_sends_twice(slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
    """``on_ambiguous="wait"`` waits until the deadline, and sends nothing again."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0, notifications=False)
    slow_aws.trouble.add(mishaps.answer_lost())
    client = await slow_clients.open(endpoint, clock=clock, on_ambiguous="wait")
    future = await client.submit("x", request_ttl_seconds=60, invocation_timeout_seconds=1)

    await clock.advance(360)
    assert not future.done()
    await pass_time(clock, future.done, at_most=10)

    assert isinstance(future.exception(), DeadlinePassedError)
    assert 1 == len(endpoint.invocations)


@LOST
async def test_raise(aws: Emulator, clients: Clients, mishap: Callable[..., Rule]) -> None:
    """``on_ambiguous="raise"`` leaves the decision to the caller, and nothing in flight."""
    endpoint = await aws.create_endpoint("e", echo)
    queue = queue_of(aws, endpoint)
    async with clients.new(endpoint, on_ambiguous="raise") as client:
        aws.trouble.add(mishap(times=1))

        with pytest.raises(AmbiguousError):
            await client.submit("x")

        assert 0 == client.statistics().in_flight
        await client.invoke("y")

    assert 0 == left_in(queue)


async def test_found_by_polling_under_the_root_that_others_showed(aws: Emulator, clients: Clients) -> None:
    """Where an earlier 202 told the output path, polling finds what a lost 202 did not tell."""
    endpoint = await aws.create_endpoint("e", echo, notifications=False)
    client = await clients.open(endpoint, polling=FAST_POLLING)
    await client.invoke("first")
    aws.trouble.add(mishaps.answer_lost(times=1))

    future = await client.submit("second")

    assert future.accepted is None
    assert "second" == (await future).value
    assert 2 == len(endpoint.invocations)


async def test_found_by_polling_once_the_root_is_shown(aws: Emulator, clients: Clients) -> None:
    """A 202 that comes later tells where to look for what was lost before it."""
    endpoint = await aws.create_endpoint("e", echo, notifications=False)
    client = await clients.open(endpoint, polling=FAST_POLLING, on_ambiguous="wait")
    aws.trouble.add(mishaps.answer_lost(times=2))
    lost, abandoned = await client.submit("lost"), await client.submit("abandoned")
    abandoned.abandon()

    await client.invoke("heard")

    assert "lost" == (await lost).value
    assert 3 == len(endpoint.invocations)


async def test_resend_that_is_refused_leaves_the_first_request_alive(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """If the second request is refused, the first may still have been accepted, and is waited for."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
    client = await slow_clients.open(endpoint, clock=clock)
    slow_aws.trouble.add(mishaps.answer_lost(times=1))
    future = await client.submit("x")
    slow_aws.trouble.add(mishaps.throttled())

    await pass_time(clock, lambda: slow_aws.trouble.injected["throttled"] >= 10, at_most=300)

    assert not future.done()
    endpoint.set_instances(1)
    assert "x" == (await future).value
    assert 1 == len(endpoint.invocations)


async def test_abandoned_while_ambiguous_is_not_resent(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """Nobody pays a second time for what nobody waits for."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
    client = await slow_clients.open(endpoint, clock=clock)
    slow_aws.trouble.add(mishaps.answer_lost(times=1))
    future = await client.submit("x")

    future.abandon()
    await clock.advance(120)

    assert future.accepted is None
    assert 1 == len(endpoint.invocations)


async def test_timeout_of_the_request_is_ambiguous(aws: Emulator, clients: Clients) -> None:
    """A request that gets no answer in time may have been accepted."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, request_timeout_seconds=0.5)
    aws.trouble.add(mishaps.slow_answer(30.0, times=1))

    result = await client.invoke("x")

    assert "x" == result.value
    assert 1 == client.statistics().ambiguous


@pytest.mark.parametrize(
    ("mishap", "error"),
    [(mishaps.throttled, ThrottledError), (mishaps.unavailable, ServiceUnavailable)],
)
async def test_what_was_certainly_not_accepted_is_sent_again(
    slow_aws: Emulator,
    slow_clients: Clients,
    clock: VirtualClock,
    mishap: Callable[..., Rule],
    error: type[Exception],
) -> None:
    """Throttling and 503 are retried, more and more slowly, and raised in the end; nothing runs twice."""
    endpoint = await slow_aws.create_endpoint("e", echo)
    client = await slow_clients.open(endpoint, clock=clock)
    slow_aws.trouble.add(mishap(times=3))
    first = asyncio.ensure_future(client.invoke("x"))
    await pass_time(clock, first.done, at_most=100, step=1.0)
    slow_aws.trouble.add(mishap())

    second = asyncio.ensure_future(client.invoke("y"))
    await pass_time(clock, second.done, at_most=300, step=1.0)

    assert "x" == first.result().value
    assert isinstance(second.exception(), error)
    assert 1 == len(endpoint.invocations)
    assert 10 < client.statistics().throttled < 40
    assert client.statistics().max_concurrent_requests < 64
    assert (1, 0) == (client.statistics().rejected, client.statistics().in_flight)


async def test_polling_without_names_cannot_find_what_no_202_told(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """Without names of ours the place of a lost answer cannot be inferred; the resend tells it."""
    endpoint = await slow_aws.create_endpoint("e", echo, notifications=False)
    client = await slow_clients.open(endpoint, clock=clock, polling=S3Polling(own_prefix=False))
    slow_aws.trouble.add(mishaps.answer_lost(times=1))
    future = await client.submit("x")

    await pass_time(clock, future.done, at_most=120)

    assert "x" == future.result().value
    assert 2 == len(endpoint.invocations)


async def test_what_has_ended_is_not_sent_again(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """A resend that still waits for its turn when the invocation ends is called off."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
    slow_aws.trouble.add(mishaps.answer_lost(times=1))
    client = await slow_clients.open(endpoint, clock=clock, max_concurrent_requests=1)
    future = await client.submit("x")
    slow_aws.trouble.add(Rule("sagemaker", "InvokeEndpointAsync", Fault("hang")))
    in_the_way = asyncio.create_task(client.submit("y"))
    await until(lambda: slow_aws.trouble.injected["hang"] == 1)
    slow_aws.trouble.clear()
    await pass_time(clock, lambda: client.statistics().resent == 1, at_most=70)

    endpoint.set_instances(1)
    assert "x" == (await future).value
    in_the_way.cancel()
    await asyncio.gather(in_the_way, return_exceptions=True)
    await client.invoke("z")  # whatever waited for the permit before has had its turn

    assert 1 == len(endpoint.runs_of(future.inference_id))


async def test_a_raised_ambiguity_names_the_invocation(aws: Emulator, clients: Clients) -> None:
    """Who chose to be told of an ambiguous request is told which one, and by which token to look for it."""
    endpoint = await aws.create_endpoint("e", echo)
    aws.trouble.add(mishaps.answer_lost(times=1))
    client = await clients.open(endpoint, on_ambiguous="raise")
    with pytest.raises(AmbiguousError) as caught:
        await client.submit("x")

    assert endpoint.invocations[0].inference_id == caught.value.inference_id
    assert decode_token(caught.value.token or "").inference_id == caught.value.inference_id
