"""What is done about packs that failed, and what is held meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Unpack

import pytest

from aio_sm_async.codecs import JSONLines
from aio_sm_async.errors import DecodeError, InferenceFailedError, TooManyFailuresError
from aio_sm_async.fanout.fan_out import FanOut
from aio_sm_async.fanout.options import FanOutOptions
from aio_sm_async.fanout.outcome import InferenceOutcome
from aio_sm_async.fanout.packing.pack import Pack
from aio_sm_async.fanout.packing.packing import Packing
from aio_sm_async.fanout.packing.parcel import Parted, RowOutcome
from aio_sm_async.fanout.packing.row_result import RowResult
from aio_sm_async.fanout.prepared import Prepared
from aio_sm_async.fanout.presentation import present_all
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.fanout.second_try import RetryFailed
from aio_sm_async.flight import AnyFuture
from tests.fanout.stage import Counted, Stage, steps, take_all

AGAIN = RetryFailed(attempts=2, when=lambda _: True, base_seconds=0.0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


def packed(
    stage: Stage, rows: Iterable[object], **options: Unpack[FanOutOptions]
) -> FanOut[InferenceOutcome[RowResult]]:
    packing = Packing(Pack(max_rows=2), JSONLines())
    return stage.fan_outs.open_packed(rows, options, packing, stage.prepare, present_all, in_order=False)


@pytest.mark.parametrize("retry_failed", [None, AGAIN])
async def test_nothing_is_sent_again_once_too_many_failed(
    stage: Stage, retry_failed: RetryFailed | None
) -> None:
    """Packs that fail after the limit was reached fail whole: no halves, no second tries."""
    outcomes = packed(stage, range(5), stop_after_failures=1, retry_failed=retry_failed)
    taken: list[InferenceOutcome[RowResult]] = []
    taking = asyncio.ensure_future(take_all(outcomes, taken))
    await steps(40)
    for _ in range(1 if retry_failed is None else 2):
        await stage.fail(b"4\n")
        await steps(40)
    sent = stage.sent
    await stage.fail(b"0\n1\n")
    await stage.fail(b"2\n3\n")
    with pytest.raises(TooManyFailuresError):
        await taking

    assert (5, sent) == (len(taken), stage.sent)
    assert taken[1].error is taken[2].error


async def test_halves_are_not_sent_again_once_too_many_failed(stage: Stage) -> None:
    """Nor are the halves of a pack that were under way by then."""
    outcomes = packed(stage, range(3), stop_after_failures=1, retry_failed=AGAIN)
    taken: list[InferenceOutcome[RowResult]] = []
    taking = asyncio.ensure_future(take_all(outcomes, taken))
    await steps(40)
    for _ in range(2):
        await stage.fail(b"0\n1\n")
        await steps(40)
    for _ in range(2):
        await stage.fail(b"2\n")
        await steps(40)
    sent = stage.sent
    await stage.fail(b"0\n")
    await stage.fail(b"1\n")
    with pytest.raises(TooManyFailuresError):
        await taking

    assert (3, sent) == (len(taken), stage.sent)


async def test_rows_are_held_until_their_outcome(stage: Stage) -> None:
    """They may have to be sent again in halves, so their bytes hold up the source."""
    source = Counted(range(10))
    outcomes = packed(stage, source.sync(), max_buffered_bytes=4)
    first = asyncio.ensure_future(anext(outcomes))
    await steps(40)
    pulled = source.pulled
    stage.answer(b"0\n1\n", b"0\n1\n")
    await first
    await steps(40)

    assert (2, 4) == (pulled, source.pulled)


async def test_what_is_held_of_a_pack_that_was_halved(stage: Stage) -> None:
    """The body that rows share counts once, the words of each failure too."""
    result = stage.result("a", size_bytes=30)
    failed = InferenceFailedError("id", "endpoint", "smudged", response=b"x" * 5)
    unread = DecodeError("no rows", body=b"y" * 7, content_type=None)
    parted = Parted(
        ValueError(),
        [
            RowOutcome(RowResult(1, result, 0), ()),
            RowOutcome(RowResult(2, result, 1), ()),
            RowOutcome(failed, ()),
            RowOutcome(unread, ()),
        ],
    )

    assert (42, (failed, unread)) == (parted.size_bytes, parted.errors)


async def test_it_holds_up_the_source(stage: Stage) -> None:
    """Nothing is pulled while the answers to halves that nobody takes are too much."""
    source = Counted(range(10))
    packing = Packing(Pack(max_rows=2), JSONLines())
    options: FanOutOptions = {"max_buffered_bytes": 100, "window": 6}
    outcomes = stage.fan_outs.open_packed(
        source.sync(), options, packing, stage.prepare, present_all, in_order=True
    )
    first = asyncio.ensure_future(anext(outcomes))
    await steps(40)
    await stage.fail(b"4\n5\n")
    await steps(40)
    for row in (b"4\n", b"5\n"):
        stage.answer(row, row.strip().ljust(60))
    await steps(40)
    stage.answer(b"0\n1\n", b"0\n1\n")
    await first
    await steps(40)

    assert 6 == source.pulled


@pytest.mark.parametrize(("accept", "asked"), [(None, "application/jsonlines"), ("text/csv", "text/csv")])
async def test_what_is_asked_for(stage: Stage, accept: str | None, asked: str) -> None:
    """The answer is asked for in the format of the rows, unless the caller asks for another."""
    requests: list[InferenceRequest] = []

    def prepare(
        request: InferenceRequest, key: str | None, index: int = 0, /, *, replaces: AnyFuture | None = None
    ) -> Prepared:
        requests.append(request)
        raise ValueError

    packing = Packing(Pack(), JSONLines())
    outcomes = stage.fan_outs.open_packed(
        [1], {"accept": accept}, packing, prepare, present_all, in_order=True
    )
    await anext(outcomes)

    assert [{"content_type": "application/jsonlines", "accept": asked}] == [each.options for each in requests]


async def test_keys_are_those_of_rows(stage: Stage) -> None:
    """A key is made of each row, and one that cannot be made is that row's own failure."""

    def name(row: object) -> str:
        assert isinstance(row, int)
        return f"row {6 // row}"

    outcomes = packed(stage, [2, 0, 3], key=name)
    first = asyncio.ensure_future(anext(outcomes))
    await steps(40)
    stage.answer(b"2\n", b"12\n")
    stage.answer(b"3\n", b"13\n")
    taken = [await first, *[outcome async for outcome in outcomes]]

    assert {(0, "row 3", 12), (1, None, None), (2, "row 2", 13)} == {
        (each.index, each.key, each.result and each.result.value) for each in taken
    }
