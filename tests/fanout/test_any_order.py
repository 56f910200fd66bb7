"""A fan-out's promises, whatever order things happen in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.fanout.outcome import InferenceOutcome
from tests.fanout.stage import BAD, REFUSED, Counted, Stage, steps, text_of

Fate = Literal["done", "failed", "refused", "bad"]


@dataclass(frozen=True)
class Plan:
    """What happens to whom; the seed says when."""

    fates: tuple[Fate, ...]
    window: int
    max_buffered_bytes: int
    in_order: bool
    is_async: bool
    breaks: bool
    leaves_after: int | None
    seed: int


PLANS = st.builds(
    Plan,
    fates=st.lists(st.sampled_from(["done", "done", "done", "failed", "refused", "bad"]), max_size=25).map(
        tuple
    ),
    window=st.integers(1, 8),
    max_buffered_bytes=st.sampled_from([1, 50, 10_000]),
    in_order=st.booleans(),
    is_async=st.booleans(),
    breaks=st.booleans(),
    leaves_after=st.none() | st.integers(0, 25),
    seed=st.integers(0, 2**32),
)


def payload_of(index: int, fate: Fate) -> object:
    """The stage refuses by name."""
    return {"bad": f"{BAD} {index}", "refused": f"{REFUSED} {index}"}.get(fate, f"{fate} {index}")


class Play:
    """One plan, played on a stage."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dice = Random(plan.seed)
        payloads = [payload_of(index, fate) for index, fate in enumerate(plan.fates)]
        self.error = OSError("the source broke") if plan.breaks else None
        self.source = Counted(payloads, error=self.error)
        self.taken: list[tuple[int, str]] = []
        self.raised: Exception | None = None

    async def run(self) -> None:
        async with Stage(max_concurrent_requests=self.dice.randint(1, 3)) as stage:
            consumer = asyncio.ensure_future(self.consume(stage))
            while not consumer.done():
                await self.happen(stage)
            await consumer
            while stage.fan_outs:
                await steps(1)

            assert stage.sending == 0
            assert {f"id-{payload!r}" for payload in stage.in_flight} <= set(stage.abandoned)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def happen(self, stage: Stage) -> None:
        """One thing, now or a little later."""
        await asyncio.sleep(0)
        if stage.in_flight and self.dice.random() < 0.5:
            payload = self.dice.choice(list(stage.in_flight))
            if str(payload).startswith("failed"):
                await stage.fail(payload, response=b"x" * self.dice.choice([0, 30]))
            else:
                await stage.settle(payload, size_bytes=self.dice.choice([10, 40]))

    async def consume(self, stage: Stage) -> None:
        """Take as many as the plan says; the fan-out is dropped then, as a loop does that is left."""
        plan, source = self.plan, self.source
        pulls = source.asynchronous() if plan.is_async else source.sync()
        if plan.leaves_after == 0:
            return
        limits = {"window": plan.window, "max_buffered_bytes": plan.max_buffered_bytes}
        try:
            if plan.in_order:
                async for result in stage.map_either(pulls, **limits):  # type: ignore[arg-type]
                    text = type(result).__name__ if isinstance(result, Exception) else text_of(result)
                    if await self.took(len(self.taken), text):
                        break
            else:
                async for outcome in stage.as_completed(pulls, **limits):  # type: ignore[arg-type]
                    if await self.took(outcome.index, text_in(outcome)):
                        break
        except OSError as error:
            self.raised = error

    async def took(self, index: int, text: str) -> bool:
        self.taken.append((index, text))
        self.source.taken += 1
        if self.dice.random() < 0.3:
            await asyncio.sleep(0)
        return len(self.taken) == self.plan.leaves_after


def text_in(outcome: InferenceOutcome[object]) -> str:
    return type(outcome.error).__name__ if outcome.error else text_of(outcome.result)  # type: ignore[arg-type]


def expected(plan: Plan) -> list[tuple[int, str]]:
    """What should become of each item."""
    errors = {"failed": "InferenceFailedError", "refused": "ConnectionError", "bad": "InvalidRequestError"}
    return [(index, errors.get(fate, f"done {index}")) for index, fate in enumerate(plan.fates)]


@given(PLANS)
def test_whatever_happens(plan: Plan) -> None:
    """Each item is handed out once, in its turn, within the window; who leaves early leaves nothing."""
    play = Play(plan)
    asyncio.run(play.run())
    wanted = expected(plan)
    leaves = plan.leaves_after is not None and plan.leaves_after <= len(wanted)

    assert play.source.most_ahead <= plan.window
    if plan.in_order:
        assert play.taken == wanted[: len(play.taken)]
    else:
        assert len({index for index, _ in play.taken}) == len(play.taken)
        assert set(play.taken) <= set(wanted)
    if leaves:
        assert len(play.taken) == plan.leaves_after
        assert play.source.is_closed or play.source.pulled == 0
    else:
        assert len(play.taken) == len(wanted)
        assert play.raised is play.error
