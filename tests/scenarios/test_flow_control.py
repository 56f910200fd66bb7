"""How much is sent: the semaphore, the rate, and the window that follows what an endpoint can do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from aio_sm_async import WaitTimeoutError
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, mishaps
from aio_sm_async.emulator.model import ModelRequest, ModelResponse, echo
from tests.scenarios.stage import Clients, pass_time, until


def slow_echo(clock: VirtualClock, seconds: float) -> Callable[[ModelRequest], Awaitable[ModelResponse]]:
    """A model that takes its time."""

    async def model(request: ModelRequest) -> ModelResponse:
        await clock.sleep_until(clock.monotonic() + seconds)
        return await echo(request)

    return model


def test_throttle(_loader: object) -> None:  # noqa: PT019 - what it gives is used
    """2,000 submits at a service that refuses all for 5 s: all succeed, for 2,400 requests at most."""

    async def play() -> tuple[int, int, int]:
        clock = VirtualClock()
        async with Emulator(clock=clock) as aws, AsyncExitStack() as stack:
            endpoint = await aws.create_endpoint("e", echo, max_concurrent_invocations_per_instance=100)
            client = await Clients(aws, _loader, stack).open(endpoint, clock=clock, polling=None)
            aws.trouble.add(mishaps.throttled(first_seconds=5))
            invoking = [asyncio.create_task(client.invoke("x")) for _ in range(2_000)]
            await pass_time(clock, lambda: all(each.done() for each in invoking), at_most=600, step=0.1)
            assert {"x"} == {each.result().value for each in invoking}
            return aws.calls["InvokeEndpointAsync"], aws.trouble.injected["throttled"], len(invoking)

    calls, throttled, items = asyncio.run(play())  # asyncio's debug mode would take much longer for it

    assert throttled > 0
    assert calls <= 1.2 * items


async def test_rate(slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
    """At 4 a second requests begin evenly, and those that are sent again count too."""
    endpoint = await slow_aws.create_endpoint("e", echo)
    slow_aws.trouble.add(mishaps.throttled(every=3))
    client = await slow_clients.open(endpoint, clock=clock, max_submit_rate=4.0)
    began = clock.monotonic()
    submitting = [asyncio.create_task(client.submit("x")) for _ in range(10)]
    seen = []

    while not all(each.done() for each in submitting):
        await clock.advance(0.05)
        for _ in range(50):
            await asyncio.sleep(0)
        seen.append((clock.monotonic() - began, slow_aws.calls["InvokeEndpointAsync"]))

    assert slow_aws.calls["InvokeEndpointAsync"] > 10
    assert all(calls <= 4.0 * (passed + 0.1) + 1 for passed, calls in seen)


@pytest.mark.parametrize(("start", "expires"), [(8, False), (1_000, True)])
async def test_short_ttl(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock, start: int, expires: bool
) -> None:
    """8 slots of 10 s, a TTL of 60 s: what is sent as it is worked off does not expire, all at once does."""
    endpoint = await slow_aws.create_endpoint(
        "e", slow_echo(clock, 10.0), max_concurrent_invocations_per_instance=8
    )
    client = await slow_clients.open(
        endpoint,
        clock=clock,
        polling=None,
        start_in_flight=start,
        request_ttl_seconds=60,
        max_concurrent_requests=200,
    )

    async def send() -> int:
        return len([outcome async for outcome in client.as_completed(range(160))])

    sending = asyncio.create_task(send())
    await pass_time(clock, sending.done, at_most=2_000, step=1.0)

    assert 160 == await sending
    assert expires == (client.statistics().expired > 0)


async def test_zero_instances(slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
    """An endpoint that sleeps gets what it starts with, and the rest once it has answered something."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
    client = await slow_clients.open(endpoint, clock=clock, polling=None, start_in_flight=20)
    invoking = [asyncio.create_task(client.invoke("x")) for _ in range(50)]
    await until(lambda: endpoint.backlog == 20)
    await clock.advance(600)

    assert 20 == endpoint.backlog
    assert {"e": 20} == client.statistics().in_flight_limits
    endpoint.set_instances(1)
    await pass_time(clock, lambda: all(each.done() for each in invoking), at_most=100)
    assert 50 == client.statistics().completed


async def test_patience_that_ends_before_the_window_opens(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """The error of a request that was never sent names the limit that held it."""
    endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
    client = await slow_clients.open(endpoint, clock=clock, start_in_flight=1)
    first = await client.submit("x")
    waiting = asyncio.create_task(client.invoke("x", timeout=5.0))
    await pass_time(clock, waiting.done, at_most=10, step=1.0)

    with pytest.raises(WaitTimeoutError, match=r"not sent within 5\.0 s: e may hold 1 at its rate"):
        await waiting
    assert not first.done()
