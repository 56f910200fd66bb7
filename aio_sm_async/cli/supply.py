"""Where the outcomes of a run come from: items that are sent, or a journal of what was sent before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Protocol

from aio_sm_async.cli.feed import Feed, Place
from aio_sm_async.cli.plan import Plan
from aio_sm_async.cli.sinks import Result
from aio_sm_async.cli.sources import ItemSource
from aio_sm_async.client import AsyncInferenceClient
from aio_sm_async.fanout import FanOutOptions, InferenceOutcome, RetryFailed
from aio_sm_async.future import InferenceFuture

Outcome = InferenceOutcome[Result]


class Supply(Protocol):
    """Gives the outcomes of a run, one after the other."""

    @property
    def is_at_end(self) -> bool:
        """Whether there are no more items, and not only because the run was stopped."""
        ...

    @property
    def in_hand(self) -> int:
        """How many items were begun and have no outcome yet."""
        ...

    def take_place(self, key: str) -> Place:
        """Where the item of this key came from; it is out of hand now."""
        ...

    def outcomes(self, client: AsyncInferenceClient) -> AsyncIterator[Outcome]:
        """The outcomes. Whoever asks for the next has taken the one before: it is not told again."""
        ...

    async def count(self) -> int | None:
        """How many there are; None if only getting them would tell."""
        ...


class FromSource:
    """Sends the items of a source.

    Args:
        feed: The items that are to be sent.
        source: Where they come from.
        plan: How.
    """

    def __init__(self, feed: Feed, source: ItemSource, plan: Plan) -> None:
        self._feed = feed
        self._source = source
        self._plan = plan
        self.take_place: Callable[[str], Place] = feed.take_place

    @property
    def is_at_end(self) -> bool:
        """Whether the source was read to its end."""
        return self._feed.is_at_end

    @property
    def in_hand(self) -> int:
        """How many items were given to the client and did not come back."""
        return self._feed.in_hand

    def outcomes(self, client: AsyncInferenceClient) -> AsyncIterator[Outcome]:
        """What becomes of them, in the order that the plan wants."""
        plan = self._plan
        options: FanOutOptions = {
            "job": plan.job,
            "version": plan.version,
            "retry_failed": RetryFailed(plan.attempts) if plan.attempts else None,
            "stop_after_failures": plan.stop_after_failures,
        }
        if not plan.is_in_order:
            return client.as_completed(self._feed.requests(), **options)
        # `map` would give bare results, of which nobody could tell which item they belong to.
        return client._fan_out(  # noqa: SLF001
            self._feed.requests(), options, lambda outcome: outcome, in_order=True
        )

    async def count(self) -> int | None:
        """How many items there are, those that the plan leaves out not among them."""
        total, limit = await self._source.count(), self._plan.limit
        return total if total is None or limit is None else min(total, limit)


class FromJournal:
    """Waits for what the client's journal holds; nothing is sent."""

    def __init__(self) -> None:
        self._found = 0
        self._told = 0
        self.is_at_end = False

    @property
    def in_hand(self) -> int:
        """How many are waited for."""
        return self._found - self._told

    def take_place(self, key: str) -> Place:  # noqa: ARG002 - the journal does not know places
        """The journal: it does not know which place the item had in its source."""
        return None, "journal"

    async def count(self) -> int | None:
        """How many there are; unknown until all were taken up."""
        return None

    async def outcomes(self, client: AsyncInferenceClient) -> AsyncGenerator[Outcome, None]:
        """Their outcomes, first done first."""
        done: asyncio.Queue[InferenceFuture[Result]] = asyncio.Queue()
        async with aclosing(client.recover()) as futures:
            async for future in futures:
                self._found += 1
                future.add_done_callback(done.put_nowait)
        self.is_at_end = True
        while self._told < self._found:
            future = await done.get()
            # A look, no more: it counts as taken once it is written.
            error, value = future._error, future._value  # noqa: SLF001
            assert error is None or isinstance(error, Exception)
            self._told += 1
            yield InferenceOutcome(0, future.key or future.inference_id, value, error)
            future.exception()
