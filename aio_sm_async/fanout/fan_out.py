"""What callers hold of a `map` or `as_completed`, and what the client holds of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sized
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from aio_sm_async.clock import Clock
from aio_sm_async.fanout.backlog import Backlog, Item, Result
from aio_sm_async.fanout.failure_limit import FailureLimit
from aio_sm_async.fanout.intake import Inflow, Intake, Source
from aio_sm_async.fanout.keys import Keys
from aio_sm_async.fanout.options import FanOutOptions, Limits
from aio_sm_async.fanout.outcome import InferenceOutcome
from aio_sm_async.fanout.packing.gathering import Gathering
from aio_sm_async.fanout.packing.packing import Packing
from aio_sm_async.fanout.packing.review import Review
from aio_sm_async.fanout.packing.row_result import RowResult
from aio_sm_async.fanout.packing.unpacking import Places, Unpacking
from aio_sm_async.fanout.prepared import Prepare
from aio_sm_async.fanout.progress import FanOutProgress, Tally
from aio_sm_async.fanout.progress_bar import ProgressBar
from aio_sm_async.fanout.run import Run
from aio_sm_async.fanout.second_try import SecondTries
from aio_sm_async.protocol.turns import FirstDone, InOrder, Turns
from aio_sm_async.protocol.window import Window
from aio_sm_async.supervision import Supervisor

T = TypeVar("T")
Y = TypeVar("Y")

MORE_SENDERS = 8
"""So many more requests than may be open are made ready, so that none is waited for."""


class Outcomes(Protocol[T]):
    """What a fan-out hands out: `Run`, or `Unpacking`."""

    loop: asyncio.AbstractEventLoop

    @property
    def tally(self) -> Tally:
        """How far it has come."""
        ...

    async def next(self) -> InferenceOutcome[T]:
        """The next outcome; `StopAsyncIteration` at the end."""
        ...

    def take(self) -> None:
        """What was handed out last is taken, and told to nobody again, whether more is asked for or not."""
        ...

    async def aclose(self) -> None:
        """Abandon what is in flight, close the source, drop what was not handed out."""
        ...

    def abandon(self) -> object:
        """The same, soon."""
        ...


class FanOut(Generic[Y]):
    """Iterate over it with ``async for``. Nothing is pulled or sent before the first step.

    Leave it when you like: what is in flight is abandoned then, and the source closed. That is done for you
    when the loop that made it is left, and at the latest when the client closes; ``async with`` and `aclose`
    also wait for it. Several tasks may iterate over one: each outcome goes to one of them.
    """

    def __init__(self, run: Outcomes[T], present: Callable[[InferenceOutcome[T]], Y]) -> None:
        self._run = run
        self._next = partial(_next, run, present)

    def __repr__(self) -> str:
        return f"<FanOut {self._run!r}>"

    @property
    def progress(self) -> FanOutProgress:
        """How far it has come: a snapshot."""
        return self._run.tally.now

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Y:
        return await self._next()

    async def aclose(self) -> None:
        """Abandon what is in flight and close the source. What was not handed out is dropped."""
        await self._run.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # A loop that was left holds it no more: nobody can ask for the rest.
        with suppress(RuntimeError):  # the event loop is closed, and all with it
            self._run.loop.call_soon_threadsafe(self._run.abandon)


async def _next(run: Outcomes[T], present: Callable[[InferenceOutcome[T]], Y]) -> Y:
    outcome = await run.next()
    try:
        return present(outcome)
    except Exception:
        run.take()  # it is raised: whoever sees it has it
        await run.aclose()
        raise


class FanOuts:
    """Opens the fan-outs of one client, and closes those that are left.

    Args:
        supervisor: Runs their tasks.
        clock: Time.
        max_in_flight: No window is larger.
        max_concurrent_requests: How many requests may be open at once.
    """

    def __init__(
        self, supervisor: Supervisor, clock: Clock, *, max_in_flight: int, max_concurrent_requests: int
    ) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._max_sending = max_concurrent_requests + MORE_SENDERS
        self._runs: set[Run] = set()

    def __len__(self) -> int:
        return len(self._runs)

    def open(
        self,
        source: Source,
        options: FanOutOptions,
        prepare: Prepare,
        present: Callable[[InferenceOutcome[Result]], Y],
        *,
        in_order: bool,
        is_resumable: bool = False,
        begin: Callable[[], Awaitable[None]] | None = None,
        is_new: Callable[[str], bool] | None = None,
    ) -> FanOut[Y]:
        """A new one, which begins when it is iterated over.

        Args:
            source: The items.
            options: How far to run ahead, and what holds for all requests.
            prepare: Checks one request; what it raises is that item's outcome.
            present: Makes of an outcome what is handed out; what it raises ends it all.
            in_order: Hand out in the order of the source; if not, first done first.
            is_resumable: Whether keys are remembered, so that no two items may share one.
            begin: Waited for before the first item is pulled; what it raises ends it all.
            is_new: Whether a key is one that no item had before, where that is asked of all.

        Raises:
            InvalidRequestError: The options cannot work.
            TypeError: The source is nothing to iterate over.
        """
        limits = Limits.of(options, max_in_flight=self._max_in_flight)
        run = self._run(
            Intake(source),
            tally=_tally(source, options),
            options=options,
            limits=limits,
            failure_limit=FailureLimit(options.get("stop_after_failures")),
            prepare=prepare,
            keys=Keys(options.get("key"), is_unique=is_resumable, is_new=is_new),
            in_order=in_order,
            begin=begin,
        )
        return FanOut(run, present)

    def open_packed(
        self,
        source: Source,
        options: FanOutOptions,
        packing: Packing,
        prepare: Prepare,
        present: Callable[[InferenceOutcome[RowResult]], Y],
        *,
        in_order: bool,
        is_resumable: bool = False,
    ) -> FanOut[Y]:
        """The same for rows, many of which travel in one invocation.

        Args:
            source: The rows.
            options: As above; a window of rows.
            packing: How they travel.
            prepare: As above.
            present: As above, of each row.
            in_order: As above.
            is_resumable: As above.

        Raises:
            InvalidRequestError: The options cannot work.
            TypeError: The source is nothing to iterate over.
        """
        limits = Limits.of(options, max_in_flight=self._max_in_flight)
        if options.get("window") is not None:
            packing, limits = packing.within(limits)
        limit = FailureLimit(options.get("stop_after_failures"))
        review = Review(
            packing.codec,
            prepare,
            SecondTries(options.get("retry_failed"), self._clock),
            limit,
            accept=options.get("accept"),
        )
        places = Places(
            Gathering(
                Intake(source),
                packing.pack,
                packing.codec,
                self._clock,
                keys=Keys(options.get("key"), is_unique=False),
            )
        )
        run = self._run(
            places,
            tally=_tally(source, options),
            options=options,
            limits=limits,
            failure_limit=limit,
            prepare=review.prepare,
            keys=Keys(None, is_unique=is_resumable),
            in_order=in_order,
        )
        return FanOut(Unpacking(run, places, review), present)

    def _run(
        self,
        inflow: Inflow,
        *,
        tally: Tally,
        options: FanOutOptions,
        limits: Limits,
        failure_limit: FailureLimit,
        prepare: Prepare,
        keys: Keys,
        in_order: bool,
        begin: Callable[[], Awaitable[None]] | None = None,
    ) -> Run:
        turns: Turns[Item] = InOrder() if in_order else FirstDone()
        run = Run(
            inflow,
            prepare,
            keys=keys,
            begin=begin,
            backlog=Backlog(turns, Window(limits.items, limits.bytes)),
            max_sending=self._max_sending,
            supervisor=self._supervisor,
            tally=tally,
            second_tries=SecondTries(options.get("retry_failed"), self._clock),
            failure_limit=failure_limit,
            when_over=self._forget,
        )
        self._runs.add(run)
        return run

    def _forget(self, run: Run) -> None:
        self._runs.discard(run)
        run.tally.close()

    async def aclose(self) -> None:
        """End all. Whoever iterates over one gets what is done, then `ClientClosedError`."""
        for run in tuple(self._runs):
            await run.fail()


def _tally(source: Source, options: FanOutOptions) -> Tally:
    progress = options.get("progress")
    if progress is True:
        bar = ProgressBar(len(source) if isinstance(source, Sized) else None)
        return Tally(bar, bar.close)
    return Tally(progress or None)
