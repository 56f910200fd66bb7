"""What polling asks of S3, and what it does not."""

from __future__ import annotations

import pytest

from aio_sm_async import S3Polling
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.model import echo
from aio_sm_async.emulator.object_store import StoredObject
from tests.scenarios.stage import Clients, pass_time


@pytest.mark.parametrize("finished", [0, 100_000])
async def test_finished_objects_cost_nothing(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock, finished: int
) -> None:
    """A look makes the same calls beside a hundred thousand finished objects of the client as beside none."""
    endpoint = await slow_aws.create_endpoint("e", echo, notifications=False)
    client = await slow_clients.open(endpoint, clock=clock, client_id="me")
    (await client.submit("x")).abandon()
    bucket, _, key = (endpoint.invocations[0].output_location or "").removeprefix("s3://").partition("/")
    incarnation = key.rsplit("/", 2)[0]
    store, done = slow_aws.objects.bucket(bucket), StoredObject(b"", "etag", slow_aws.objects.now(), {})
    for number in range(finished):
        store.put(f"{incarnation}/{1 + number // 1000}/{number:024x}.out", done)

    futures = [await client.submit("x") for _ in range(9)]
    await endpoint.wait_idle()
    await pass_time(clock, lambda: all(future.done() for future in futures), at_most=60, step=1.0)

    # Nine outputs by one LIST and nine GETs; and each failure key once, in turn.
    assert 1 == slow_aws.calls["ListObjectsV2"]
    assert 9 + 9 == slow_aws.calls["GetObject"]


async def test_settled_block_is_never_asked_again(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """With nothing in flight S3 hears nothing."""
    endpoint = await slow_aws.create_endpoint("e", echo)
    client = await slow_clients.open(endpoint, clock=clock)
    await client.invoke("x")

    await clock.advance(3600)

    assert (0, 0) == (slow_aws.calls["GetObject"], slow_aws.calls["ListObjectsV2"])


async def test_nothing_is_polled_while_nothing_is_in_flight(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """An idle client makes no call at all, once the poll that was open has ended."""
    endpoint = await slow_aws.create_endpoint("e", echo)
    client = await slow_clients.open(endpoint, clock=clock)
    await client.invoke("x")
    await pass_time(clock, lambda: clock.monotonic() > 1030, at_most=60)
    before = slow_aws.calls.copy()

    await pass_time(clock, lambda: clock.monotonic() > 1300, at_most=300)

    assert before == slow_aws.calls


async def test_rate_is_bounded(slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
    """However many are due, S3 gets no more requests a second than it was agreed on."""
    endpoint = await slow_aws.create_endpoint("e", echo, notifications=False, instances=0)
    polling = S3Polling(first_seconds=1, growth=1, own_prefix=False, max_requests_per_second=2)
    client = await slow_clients.open(endpoint, clock=clock, polling=polling)
    futures = [await client.submit("x") for _ in range(5)]

    await pass_time(clock, lambda: clock.monotonic() >= 1020, at_most=60, step=0.5)

    assert 20 <= slow_aws.calls["GetObject"] <= 42
    assert not any(future.done() for future in futures)
