"""Packs become rows again."""

from __future__ import annotations

import asyncio

from aio_sm_async.codecs import JSONLines
from aio_sm_async.fanout.fan_out import FanOut
from aio_sm_async.fanout.outcome import InferenceOutcome
from aio_sm_async.fanout.packing.pack import Pack
from aio_sm_async.fanout.packing.packing import Packing
from aio_sm_async.fanout.packing.row_result import RowResult
from aio_sm_async.fanout.presentation import present_all
from tests.fanout.stage import Stage, steps


def packed(stage: Stage, count: int) -> FanOut[InferenceOutcome[RowResult]]:
    packing = Packing(Pack(max_rows=2), JSONLines())
    return stage.fan_outs.open_packed(range(count), {}, packing, stage.prepare, present_all, in_order=True)


async def test_a_pack_is_taken_with_its_last_row() -> None:
    """Its message is acknowledged once somebody asks for the row after it, not before."""
    async with Stage() as stage:
        outcomes = packed(stage, 4)
        first = asyncio.ensure_future(anext(outcomes))
        await steps(20)
        stage.answer(b"0\n1\n", b"10\n11\n")
        stage.answer(b"2\n3\n", b"12\n13\n")
        values = [(await first).unwrap().value, (await anext(outcomes)).unwrap().value]
        before = list(stage.taken)
        values.append((await anext(outcomes)).unwrap().value)

        assert [10, 11, 12] == values
        assert ([], 1) == (before, len(stage.taken))
        assert "1 rows ready" in repr(outcomes)


async def test_consumers_share_rows() -> None:
    """Tasks that iterate over one get each row once, and all end with it."""
    async with Stage() as stage:
        outcomes = packed(stage, 4)

        async def consume() -> list[int]:
            return [outcome.index async for outcome in outcomes]

        consumers = [asyncio.ensure_future(consume()) for _ in range(3)]
        await steps(30)
        stage.answer(b"2\n3\n", b"12\n13\n")
        stage.answer(b"0\n1\n", b"10\n11\n")
        shares = await asyncio.gather(*consumers)

        assert [0, 1, 2, 3] == sorted(index for share in shares for index in share)


async def test_left_by_nobody_holding_it() -> None:
    """A fan-out of rows that nobody holds any more abandons what is in flight."""
    async with Stage() as stage:
        outcomes = packed(stage, 4)
        first = asyncio.ensure_future(anext(outcomes))
        await steps(20)
        stage.answer(b"0\n1\n", b"10\n11\n")
        await first
        del outcomes, first
        await steps(20)

        assert 0 == len(stage.fan_outs)
        assert 1 == len(set(stage.abandoned) - set(stage.taken) - {"id-b'0\\n1\\n'"})
