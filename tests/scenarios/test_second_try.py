"""Failures that are worth a second try, with all of the client and real HTTP below."""

from __future__ import annotations

import io
from collections import Counter

import pytest

from aio_sm_async import (
    InferenceFailedError,
    InferenceRequest,
    RetryFailed,
    S3Uploads,
    TooManyFailuresError,
)
from aio_sm_async.emulator import Emulator, ModelError, ModelRequest
from aio_sm_async.emulator.model import Answer
from tests.fanout.stage import take_all
from tests.scenarios.stage import FAST_POLLING, Clients, left_in, queue_of

AT_ONCE = RetryFailed(attempts=3, base_seconds=0.0)


class Moody:
    """Fails with this status on whatever it sees for the first time, and remembers who asked."""

    def __init__(self, status: int = 500) -> None:
        self.status = status
        self.asked: Counter[bytes] = Counter()
        self.ids: list[str] = []

    async def __call__(self, request: ModelRequest) -> Answer:
        self.asked[request.body] += 1
        self.ids.append(request.inference_id)
        if self.asked[request.body] == 1:
            raise ModelError(self.status, f'{{"code":{self.status},"message":"out of memory"}}')
        return request.body


@pytest.mark.parametrize("status", [500, 503, 0])
async def test_server_errors(aws: Emulator, clients: Clients, status: int) -> None:
    """Each item succeeds at its second try, under an id of its own; no message is left."""
    model = Moody(status)
    endpoint = await aws.create_endpoint("e", model)
    async with clients.new(endpoint) as client:
        requests = [InferenceRequest(str(number), key=f"k{number}") for number in range(5)]
        outcomes = [each async for each in client.as_completed(requests, retry_failed=AT_ONCE)]

    assert {f"k{number}": str(number) for number in range(5)} == {
        outcome.key: outcome.unwrap().text for outcome in outcomes
    }
    assert 10 == len(set(model.ids))
    assert set(model.ids) == {attempt.inference_id for each in outcomes for attempt in each.attempts}
    assert {False, True} == {attempt.error is None for each in outcomes for attempt in each.attempts}
    assert 0 == left_in(queue_of(aws, endpoint))


async def test_by_polling(aws: Emulator, clients: Clients) -> None:
    """Without notifications the container's own words tell whether it may pass."""
    endpoint = await aws.create_endpoint("e", Moody(), notifications=False)
    client = await clients.open(endpoint, polling=FAST_POLLING)

    assert ["a"] == [result.text async for result in client.map(["a"], retry_failed=AT_ONCE)]


async def test_client_errors(aws: Emulator, clients: Clients) -> None:
    """What the container refused is not sent again."""
    model = Moody(400)
    endpoint = await aws.create_endpoint("e", model)
    client = await clients.open(endpoint)
    (error,) = [each async for each in client.map(["a"], retry_failed=AT_ONCE, return_exceptions=True)]

    assert isinstance(error, InferenceFailedError)
    assert 1 == model.asked[b"a"]


async def test_uploads(aws: Emulator, clients: Clients) -> None:
    """What was uploaded from memory is uploaded again; a file that was read is not."""
    model = Moody()
    endpoint = await aws.create_endpoint("e", model)
    aws.objects.create_bucket("inputs")
    client = await clients.open(endpoint, uploads=S3Uploads("s3://inputs/in/", delete="always"))
    file = InferenceRequest(io.BytesIO(b"from a file"), content_type="text/plain")
    results = client.map([b"x" * 200_000, file], retry_failed=AT_ONCE, return_exceptions=True)
    large, failed = [each async for each in results]

    assert not isinstance(large, Exception)
    assert 200_000 == large.size_bytes
    assert isinstance(failed, InferenceFailedError)
    assert "read only once" in failed.__notes__[0]


async def test_broken_model(aws: Emulator, clients: Clients) -> None:
    """A source without an end is left alone once so many have failed; the error tells the last of them."""

    async def broken(request: ModelRequest) -> Answer:
        raise ModelError(500, "no weights")

    endpoint = await aws.create_endpoint("e", broken)
    client = await clients.open(endpoint)
    taken: list[object] = []
    numbers = iter(int, 1)

    with pytest.raises(TooManyFailuresError) as caught:
        await take_all(client.as_completed(numbers, window=8, stop_after_failures=10), taken)
    assert 10 <= len(taken) <= 18
    assert len(taken) == caught.value.failures
    assert "no weights" in str(caught.value.__cause__)
