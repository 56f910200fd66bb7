"""When too many have failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aio_sm_async.errors import ClientClosedError, InferenceFailedError, TooManyFailuresError
from aio_sm_async.fanout.failure_limit import FailureLimit
from tests.fanout.stage import Counted, Stage, steps, take_all


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


def test_counting() -> None:
    """From the one too many on, the error tells how many there are, and the last of them."""
    limit, last = FailureLimit(2), ValueError("the third")
    first = limit.failed(ValueError())
    second = limit.failed(ValueError())
    closed = limit.failed(ClientClosedError("closed"))
    third = limit.failed(last)

    assert (None, None) == (first, closed)
    assert isinstance(second, TooManyFailuresError)
    assert second is third
    assert (3, 2, last) == (second.failures, second.limit, second.__cause__)
    assert "3 items failed, and stop_after_failures is 2" in str(second)


def test_without_a_limit() -> None:
    """However many fail, it goes on."""
    limit = FailureLimit(None)

    assert {None} == {limit.failed(ValueError()) for _ in range(1000)}


async def test_nothing_more_is_pulled(stage: Stage) -> None:
    """A source without an end is left alone once enough have failed; what is in flight is handed out."""
    source = Counted(iter(int, 1))
    numbers = (f"{number} {item}" for number, item in enumerate(source.sync()))
    outcomes = stage.as_completed(numbers, window=4, stop_after_failures=2)
    taken = [asyncio.ensure_future(anext(outcomes)) for _ in range(2)]
    await steps(30)
    await stage.fail("0 0")
    await stage.fail("1 0")
    await asyncio.gather(*taken)
    await steps(30)
    pulled = source.pulled
    await stage.settle("2 0", "3 0", "4 0")

    assert 5 == pulled  # four, and one in the place of the first that had failed
    assert [2, 3, 4] == [(await anext(outcomes)).index for _ in range(3)]
    with pytest.raises(TooManyFailuresError) as caught:
        await anext(outcomes)
    assert isinstance(caught.value.__cause__, InferenceFailedError)
    with pytest.raises(StopAsyncIteration):
        await anext(outcomes)


async def test_source_that_is_slow(stage: Stage) -> None:
    """An item that comes after the limit is dropped, and the end does not wait for the next one."""
    never = asyncio.Event()

    async def slow() -> AsyncIterator[str]:
        yield "bad"
        await never.wait()

    taken: list[object] = []
    with pytest.raises(TooManyFailuresError):
        await take_all(stage.map_either(slow(), stop_after_failures=1), taken)

    assert 1 == len(taken)


async def test_item_that_comes_late(stage: Stage) -> None:
    """What the source gives after the limit was reached is not sent."""
    gate = asyncio.Event()

    async def slow() -> AsyncIterator[str]:
        yield "a"
        yield "b"
        await gate.wait()
        yield "c"

    results = stage.map_either(slow(), stop_after_failures=1)
    first = asyncio.ensure_future(anext(results))
    await steps()
    await stage.fail("a")
    gate.set()
    await steps()
    await stage.settle("b")

    assert isinstance(await first, InferenceFailedError)
    assert 2 == stage.sent
    with pytest.raises(TooManyFailuresError):
        await take_all(results, [])


async def test_failures_after_the_end_of_the_source(stage: Stage) -> None:
    """A source that is at its end does not hide that its items failed."""
    results = stage.map_either(["bad 1", "bad 2", "bad 3"], stop_after_failures=3)
    taken: list[object] = []

    with pytest.raises(TooManyFailuresError, match="3 items failed"):
        await take_all(results, taken)
    assert 3 == len(taken)


async def test_body_that_is_gone_counts(stage: Stage) -> None:
    """A result that could not be read again when its turn came is a failure, too."""
    results = stage.map_either(["a", "b", "c"], max_buffered_bytes=10, stop_after_failures=1)
    first = asyncio.ensure_future(anext(results))
    await steps()
    await stage.settle("c", "b", "a", size_bytes=8)
    stage.bucket.objects.clear()
    await first

    with pytest.raises(TooManyFailuresError):
        await take_all(results, [])


async def test_source_that_breaks_first(stage: Stage) -> None:
    """Its own error is what the fan-out ends with."""
    source = Counted(["bad 1"], error=RuntimeError("the file is broken"))

    with pytest.raises(RuntimeError, match="the file is broken"):
        await take_all(stage.map_either(source.sync(), window=1, stop_after_failures=2), [])
