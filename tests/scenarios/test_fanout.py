"""Many payloads in one call, with all of the client and real HTTP below."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from aio_sm_async import (
    ClientClosedError,
    FanOutProgress,
    InferenceFailedError,
    InferenceRequest,
    InferenceResult,
    InvalidRequestError,
    S3Uploads,
    SqsNotifications,
    ValidationError,
)
from aio_sm_async.emulator import Emulator, ModelError, ModelRequest
from aio_sm_async.emulator.model import Answer, echo
from tests.fanout.stage import take_all
from tests.scenarios.stage import FAST_POLLING, Clients, left_in, queue_of, until


async def picky(request: ModelRequest) -> Answer:
    """Doubles numbers, and refuses 13."""
    number = request.json()
    assert isinstance(number, int)
    if number == 13:
        raise ModelError(400, '{"message":"unlucky"}')
    return number * 2


async def blow_up(request: ModelRequest) -> Answer:
    """Answers much to little."""
    return request.body * 40


async def test_map(aws: Emulator, clients: Clients) -> None:
    """As many payloads give as many results, in order; the queue is empty afterwards."""
    endpoint = await aws.create_endpoint("e", picky)
    async with clients.new(endpoint) as client:
        values = [result.value async for result in client.map(range(20, 50))]

    assert list(range(40, 100, 2)) == values
    assert 0 == left_in(queue_of(aws, endpoint))


async def test_map_by_polling(aws: Emulator, clients: Clients) -> None:
    """Without notifications the results come as well, from an async source."""
    endpoint = await aws.create_endpoint("e", picky, notifications=False)
    client = await clients.open(endpoint, polling=FAST_POLLING)

    async def numbers() -> AsyncIterator[int]:
        for number in range(10):
            await asyncio.sleep(0)
            yield number

    results = [result async for result in client.map(numbers(), window=5)]

    assert list(range(0, 20, 2)) == [result.value for result in results]
    assert {"polling"} == {result.source for result in results}


async def test_as_completed(aws: Emulator, clients: Clients) -> None:
    """Each outcome has the key of its item; the one failure is in its outcome, with the model's words."""
    endpoint = await aws.create_endpoint("e", picky)
    client = await clients.open(endpoint)
    rows = [InferenceRequest(number, key=f"row-{number}") for number in range(16)]

    outcomes = {outcome.key: outcome async for outcome in client.as_completed(rows)}

    assert [f"row-{number}" for number in range(16)] == sorted(outcomes, key=lambda key: outcomes[key].index)
    failed = outcomes.pop("row-13")
    assert isinstance(failed.error, InferenceFailedError)
    assert b'{"message":"unlucky"}' == failed.error.response
    assert all(outcome.unwrap().value == 2 * outcome.index for outcome in outcomes.values())


async def test_map_raises_at_its_place(aws: Emulator, clients: Clients) -> None:
    """The first failure is raised after all results before it; nothing is left in flight."""
    endpoint = await aws.create_endpoint("e", picky)
    client = await clients.open(endpoint)
    results: list[InferenceResult[object]] = []

    with pytest.raises(InferenceFailedError, match="unlucky"):
        await take_all(client.map(range(1000), window=30), results)

    assert list(range(0, 26, 2)) == [result.value for result in results]
    assert 0 == client.statistics().in_flight
    assert client.statistics().submitted <= 13 + 30


async def test_map_with_exceptions_returned(aws: Emulator, clients: Clients) -> None:
    """Failures stand at their place, and the rest is done."""
    endpoint = await aws.create_endpoint("e", picky)
    client = await clients.open(endpoint)

    results = [result async for result in client.map(range(16), return_exceptions=True)]

    assert [13] == [index for index, result in enumerate(results) if isinstance(result, InferenceFailedError)]
    assert 15 == sum(isinstance(result, InferenceResult) for result in results)


async def test_items_with_options_of_their_own(aws: Emulator, clients: Clients) -> None:
    """An item's options go before the call's, and those before the client's."""
    endpoint = await aws.create_endpoint("e", echo)
    other = await aws.create_endpoint("other", echo)
    client = await clients.open(
        endpoint,
        custom_attributes="client",
        notifications=SqsNotifications([endpoint.queue_url or "", other.queue_url or ""]),
    )
    location = "s3://inputs/x.txt"
    items = [
        "a",
        InferenceRequest("b", custom_attributes="item", endpoint_name="other"),
        InferenceRequest(input_location=location, content_type="text/plain"),
    ]
    aws.objects.create_bucket("inputs")
    aws.objects.put("inputs", "x.txt", b"from S3")

    values = [result.value async for result in client.map(items, accept="text/plain")]

    assert ["a", "b", "from S3"] == values
    assert ["client", "client"] == [each.request.custom_attributes for each in endpoint.invocations]
    assert ["item"] == [each.request.custom_attributes for each in other.invocations]
    assert {"text/plain"} == {each.request.accept for each in (*endpoint.invocations, *other.invocations)}


async def test_one_bad_item(aws: Emulator, clients: Clients) -> None:
    """What no codec takes, what breaks a limit and what SageMaker refuses fails alone."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)
    items = [
        "good",
        object(),
        InferenceRequest("x", request_ttl_seconds=1),
        InferenceRequest(),
        InferenceRequest("x", endpoint_name="nowhere"),
        "good too",
    ]

    outcomes = sorted([each async for each in client.as_completed(items)], key=lambda each: each.index)

    assert [None, TypeError, InvalidRequestError, InvalidRequestError, ValidationError, None] == [
        None if each.error is None else type(each.error) for each in outcomes
    ]


async def test_window(aws: Emulator, clients: Clients) -> None:
    """No more than the window is sent to an endpoint that does not answer, from a source without an end."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint, max_in_flight=10)
    pulled = 0

    def numbers() -> Iterator[int]:
        nonlocal pulled
        while True:
            pulled += 1
            yield pulled

    async with client.map(numbers(), window=100) as results:
        first = asyncio.ensure_future(anext(results, None))
        await until(lambda: client.statistics().in_flight == 10)
        assert 10 == pulled
        endpoint.set_instances(1)

        assert "1" == (await first).text  # type: ignore[union-attr]


async def test_bodies_beyond_the_buffer_are_read_again(aws: Emulator, clients: Clients) -> None:
    """Of results that nobody takes only as much as allowed stays in memory, and none is lost."""
    endpoint = await aws.create_endpoint("e", blow_up)
    client = await clients.open(endpoint)
    payloads = [bytes([number]) * 100 for number in range(12)]
    results = client.map(payloads, max_buffered_bytes=20_000)
    bodies = [(await anext(results)).body]
    await until(lambda: results.progress.done == 12)
    before = aws.calls["GetObject"]
    bodies += [result.body async for result in results]

    assert [payload * 40 for payload in payloads] == bodies
    assert before < aws.calls["GetObject"]


async def test_uploads(aws: Emulator, clients: Clients) -> None:
    """Payloads that are too large for a request are uploaded, a few at a time."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, uploads=S3Uploads("s3://inputs/in/"))
    payloads = [bytes([number]) * 130_000 for number in range(4)]

    bodies = [result.body async for result in client.map(payloads, max_buffered_bytes=200_000)]

    assert payloads == bodies


async def test_break(aws: Emulator, clients: Clients) -> None:
    """A loop that is left early leaves nothing in flight; the client goes on."""
    endpoint = await aws.create_endpoint("e", echo)
    queue = queue_of(aws, endpoint)
    async with clients.new(endpoint) as client:
        async for result in client.map(range(10_000), window=20):
            if result.value == 3:
                break
        await until(lambda: client.statistics().in_flight == 0)
        assert "after" == (await client.invoke("after")).value
        await endpoint.wait_idle()
        await until(lambda: queue.statistics().visible == 0)

    assert 0 == left_in(queue)


async def test_cancelled_consumer(aws: Emulator, clients: Clients) -> None:
    """A consumer that is cancelled leaves nothing in flight either."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)

    async def consume() -> None:
        async for _ in client.map(range(100), window=20):
            pass

    task = asyncio.ensure_future(consume())
    await until(lambda: client.statistics().in_flight == 20)
    task.cancel()
    await asyncio.wait([task])
    del task

    await until(lambda: client.statistics().in_flight == 0)
    assert 20 == client.statistics().abandoned


async def test_left_unfinished_when_the_client_closes(aws: Emulator, clients: Clients) -> None:
    """What was not finished fails with tokens, and the source is closed with the client."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    closed = []

    async def source() -> AsyncIterator[int]:
        try:
            for number in range(5):
                yield number
            await asyncio.Event().wait()
        finally:
            closed.append("source")

    async with clients.new(endpoint) as client:
        outcomes = client.as_completed(source())
        first = asyncio.ensure_future(anext(outcomes))
        await until(lambda: client.statistics().in_flight == 5)

    errors = [(await first).error, *[(await anext(outcomes)).error for _ in range(4)]]
    assert all(isinstance(error, ClientClosedError) and error.token for error in errors)
    assert ["source"] == closed
    with pytest.raises(ClientClosedError, match="source"):
        await anext(outcomes)


async def test_closed_client(aws: Emulator, clients: Clients) -> None:
    """A client that is not open makes no fan-out; wrong options are told before anything is pulled."""
    endpoint = await aws.create_endpoint("e", echo)
    client = clients.new(endpoint)
    with pytest.raises(ClientClosedError):
        client.map([])
    async with client:
        with pytest.raises(InvalidRequestError, match="window"):
            client.as_completed([], window=0)
        with pytest.raises(InvalidRequestError, match="filename"):
            client.map([], filename="one.out")
        with pytest.raises(TypeError, match="payloads is one str"):
            client.map("text")


async def test_progress(aws: Emulator, clients: Clients) -> None:
    """A callback hears of every request that is sent and every item that is done."""
    endpoint = await aws.create_endpoint("e", picky)
    client = await clients.open(endpoint)
    told: list[FanOutProgress] = []

    outcomes = client.as_completed(range(16), progress=told.append)
    async for _ in outcomes:
        pass

    assert FanOutProgress(submitted=16, in_flight=0, done=16, failed=1) == told[-1] == outcomes.progress
    assert 32 == len(told)
