"""Many rows in one invocation, with all of the client and real HTTP below."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aio_sm_async import (
    ClientClosedError,
    DecodeError,
    ExpiredError,
    InferenceFailedError,
    InferenceRequest,
    InvalidRequestError,
    JSONLines,
    Pack,
    RetryFailed,
    RowCountError,
    RowResult,
    TooManyFailuresError,
    ValidationError,
)
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, ModelError, ModelRequest
from aio_sm_async.emulator.model import Answer, ModelResponse
from tests.fanout.stage import take_all
from tests.scenarios.stage import Clients, left_in, pass_time, queue_of


class Doubler:
    """Doubles each row of a pack, and remembers the packs; fails on one that holds a bad row."""

    def __init__(self, *bad: int, status: int = 400) -> None:
        self.packs: list[list[int]] = []
        self.types: set[tuple[str, str | None]] = set()
        self.bad = bad
        self.status = status

    async def __call__(self, request: ModelRequest) -> Answer:
        rows = [json.loads(line) for line in request.body.splitlines()]
        self.packs.append(rows)
        self.types.add((request.content_type, request.accept))
        if set(rows) & set(self.bad):
            raise ModelError(self.status, "unlucky")
        return lines([row * 2 for row in rows])


def lines(rows: list[int]) -> ModelResponse:
    return ModelResponse("\n".join(map(str, rows)).encode(), "application/jsonlines")


async def test_map(aws: Emulator, clients: Clients) -> None:
    """Rows travel together, and each gets its own answer in order; no message is left."""
    model = Doubler()
    endpoint = await aws.create_endpoint("e", model)
    async with clients.new(endpoint) as client:
        fan_out = client.map(range(150), pack=Pack(max_rows=64))
        results = [result async for result in fan_out]

    assert [2 * number for number in range(150)] == [result.value for result in results]
    assert [64, 64, 22] == sorted(map(len, model.packs), reverse=True)
    assert {("application/jsonlines", "application/jsonlines")} == model.types
    assert [0, 1, 63, 0] == [results[index].row_in_pack for index in (0, 1, 63, 64)]
    assert results[0].inference is results[63].inference
    assert 3 == client.statistics().submitted
    assert (150, 150, 0, 0) == (
        fan_out.progress.submitted,
        fan_out.progress.done,
        fan_out.progress.failed,
        fan_out.progress.in_flight,
    )
    assert 0 == left_in(queue_of(aws, endpoint))


async def test_as_completed(aws: Emulator, clients: Clients) -> None:
    """Each row's outcome has its own place and key, and tells the invocation that it was sent with."""
    endpoint = await aws.create_endpoint("e", Doubler())
    client = await clients.open(endpoint)
    rows = (InferenceRequest(number, key=f"row {number}") for number in range(10))

    outcomes = [each async for each in client.as_completed(rows, pack=Pack(max_rows=4), codec=JSONLines())]

    assert {(n, f"row {n}", 2 * n) for n in range(10)} == {
        (each.index, each.key, each.unwrap().value) for each in outcomes
    }
    assert all(
        [each.unwrap().inference.inference_id] == [one.inference_id for one in each.attempts]
        for each in outcomes
    )


async def test_bytes(aws: Emulator, clients: Clients) -> None:
    """A pack is full, too, when its bytes are; a row larger than a pack is its own failure."""
    model = Doubler()
    endpoint = await aws.create_endpoint("e", model)
    client = await clients.open(endpoint)
    rows = [10, 20, 1234567, 30, 40, 50]
    results = [each async for each in client.map(rows, pack=Pack(max_bytes=7), return_exceptions=True)]

    assert [[10, 20], [30, 40], [50]] == sorted(model.packs)
    assert isinstance(results[2], InvalidRequestError)
    assert "8 bytes is larger than a pack of 7" in str(results[2])
    assert [20, 40, 60, 80, 100] == [each.value for each in results if isinstance(each, RowResult)]


@pytest.mark.parametrize("count", [2, 3, 64])
async def test_one_bad_row(aws: Emulator, clients: Clients, count: int) -> None:
    """The bad row fails alone, whatever place it has, for at most two extra calls each time it is halved."""
    bad = count // 3
    model = Doubler(bad)
    endpoint = await aws.create_endpoint("e", model, max_concurrent_invocations_per_instance=50)
    client = await clients.open(endpoint)
    fan_out = client.as_completed(range(count), pack=Pack(max_rows=count))
    outcomes = {each.index: each async for each in fan_out}

    failed = outcomes.pop(bad)
    assert isinstance(failed.error, InferenceFailedError)
    assert [failed.error.inference_id] == [each.inference_id for each in failed.attempts[-1:]]
    assert None not in {each.error for each in failed.attempts}
    assert all(2 * index == each.unwrap().value for index, each in outcomes.items())
    assert len(model.packs) <= 1 + 2 * math.ceil(math.log2(count))
    assert (count, 1, 0) == (fan_out.progress.done, fan_out.progress.failed, fan_out.progress.in_flight)


async def test_all_rows_are_bad(aws: Emulator, clients: Clients) -> None:
    """At worst a pack costs twice its rows, less one; each row has the error of its own invocation."""
    model = Doubler(*range(8))
    endpoint = await aws.create_endpoint("e", model, max_concurrent_invocations_per_instance=50)
    client = await clients.open(endpoint)
    errors = [each async for each in client.map(range(8), pack=Pack(), return_exceptions=True)]

    assert 15 == len(model.packs)
    assert 8 == len({error.inference_id for error in errors if isinstance(error, InferenceFailedError)})


async def test_wrong_number_of_rows(aws: Emulator, clients: Clients) -> None:
    """A pack with another number of answers is tried in halves; the row that has two or none fails."""

    async def model(request: ModelRequest) -> Answer:
        rows = [int(line) for line in request.body.splitlines()]
        return lines([row for row in rows if row != 3])

    endpoint = await aws.create_endpoint("e", model)
    client = await clients.open(endpoint)
    outcomes = [each async for each in client.as_completed(range(5), pack=Pack())]
    outcomes.sort(key=lambda outcome: outcome.index)

    assert [0, 1, 2, 4] == [each.result.value for each in outcomes if each.result is not None]
    error = outcomes[3].error
    assert isinstance(error, RowCountError)
    assert (1, 0) == (error.sent, error.received)
    assert "was sent 1 rows and answered with 0" in str(error)
    assert isinstance(outcomes[0].attempts[0].error, RowCountError)
    assert outcomes[0].attempts[-1].error is None


async def test_answer_that_is_no_rows(aws: Emulator, clients: Clients) -> None:
    """An answer that cannot be read fails its row, with the line and the bytes."""

    async def model(request: ModelRequest) -> Answer:
        return "certainly!"

    endpoint = await aws.create_endpoint("e", model)
    client = await clients.open(endpoint)
    (error,) = [each async for each in client.map([1], pack=Pack(), return_exceptions=True)]

    assert isinstance(error, DecodeError)
    assert b"certainly!" == error.body
    assert "line 1 is not JSON" in str(error)


class Fragile:
    """A codec that cannot read what it is given."""

    content_type = "application/jsonlines"

    def __init__(self, rows: object) -> None:
        self.rows = rows

    def encode_row(self, row: object) -> bytes:
        return JSONLines().encode_row(row)

    def decode_rows(self, body: bytes) -> Any:
        if isinstance(self.rows, Exception):
            raise self.rows
        return self.rows


@pytest.mark.parametrize("rows", [KeyError("rows"), RuntimeError(), None], ids=repr)
async def test_codec_that_breaks(aws: Emulator, clients: Clients, rows: object) -> None:
    """Whatever a codec of the caller's own raises or returns, its rows have that for their outcome."""
    endpoint = await aws.create_endpoint("e", Doubler())
    client = await clients.open(endpoint)
    async with asyncio.timeout(5):
        outcomes = [
            each async for each in client.as_completed(range(3), pack=Pack(max_rows=2), codec=Fragile(rows))
        ]

    assert [DecodeError] * 3 == [type(each.error) for each in outcomes]


async def test_refused_packs_are_not_halved(aws: Emulator, clients: Clients) -> None:
    """What SageMaker refuses it would refuse in halves, too: every row gets that error."""
    client = await clients.open("no-such-endpoint")
    errors = [each async for each in client.map(range(8), pack=Pack(), return_exceptions=True)]

    assert {ValidationError} == {type(error) for error in errors}
    assert 1 == client.statistics().rejected


async def test_expired_packs_are_not_halved(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
) -> None:
    """Nor is what expired: it would wait as long again."""

    async def model(request: ModelRequest) -> Answer:
        await clock.sleep_until(clock.monotonic() + 3600)
        return None

    endpoint = await slow_aws.create_endpoint("e", model)
    client = await slow_clients.open(endpoint, clock=clock, invocation_timeout_seconds=5)
    errors: list[object] = []
    taking = asyncio.ensure_future(
        take_all(client.map(range(3), pack=Pack(), return_exceptions=True), errors)
    )
    await pass_time(clock, taking.done, at_most=60.0, step=1.0)

    assert [ExpiredError] * 3 == [type(error) for error in errors]
    assert 1 == client.statistics().submitted


async def test_second_tries(aws: Emulator, clients: Clients) -> None:
    """A pack is sent again whole for what may pass, before it is halved; so is each half."""
    model = Doubler(status=500)
    seen: set[int] = set()

    async def moody(request: ModelRequest) -> Answer:
        size = len(request.body)
        if size not in seen or size == 4 * 2:
            seen.add(size)
            raise ModelError(500, "out of memory")
        return await model(request)

    endpoint = await aws.create_endpoint("e", moody)
    client = await clients.open(endpoint)
    retry = RetryFailed(attempts=2, base_seconds=0.0)
    outcomes = [each async for each in client.as_completed(range(4), pack=Pack(), retry_failed=retry)]

    assert [0, 2, 4, 6] == sorted(each.unwrap().value for each in outcomes)  # type: ignore[type-var]
    # The four twice; then the halves, of which whichever came first twice.
    assert {3, 4} == {len(each.attempts) for each in outcomes}


async def test_slow_source(slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
    """What has come is sent after the linger, though the pack is not full; nothing is lost."""
    model = Doubler()
    endpoint = await slow_aws.create_endpoint("e", model)
    client = await slow_clients.open(endpoint, clock=clock)

    async def slow() -> AsyncIterator[int]:
        for number in range(4):
            if number == 2:
                await clock.sleep_until(clock.monotonic() + 30)
            yield number

    values: list[RowResult] = []
    taking = asyncio.ensure_future(take_all(client.map(slow(), pack=Pack(linger_seconds=1.0)), values))
    await pass_time(clock, lambda: len(values) == 2, at_most=20.0, step=0.5)
    first = list(model.packs)
    await pass_time(clock, taking.done, at_most=60.0, step=0.5)

    assert [[0, 1]] == first
    assert [[0, 1], [2, 3]] == model.packs
    assert [0, 2, 4, 6] == [each.value for each in values]


async def test_leaving(aws: Emulator, clients: Clients) -> None:
    """Left in the middle of a pack and while another is halved, it leaves nothing in flight."""
    endpoint = await aws.create_endpoint("e", Doubler(*range(64, 128)))
    client = await clients.open(endpoint)
    async with client.map(iter(range(1000)), pack=Pack(max_rows=64)) as results:
        async for result in results:
            if result.row_in_pack == 5:
                break

    assert [] == [result async for result in results]
    assert 0 == client.statistics().in_flight


async def test_client_that_closes(aws: Emulator, clients: Clients) -> None:
    """The rows of packs that are in flight fail with that."""
    started = asyncio.Event()

    async def model(request: ModelRequest) -> Answer:
        started.set()
        await asyncio.Event().wait()
        return None

    endpoint = await aws.create_endpoint("e", model)
    client = await clients.open(endpoint)
    outcomes = client.as_completed(range(3), pack=Pack())
    first = asyncio.ensure_future(anext(outcomes))
    await started.wait()
    await client.aclose()

    assert isinstance((await first).error, ClientClosedError)


async def test_broken_model(aws: Emulator, clients: Clients) -> None:
    """Rows count, not packs, until too many have failed."""

    async def broken(request: ModelRequest) -> Answer:
        raise ModelError(500, "no weights")

    endpoint = await aws.create_endpoint("e", broken, max_concurrent_invocations_per_instance=50)
    client = await clients.open(endpoint)
    taken: list[object] = []

    with pytest.raises(TooManyFailuresError) as caught:
        await take_all(
            client.as_completed(iter(int, 1), pack=Pack(max_rows=4), window=8, stop_after_failures=3), taken
        )
    assert len(taken) == caught.value.failures
    assert isinstance(caught.value.__cause__, InferenceFailedError)


async def test_what_cannot_be(aws: Emulator, clients: Clients) -> None:
    """A codec without a pack, and a row with options of its own, are refused with the way out."""
    endpoint = await aws.create_endpoint("e", Doubler())
    client = await clients.open(endpoint)

    with pytest.raises(InvalidRequestError, match=r"Give pack=Pack\(\) too"):
        client.map([], codec=JSONLines())  # type: ignore[call-overload]
    row = InferenceRequest(1, accept="text/plain")
    with pytest.raises(InvalidRequestError, match="options to the whole call"):
        await anext(client.map([row], pack=Pack()))
