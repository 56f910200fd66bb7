"""What packing promises, whatever rows there are and whichever way the model fails on them."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.codecs import JSONLines
from aio_sm_async.errors import InferenceFailedError, InvalidRequestError, RowCountError
from aio_sm_async.fanout.options import FanOutOptions
from aio_sm_async.fanout.outcome import InferenceOutcome
from aio_sm_async.fanout.packing.pack import Pack
from aio_sm_async.fanout.packing.packing import Packing
from aio_sm_async.fanout.packing.row_result import RowResult
from aio_sm_async.fanout.presentation import present_all
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.fanout.second_try import RetryFailed
from aio_sm_async.flight import AnyFuture
from tests.fanout.stage import Counted, Stage

Fate = Literal["good", "bad", "moody", "lost", "unsendable"]


@dataclass(frozen=True)
class Plan:
    """What happens to each row, and how they travel."""

    fates: tuple[Fate, ...]
    max_rows: int
    window: int | None
    in_order: bool
    is_async: bool
    retries: bool


PLANS = st.builds(
    Plan,
    fates=st.lists(
        st.sampled_from(["good", "good", "good", "bad", "moody", "lost", "unsendable"]), max_size=20
    ).map(tuple),
    max_rows=st.integers(1, 9),
    window=st.none() | st.integers(1, 20),
    in_order=st.booleans(),
    is_async=st.booleans(),
    retries=st.booleans(),
)


class Model(Stage):
    """Answers at once: fails on bad rows, on moody ones when it sees them first, and loses others."""

    def __init__(self, fates: tuple[Fate, ...]) -> None:
        super().__init__()
        self.fates = fates
        self.asked: Counter[object] = Counter()

    async def send(self, payload: object) -> AnyFuture:
        future = await super().send(payload)
        assert isinstance(payload, bytes)
        self.asked[payload] += 1
        rows = [int(line) for line in payload.splitlines()]
        fates = [self.fates[row] for row in rows]
        if "bad" in fates:
            await self.fail(payload)
        elif "moody" in fates and self.asked[payload] == 1:
            self.in_flight.pop(payload).fail(InferenceFailedError("id", "e", "Received server error (500)"))
        else:
            kept = [row for row, fate in zip(rows, fates, strict=True) if fate != "lost"]
            self.answer(payload, b"".join(b"%d\n" % (row + 100) for row in kept))
        return future


async def play(plan: Plan) -> tuple[list[InferenceOutcome[RowResult]], Model]:
    async with Model(plan.fates) as model:
        rows = Counted(
            InferenceRequest(math.nan if fate == "unsendable" else number, key=str(number))
            for number, fate in enumerate(plan.fates)
        )
        options: FanOutOptions = {"window": plan.window}
        if plan.retries:
            options["retry_failed"] = RetryFailed(attempts=2, base_seconds=0.0)
        fan_out = model.fan_outs.open_packed(
            rows.asynchronous() if plan.is_async else rows.sync(),
            options,
            Packing(Pack(max_rows=plan.max_rows), JSONLines()),
            model.prepare,
            present_all,
            in_order=plan.in_order,
        )
        outcomes = [outcome async for outcome in fan_out]

        failed = sum(outcome.error is not None for outcome in outcomes)
        assert (len(outcomes), failed, 0) == (
            fan_out.progress.done,
            fan_out.progress.failed,
            fan_out.progress.in_flight,
        )
        assert len(model.fan_outs) == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return outcomes, model


def dearest(plan: Plan) -> int:
    """How many calls it may take at most: each pack halved down to its rows, each twice if it is retried."""
    runs = [
        len(list(run)) for sendable, run in groupby(plan.fates, lambda fate: fate != "unsendable") if sendable
    ]
    return sum(2 * rows for rows in runs) * (2 if plan.retries else 1)


@given(PLANS)
def test_whatever_happens(plan: Plan) -> None:
    """Each row has its own outcome, once, by its own fate and nobody else's; the calls are bounded."""
    outcomes, model = asyncio.run(play(plan))
    indexes = [outcome.index for outcome in outcomes]
    errors = {"bad": InferenceFailedError, "lost": RowCountError, "unsendable": InvalidRequestError}

    assert list(range(len(plan.fates))) == (indexes if plan.in_order else sorted(indexes))
    for outcome in outcomes:
        fate = plan.fates[outcome.index]
        assert str(outcome.index) == outcome.key
        if fate in errors:
            assert type(outcome.error) is errors[fate]
        elif fate == "good" or plan.retries:
            assert outcome.unwrap().value == outcome.index + 100
        assert (outcome.attempts == ()) is (fate == "unsendable")
        assert all(attempt.error for attempt in outcome.attempts[:-1])
        assert all(attempt.error is outcome.error for attempt in outcome.attempts[-1:])
    assert model.asked.total() <= dearest(plan)
