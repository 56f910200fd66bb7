"""The ways to wait for an invocation, and what becomes of it when a waiter goes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest

from aio_sm_async import (
    AbandonedError,
    InferenceFuture,
    InferenceResult,
    S3Uploads,
    SqsNotifications,
    WaitTimeoutError,
)
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, mishaps
from aio_sm_async.emulator.model import echo
from aio_sm_async.protocol.token import decode_token
from tests.scenarios.stage import Clients, left_in, queue_of, until

Future = InferenceFuture[InferenceResult[object]]


async def by_await(future: Future) -> object:
    return (await future).value


async def by_gather(future: Future) -> object:
    (result,) = await asyncio.gather(future)
    return result.value


async def by_wait_for(future: Future) -> object:
    return (await asyncio.wait_for(future, 5)).value


async def by_timeout(future: Future) -> object:
    async with asyncio.timeout(5):
        return (await future).value


async def by_wait(future: Future) -> object:
    done, _ = await asyncio.wait([future.as_asyncio()])
    return done.pop().result().value


async def by_as_completed(future: Future) -> object:
    for first in asyncio.as_completed([future.as_asyncio()]):
        return (await first).value
    raise AssertionError("unreachable")


async def by_task_group(future: Future) -> object:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(future.wait())
    return task.result().value


async def by_anyio_scope(future: Future) -> object:
    with anyio.fail_after(5):
        return (await future).value


async def by_shield(future: Future) -> object:
    return (await asyncio.shield(future.as_asyncio())).value


WAYS = [
    by_await,
    by_gather,
    by_wait_for,
    by_timeout,
    by_wait,
    by_as_completed,
    by_task_group,
    by_anyio_scope,
    by_shield,
]


@pytest.mark.parametrize("wait", WAYS)
async def test_every_way_brings_the_result_and_none_ends_it(
    aws: Emulator, clients: Clients, wait: Callable[[Future], Awaitable[object]]
) -> None:
    """A waiter that is cancelled leaves the invocation alive, and other waiters get its result."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    future = await client.submit("patience")
    leaves, stays = asyncio.ensure_future(wait(future)), asyncio.ensure_future(wait(future))
    await asyncio.sleep(0)
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    assert not future.done()

    endpoint.set_instances(1)

    assert "patience" == await stays
    assert "patience" == await wait(future)
    assert 1 == client.statistics().completed


async def test_wait_for_that_runs_out(aws: Emulator, clients: Clients) -> None:
    """`asyncio.wait_for` gives up its own waiting, not the invocation."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    future = await client.submit("x")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(future, 0.001)

    assert 1 == client.statistics().in_flight
    endpoint.set_instances(1)
    assert "x" == (await future).value


async def test_anyio_scope_that_runs_out(aws: Emulator, clients: Clients) -> None:
    """An anyio scope that ends cancels the waiting, not the invocation."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    future = await client.submit("x")

    with anyio.move_on_after(0.001) as scope:
        await future

    assert scope.cancelled_caught
    endpoint.set_instances(1)
    assert "x" == (await future).value


async def test_anyio_scope_around_the_whole_client(aws: Emulator, clients: Clients) -> None:
    """A client inside a scope that is cancelled closes all the same, and leaves nothing open."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)

    with anyio.CancelScope() as scope:
        async with clients.new(endpoint) as client:
            future = await client.submit("x")
            scope.cancel()
            await future

    assert scope.cancelled_caught
    assert future.done()


async def test_callbacks_keep_the_future(aws: Emulator, clients: Clients) -> None:
    """A future with a callback is kept by the client until it is settled."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    called: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    (await client.submit("x")).add_done_callback(lambda done: called.set_result(done.result().value))

    endpoint.set_instances(1)

    assert "x" == await called


async def test_dropped_future_is_abandoned(aws: Emulator, clients: Clients) -> None:
    """When nobody holds a future any more its slot is free, and its notification is deleted."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    queue = queue_of(aws, endpoint)
    async with clients.new(endpoint, max_in_flight=1) as client:
        await client.submit("dropped")
        second = await client.submit("kept")
        assert (1, 1) == (client.statistics().abandoned, client.statistics().in_flight)

        endpoint.set_instances(1)
        await second

    assert 0 == left_in(queue)


async def test_id_that_is_used_again_at_once(aws: Emulator, clients: Clients) -> None:
    """A future that was dropped takes nothing away from the next one of its id."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    token = (await client.submit("x", inference_id="again")).token  # dropped, and soon abandoned

    future = await client.attach(token)
    await asyncio.sleep(0)  # that is now
    endpoint.set_instances(1)

    assert "x" == (await future).value


async def test_abandoned_future(aws: Emulator, clients: Clients) -> None:
    """``abandon()`` gives waiters an error of its own, and frees the slot."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    future = await client.submit("x")
    waiter = asyncio.ensure_future(future.wait())
    await asyncio.sleep(0)

    future.abandon()

    with pytest.raises(AbandonedError):
        await waiter
    assert future.cancelled()
    assert 0 == client.statistics().in_flight


async def test_cancelled_invoke_leaves_nothing_in_flight(aws: Emulator, clients: Clients) -> None:
    """Cancelling `invoke` abandons its invocation, for nobody else can hold it."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    task = asyncio.ensure_future(client.invoke("x"))
    await until(lambda: len(endpoint.invocations) == 1 and client.statistics().in_flight == 1)

    task.cancel()
    await asyncio.wait([task])
    del task
    gc.collect()

    await until(lambda: client.statistics().in_flight == 0)
    assert 1 == client.statistics().abandoned


@pytest.mark.parametrize(("seconds", "ttl"), [(0.02, 60), (75.2, 76), (86_400, 21_600)])
async def test_invoke_with_a_timeout(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock, seconds: float, ttl: int
) -> None:
    """The time to live follows the timeout, and the error names the invocation that goes on."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0, notifications=False)
    client = await slow_clients.open(endpoint, clock=clock, polling=None, notifications=silence(slow_aws))
    task = asyncio.ensure_future(client.invoke("x", timeout=seconds))
    await until(lambda: "{'accepted': 1}" in repr(client))

    if seconds > 20_000:
        task.cancel()
        await asyncio.wait([task])
    else:
        await clock.advance(seconds)
        with pytest.raises(WaitTimeoutError, match="its token names") as caught:
            await task
        assert caught.value.token is not None
        token = decode_token(caught.value.token)
        assert endpoint.invocations[0].inference_id == token.inference_id == caught.value.inference_id
        assert endpoint.invocations[0].output_location == str(token.output_location)

    assert ttl == endpoint.invocations[0].request.ttl_seconds
    assert 0 == client.statistics().in_flight


async def test_timeout_leaves_a_given_time_to_live_alone(aws: Emulator, clients: Clients) -> None:
    """``request_ttl_seconds`` of the call or the client goes before what a timeout implies."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, request_ttl_seconds=500)

    await client.invoke("x", timeout=5)
    await client.invoke("x", timeout=5, request_ttl_seconds=600)

    assert [500, 600] == [each.request.ttl_seconds for each in endpoint.invocations]


async def test_timeout_before_it_was_accepted(aws: Emulator, clients: Clients) -> None:
    """A timeout that passes while a slot is waited for names the id, has no token, and nothing was sent."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint, max_in_flight=1)
    first = await client.submit("x")

    with pytest.raises(WaitTimeoutError, match=r"was not sent within 0\.01 s") as caught:
        await client.invoke("y", timeout=0.01)

    assert caught.value.token is None
    assert str(caught.value).startswith(f"{caught.value.inference_id} ")
    assert 1 == len(endpoint.invocations)
    assert not first.done()


async def test_timeout_while_it_was_sent(aws: Emulator, clients: Clients) -> None:
    """A timeout in the midst of the request says that it may have been accepted, and names it."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)
    aws.trouble.add(mishaps.slow_answer(1.0))

    with pytest.raises(WaitTimeoutError, match="may have accepted the request") as caught:
        await client.invoke("x", timeout=0.2)

    assert caught.value.token is not None
    assert caught.value.inference_id == decode_token(caught.value.token).inference_id
    assert [caught.value.inference_id] == [each.inference_id for each in endpoint.invocations]


async def test_timeout_of_the_payload_itself(aws: Emulator, clients: Clients) -> None:
    """A TimeoutError of the caller's own stream is not taken for that of `invoke`."""

    async def late() -> AsyncIterator[bytes]:
        yield b"x"
        raise TimeoutError("the camera is slow")

    aws.objects.create_bucket("inputs")
    client = await clients.open("e", uploads=S3Uploads("s3://inputs/in/"))

    with pytest.raises(TimeoutError, match="the camera is slow"):
        await client.invoke(late(), content_type="video/mp4", timeout=60)

    assert 0 == client.statistics().in_flight


async def test_fifty_timeouts_leave_nothing(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """Invocations that were timed out free their slots, and their late messages are all deleted."""
    endpoint = await slow_aws.create_endpoint(
        "e", echo, instances=0, max_concurrent_invocations_per_instance=20
    )
    queue = queue_of(slow_aws, endpoint)
    async with slow_clients.new(endpoint, clock=clock, max_in_flight=10) as client:
        for _ in range(5):
            waiters = [asyncio.ensure_future(client.invoke("x", timeout=100)) for _ in range(10)]
            await until(lambda: "{'accepted': 10}" in repr(client))
            await clock.advance(100)
            outcomes = await asyncio.gather(*waiters, return_exceptions=True)
            assert all(isinstance(outcome, WaitTimeoutError) for outcome in outcomes)
        assert (0, 50) == (client.statistics().in_flight, client.statistics().abandoned)

        endpoint.set_instances(1)
        await endpoint.wait_idle()
        await client.invoke("last")
        await until(lambda: client.statistics().notifications["notifications"] == 53)

    assert 0 == left_in(queue)


async def test_opened_in_one_task_and_closed_in_another(aws: Emulator, clients: Clients) -> None:
    """A client belongs to no task: any may open it, use it and close it."""
    endpoint = await aws.create_endpoint("e", echo)
    client = clients.new(endpoint)
    await asyncio.create_task(client.open())
    await client.open()  # a second time does no harm

    value = (await client.invoke("x")).value
    await asyncio.create_task(client.aclose())
    await client.aclose()

    assert "x" == value


def silence(aws: Emulator) -> SqsNotifications:
    """A queue that nobody sends to."""
    return SqsNotifications([aws.queues.create("silence").url(aws.url)])


async def test_cancelled_twin_lets_go(aws: Emulator, clients: Clients) -> None:
    """A future that nobody holds is abandoned, also if `as_asyncio` had made a twin that was cancelled."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    twin = (await client.submit("x")).as_asyncio()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(twin, 0.001)
    del twin
    gc.collect()

    await until(lambda: client.statistics().in_flight == 0)
    assert 1 == client.statistics().abandoned


async def test_in_flight_is_what_was_sent(aws: Emulator, clients: Clients) -> None:
    """A request whose answer is waited for is not in flight yet; one whose answer is lost is."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    aws.trouble.add(mishaps.slow_answer(0.1, times=1))
    submitting = asyncio.create_task(client.submit("x"))
    await until(lambda: aws.calls["InvokeEndpointAsync"] == 1)
    before = client.statistics()
    accepted = await submitting
    aws.trouble.add(mishaps.answer_lost(times=1))
    ambiguous = await client.submit("y")

    assert (1, 0) == (before.submitted, before.in_flight)
    assert (True, None) == (accepted.accepted, ambiguous.accepted)
    assert 2 == client.statistics().in_flight
