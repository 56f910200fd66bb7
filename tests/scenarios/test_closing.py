"""Opening and closing: quick, complete, and with nothing left unanswered."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator

import pytest

from aio_sm_async import (
    AsyncInferenceClient,
    ClientClosedError,
    S3Uploads,
    SqsNotifications,
    WaitTimeoutError,
)
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, mishaps
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import echo
from aio_sm_async.emulator.rule import Rule
from aio_sm_async.protocol.token import decode_token
from tests.scenarios.stage import Clients, left_in, queue_of, until


@pytest.mark.parametrize("shared", [False, True])
async def test_exit_is_quick_and_acknowledges_everything(
    aws: Emulator, clients: Clients, shared: bool
) -> None:
    """Within a second of the last result the client is closed, and no message of its own is left."""
    endpoint = await aws.create_endpoint("e", echo)
    queue = queue_of(aws, endpoint)
    assert endpoint.queue_url is not None
    notifications = SqsNotifications([endpoint.queue_url], shared=shared)
    # A shared queue's open poll is waited for, since it may bring another's message; it takes two seconds.
    async with asyncio.timeout(None) as patience:
        async with clients.new(endpoint, notifications=notifications) as client:
            results = await asyncio.gather(*[client.invoke(str(number)) for number in range(6)])
            patience.reschedule(asyncio.get_running_loop().time() + (3.0 if shared else 1.0))

    assert [str(number) for number in range(6)] == [result.value for result in results]
    assert 0 == left_in(queue)


async def test_pending_futures_fail_with_their_tokens(aws: Emulator, clients: Clients) -> None:
    """Closing answers every waiter, and tells it what to look for later."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    async with clients.new(endpoint) as client:
        futures = [await client.submit("x") for _ in range(3)]
        waiter = asyncio.ensure_future(futures[0].wait())
        await asyncio.sleep(0)

    with pytest.raises(ClientClosedError):
        await waiter
    errors = [future.exception() for future in futures]
    assert all(isinstance(error, ClientClosedError) and error.token for error in errors)
    tokens = [decode_token(error.token or "") for error in errors if isinstance(error, ClientClosedError)]
    assert [run.inference_id for run in endpoint.invocations] == [token.inference_id for token in tokens]
    assert [run.output_location for run in endpoint.invocations] == [
        str(token.output_location) for token in tokens
    ]
    assert [run.failure_location for run in endpoint.invocations] == [
        str(token.failure_location) for token in tokens
    ]


async def test_message_of_an_unread_result_is_handed_back_at_closing(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """A message whose result could not be fetched before the end is left for whoever has the token."""
    endpoint = await slow_aws.create_endpoint("e", echo, include_response=False)
    queue = queue_of(slow_aws, endpoint)
    slow_aws.trouble.add(mishaps.slow_down())
    async with slow_clients.new(endpoint, clock=clock) as client:
        future = await client.submit("x")
        await until(lambda: slow_aws.trouble.injected["slow_down"] == 1)

    assert isinstance(future.exception(), ClientClosedError)
    assert 0 == queue.depth
    await clock.advance(21)  # by then the poll that closing dropped has ended, and cannot swallow it
    assert 1 == queue.depth


async def test_drain_waits_for_everything(aws: Emulator, clients: Clients) -> None:
    """`drain` returns once nothing is in flight any more."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    futures = [await client.submit("x") for _ in range(3)]

    with pytest.raises(WaitTimeoutError, match="3 invocations were in flight"):
        await client.drain(timeout=0.001)
    endpoint.set_instances(1)
    await client.drain()

    assert [True] * 3 == [future.done() for future in futures]


async def test_users_own_error_is_kept(aws: Emulator, clients: Clients) -> None:
    """An error in the block comes out of it as it was raised."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)

    async def work() -> None:
        async with clients.new(endpoint) as client:
            await client.submit("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()


async def test_use_before_opening(aws: Emulator, clients: Clients) -> None:
    """A client that is not open says how to open it."""
    endpoint = await aws.create_endpoint("e", echo)
    client = clients.new(endpoint)

    with pytest.raises(ClientClosedError, match="async with"):
        await client.submit("x")

    assert "not open" in repr(client)
    await client.aclose()


async def test_use_after_closing(aws: Emulator, clients: Clients) -> None:
    """A closed client stays closed: it is neither used nor opened again."""
    endpoint = await aws.create_endpoint("e", echo)
    async with clients.new(endpoint) as client:
        view = client.with_options(accept="text/plain")

    for use in (client.submit, view.invoke):
        with pytest.raises(ClientClosedError, match="closed"):
            await use("x")
    for other in (client.open, client.drain):
        with pytest.raises(ClientClosedError, match="closed"):
            await other()
    assert "closed" in repr(client)


async def test_use_in_another_loop(aws: Emulator, clients: Clients) -> None:
    """A client belongs to the event loop that it was opened in."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)

    def elsewhere() -> None:
        asyncio.run(client.invoke("x"))

    with pytest.raises(ClientClosedError, match="another event loop"):
        await asyncio.to_thread(elsewhere)


async def test_use_after_a_fork(aws: Emulator, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections do not survive a fork, so a client belongs to the process that opened it."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)

    with monkeypatch.context() as child:
        child.setattr("os.getpid", lambda: -1)
        with pytest.raises(ClientClosedError, match="forked"):
            await client.submit("x")

    assert "x" == (await client.invoke("x")).value


async def test_closing_while_submitting(aws: Emulator, clients: Clients) -> None:
    """Requests that are open at closing are answered; those that wait for a slot are refused."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = clients.new(endpoint, max_in_flight=2)
    await client.open()
    aws.trouble.add(mishaps.slow_answer(0.1))
    submits = [asyncio.ensure_future(client.submit("x")) for _ in range(3)]
    await until(lambda: aws.calls["InvokeEndpointAsync"] == 2)

    await client.aclose()
    outcomes = await asyncio.gather(*submits, return_exceptions=True)

    assert isinstance(outcomes[2], ClientClosedError)
    futures = [outcome for outcome in outcomes[:2] if not isinstance(outcome, BaseException)]
    assert 2 == len(futures) == len(endpoint.invocations)
    assert [True, True] == [isinstance(future.exception(), ClientClosedError) for future in futures]


async def test_closing_does_not_wait_for_ever(aws: Emulator, clients: Clients) -> None:
    """A request that is never answered delays closing by the time-out, and no longer."""
    endpoint = await aws.create_endpoint("e", echo)
    client = clients.new(endpoint, close_timeout_seconds=0.1)
    await client.open()
    aws.trouble.add(Rule("sagemaker", "InvokeEndpointAsync", Fault("hang")))
    submit = asyncio.ensure_future(client.submit("x"))
    await until(lambda: aws.calls["InvokeEndpointAsync"] == 1)

    async with asyncio.timeout(2):
        await client.aclose()
        outcome = (await asyncio.gather(submit, return_exceptions=True))[0]

    error = outcome if isinstance(outcome, BaseException) else outcome.exception()
    assert isinstance(error, ClientClosedError)


async def test_closing_while_uploading(aws: Emulator, clients: Clients) -> None:
    """An upload that does not end is broken off, and leaves no parts behind."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)
    never = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * (6 * 1024 * 1024)
        await never.wait()

    uploads = S3Uploads("s3://inputs/in/", part_bytes=5 * 1024 * 1024)
    client = clients.new(endpoint, close_timeout_seconds=0.1, uploads=uploads)
    await client.open()
    submit = asyncio.ensure_future(client.submit(endless(), content_type="video/mp4"))
    await until(lambda: aws.calls["UploadPart"] == 1)

    async with asyncio.timeout(2):
        await client.aclose()
        never.set()
        (outcome,) = await asyncio.gather(submit, return_exceptions=True)

    assert isinstance(outcome, BaseException)
    assert [] == endpoint.invocations


async def test_two_that_close_at_once(aws: Emulator, clients: Clients) -> None:
    """A second close waits for the first, and disturbs nothing."""
    endpoint = await aws.create_endpoint("e", echo)
    queue = queue_of(aws, endpoint)
    client = clients.new(endpoint)
    await asyncio.gather(client.open(), client.open())
    await client.invoke("x")

    await asyncio.gather(client.aclose(), client.aclose())

    assert 0 == left_in(queue)


async def test_cancelled_close_closes_all_the_same(aws: Emulator, clients: Clients) -> None:
    """Whoever is cancelled while closing leaves nothing open."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = clients.new(endpoint)
    await client.open()
    future = await client.submit("x")
    closing = asyncio.ensure_future(client.aclose())
    await asyncio.sleep(0)

    closing.cancel()
    await asyncio.wait([closing])

    assert closing.cancelled()
    assert isinstance(future.exception(), ClientClosedError)


async def test_failed_opening_leaves_nothing(aws: Emulator, clients: Clients) -> None:
    """What an opening had done is undone if it fails, and it may be tried again."""
    endpoint = await aws.create_endpoint("e", echo)
    assert endpoint.queue_url is not None
    client = clients.new(endpoint, notifications=SqsNotifications([endpoint.queue_url], shared=True))
    aws.trouble.add(mishaps.queue_error("GetQueueAttributes", times=1))

    with pytest.raises(Exception, match="GetQueueAttributes"):
        await client.open()
    await client.open()

    assert "x" == (await client.invoke("x")).value
    await client.aclose()


async def test_client_that_is_never_closed(aws: Emulator, clients: Clients) -> None:
    """A client that is dropped while it is open warns."""
    endpoint = await aws.create_endpoint("e", echo)
    client: AsyncInferenceClient | None = clients.new(endpoint)
    assert client is not None
    await client.open()
    life = client._life

    with pytest.warns(ResourceWarning, match="unclosed AsyncInferenceClient"):
        life.__del__()

    await client.aclose()
    with warnings.catch_warnings(action="error"):
        del client, life
        gc.collect()


async def test_statistics_tell_what_was_done(aws: Emulator, clients: Clients) -> None:
    """The numbers add up, and calls are counted by operation."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)
    await client.invoke("x")

    statistics = client.statistics()

    assert (1, 1, 0) == (statistics.submitted, statistics.completed, statistics.in_flight)
    assert {"sqs": 1} == statistics.resolved_by
    assert 1 == statistics.calls["InvokeEndpointAsync"] == aws.calls["InvokeEndpointAsync"]
    assert {"notifications": 3, "duplicates": 0}.items() <= statistics.notifications.items()
    assert 64 == statistics.max_concurrent_requests


async def test_inputs_are_cleaned_up_before_the_end(aws: Emulator, clients: Clients) -> None:
    """An exit right after the results waits for the deletion of the inputs that were asked to go."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)
    aws.trouble.add(Rule("s3", "DeleteObject", Fault("delay", seconds=0.2)))
    uploads = S3Uploads("s3://inputs/in/", delete="on_success")
    async with clients.new(endpoint, uploads=uploads) as client:
        await asyncio.gather(*(client.invoke(b"x" * 128_001) for _ in range(5)))

    assert [] == aws.objects.keys("inputs")


async def test_input_of_an_abandoned_invocation_stays(aws: Emulator, clients: Clients) -> None:
    """What is abandoned here may still be queued there, and needs its input."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint, uploads=S3Uploads("s3://inputs/in/", delete="always"))
    with pytest.raises(WaitTimeoutError):
        await client.invoke(b"x" * 128_001, timeout=0.3)
    endpoint.set_instances(1)
    await endpoint.wait_idle()

    assert ["Completed"] == [each.status for each in endpoint.invocations]
    assert 1 == len(aws.objects.keys("inputs"))


async def test_an_upload_is_cut_short_and_leaves_nothing(aws: Emulator, clients: Clients) -> None:
    """A payload that is still being uploaded at close is given up, and its parts are gone."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(6 * 1024 * 1024)
        await asyncio.Event().wait()

    settings = S3Uploads("s3://inputs/in/", part_bytes=5 * 1024 * 1024)
    client = clients.new(endpoint, uploads=settings, close_timeout_seconds=0.2)
    await client.open()
    submitting = asyncio.create_task(client.submit(endless(), content_type="text/plain"))
    await until(lambda: aws.calls["UploadPart"] == 1)
    await client.aclose()

    with pytest.raises(ClientClosedError, match=r"was closed while .* was under way"):
        await submitting
    assert 1 == aws.calls["AbortMultipartUpload"]
    assert [] == aws.objects.keys("inputs")


async def test_a_callers_own_cancel_stays_a_cancel(aws: Emulator, clients: Clients) -> None:
    """A submit that its caller cancels is cancelled, also while the client is open."""
    endpoint = await aws.create_endpoint("e", echo)
    aws.trouble.add(Rule("sagemaker", "InvokeEndpointAsync", Fault("hang", seconds=5)))
    client = await clients.open(endpoint)
    submitting = asyncio.create_task(client.submit("x"))
    await until(lambda: aws.trouble.injected["hang"] == 1)
    submitting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await submitting


async def test_statistics_from_another_thread_and_after_the_end(aws: Emulator, clients: Clients) -> None:
    """The numbers may be asked for anywhere, and the last ones stay."""
    endpoint = await aws.create_endpoint("e", echo)
    async with clients.new(endpoint) as client:
        await client.invoke("x")
        elsewhere = await asyncio.to_thread(client.statistics)

    assert 1 == elsewhere.completed == client.statistics().completed
    assert (1, 0) == (client.statistics().submitted, client.statistics().in_flight)
    assert client.statistics() == await asyncio.to_thread(client.statistics)


def test_statistics_before_the_beginning() -> None:
    """A client that was never opened has done nothing, and says how to open it."""
    with pytest.raises(ClientClosedError, match="async with"):
        AsyncInferenceClient("e").statistics()
