"""The work behind one `FanOut`: pulls items from the source, sends them, and waits for what becomes of them.

One task pulls, one task runs for each request that is being sent, and none for what waits for its completion.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

from aio_sm_async.errors import ClientClosedError, InvalidRequestError, JournalError
from aio_sm_async.fanout.backlog import Backlog, Item, Result, Review
from aio_sm_async.fanout.failure_limit import FailureLimit
from aio_sm_async.fanout.intake import Inflow
from aio_sm_async.fanout.keys import Keys
from aio_sm_async.fanout.outcome import Attempt, InferenceOutcome
from aio_sm_async.fanout.packing.parcel import Parcel, Parted
from aio_sm_async.fanout.prepared import Prepare, Prepared
from aio_sm_async.fanout.progress import Tally
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.fanout.second_try import SecondTries
from aio_sm_async.flight import AnyFuture
from aio_sm_async.protocol.request import MAX_INLINE_BYTES
from aio_sm_async.results import InferenceResult
from aio_sm_async.supervision import Supervisor, is_being_cancelled

logger = logging.getLogger("aio_sm_async")

PULLS_IN_A_ROW = 16
"""After so many, others get the loop, even if neither source nor window made it wait."""

ABANDONS_IN_A_ROW = 100


class Run:
    """From the first pull to the last outcome, or to the moment that somebody stops it.

    Args:
        intake: The source.
        prepare: Checks one request; what it raises is that item's outcome.
        begin: Waited for before the first item is pulled; what it raises ends it all. None for nothing.
        keys: Tells items apart.
        backlog: Holds the items.
        max_sending: How many requests may be on their way to SageMaker at once.
        supervisor: Runs the tasks.
        tally: Counts.
        second_tries: Decides what is sent again.
        failure_limit: Tells when too many have failed.
        when_over: Called once nothing is left to be closed.
    """

    def __init__(
        self,
        intake: Inflow,
        prepare: Prepare,
        *,
        begin: Callable[[], Awaitable[None]] | None,
        keys: Keys,
        backlog: Backlog,
        max_sending: int,
        supervisor: Supervisor,
        tally: Tally,
        second_tries: SecondTries,
        failure_limit: FailureLimit,
        when_over: Callable[[Run], None],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.tally = tally
        self._intake = intake
        self._prepare = prepare
        self._begin = begin
        self._keys = keys
        self._backlog = backlog
        self._max_sending = max_sending
        self._supervisor = supervisor
        self._second_tries = second_tries
        self._failure_limit = failure_limit
        self._when_over = when_over
        self._sending = 0
        self._handed_out: AnyFuture | None = None
        self._end: BaseException | None = None
        self._is_started = False
        # Ended: nothing more is pulled. Over: nothing more is handed out either.
        self._is_ended = False
        self._is_over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping: asyncio.Task[None] | None = None
        # The consumer waits for the one, the pulling task for the other.
        self._is_ready = asyncio.Event()
        self._has_moved = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def __repr__(self) -> str:
        state = "over" if self._is_over else repr(self._backlog)
        return f"<Run {self._backlog.entered} pulled, {state}>"

    # What the consumer does

    async def next(self) -> InferenceOutcome[Result]:
        """The outcome whose turn it is. Whoever is cancelled while waiting for it has lost nothing.

        Raises:
            StopAsyncIteration: All have been handed out.
            BaseException: The source's own; all that came out of it before has been handed out.
        """
        async with self._one_at_a_time:
            self._start()
            self.take()
            item = await self._wait_first()
            if item is not None and item.left_bytes:
                await self._recall(item)
            if self._is_over:
                raise StopAsyncIteration
            if item is None:
                await self.aclose()
                raise self._end or StopAsyncIteration
            self._handed_out = item.future
            self._keys.exit(item.key)
            self._has_moved.set()
            return self._backlog.hand_out(item)

    async def aclose(self) -> None:
        """Abandon what is in flight, close the source, drop what was not handed out."""
        await asyncio.shield(self.abandon())  # others wait for it too

    def abandon(self) -> asyncio.Task[None]:
        """The same, soon."""
        self._is_over = True
        self._is_ready.set()
        return self._stop()

    async def fail(self) -> None:
        """The client was closed: what has no outcome fails with that, and nothing more is pulled."""
        await asyncio.sleep(0)  # the futures that it has failed call back first: their errors have tokens
        for item in self._backlog.unsettled:
            self._settle(item, ClientClosedError("the client was closed before the request was accepted"))
        self._end_with(ClientClosedError("the client was closed before the source was at its end"))
        await asyncio.shield(self._stop())

    def _start(self) -> None:
        if not self._is_started and not self._is_ended and not self._is_over:
            self._is_started = True
            self._spawn(self._pull())

    async def _wait_first(self) -> Item | None:
        while not self._is_over:
            item = self._backlog.first()
            if item is not None:
                return item
            if self._is_ended and self._backlog.is_settled:
                return None
            self._is_ready.clear()
            self._has_moved.set()  # those whose turn has passed without them have made room
            await self._is_ready.wait()
        return None

    async def _recall(self, item: Item) -> None:
        await self._backlog.recall(item)
        if isinstance(item.outcome, Exception):
            self.tally.failed_late(item.count)
            self._count_failures(item.outcome, item.count)

    def take(self) -> None:
        """Whoever asks for the next has taken the one before: it is not delivered again."""
        handed_out, self._handed_out = self._handed_out, None
        if handed_out is not None:
            handed_out.exception()

    # What an item goes through

    async def _pull(self) -> None:
        try:
            if self._begin is not None:
                await self._begin()
            while await self._wait_room():
                pulled = await self._intake.pull()
                if self._is_ended:  # too many have failed meanwhile
                    return
                self._take(pulled)
                if self._backlog.entered % PULLS_IN_A_ROW == 0:
                    await asyncio.sleep(0)
        except StopAsyncIteration:
            self._end_with(None)
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            self._end_with(error)
        except Exception as error:  # noqa: BLE001 - the source's own, for the consumer to see
            self._end_with(error)

    async def _wait_room(self) -> bool:
        """Return once an item may be pulled: False if none may be any more."""
        while not self._is_ended and not self._is_over:
            if self._backlog.has_room and self._sending < self._max_sending:
                return True
            self._has_moved.clear()
            await self._has_moved.wait()
        return False

    def _take(self, pulled: object) -> None:
        request = pulled if isinstance(pulled, InferenceRequest) else InferenceRequest(pulled)
        item = self._backlog.enter()
        item.count = len(pulled.places) if isinstance(pulled, Parcel) else 1
        try:
            own = pulled.key if isinstance(pulled, Parcel) else request.key
            item.key = self._keys.enter(own, pulled)
            prepared = self._prepare(request, item.key, item.index)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one item is that item's outcome
            self._settle(item, error)
            return
        if prepared.is_left_out:
            self._skip(item)
            return
        item.review = prepared.review
        self._backlog.hold(item, prepared.size_bytes)
        self._sending += 1
        self._spawn(self._send(item, prepared))

    async def _send(self, item: Item, prepared: Prepared) -> None:
        try:
            future = await prepared.send()
        except asyncio.CancelledError:
            if is_being_cancelled():
                raise
            self._settle(item, _cancelled_by_itself())
        except Exception as error:  # noqa: BLE001 - as above
            self._conclude(item, prepared.repeat, None, error)
            if isinstance(error, ClientClosedError | JournalError):
                self._end_with(error)
        else:
            if future is None:
                self._skip(item)
            else:
                self._sent(item, future, prepared)
        finally:
            self._sending -= 1
            self._has_moved.set()

    def _sent(self, item: Item, future: AnyFuture, prepared: Prepared) -> None:
        if item.future is None:
            self.tally.submitted(item.count)
        else:
            item.future.exception()  # the attempt before is taken: this one stands for it
        item.future = future
        repeat = prepared.repeat if self._second_tries.are_wanted else None
        if repeat is not None or item.review is not None:
            kept_bytes = prepared.size_bytes
        else:  # while nobody knows whether it was accepted the request is kept, to be sent again
            kept_bytes = 0 if future.accepted is not None else min(prepared.size_bytes, MAX_INLINE_BYTES)
        self._backlog.hold(item, kept_bytes)
        item.when_done = partial(self._done, item, repeat)
        future.add_done_callback(item.when_done)

    def _skip(self, item: Item) -> None:
        if not self._backlog.skip(item):
            return
        self._keys.exit(item.key)
        self._intake.left_out(item.index)
        self.tally.skipped(item.count)
        if self._backlog.first() is not None or self._backlog.is_settled:
            self._is_ready.set()

    def _done(self, item: Item, repeat: InferenceRequest | None, future: AnyFuture) -> None:
        # A look, no more: it counts as taken when the consumer has it.
        outcome = future._error or future._value  # noqa: SLF001
        assert isinstance(outcome, Exception | InferenceResult)
        self._conclude(item, repeat, future.inference_id, outcome)

    def _conclude(
        self,
        item: Item,
        repeat: InferenceRequest | None,
        inference_id: str | None,
        outcome: Result | Exception,
    ) -> None:
        """An attempt has ended: that is its outcome, unless it failed and is worth another one."""
        error = outcome if isinstance(outcome, Exception) else None
        item.attempts += (Attempt(inference_id, error),)
        seconds = None
        if error is not None and not self._failure_limit.is_reached:
            seconds = self._second_tries.pause_seconds(len(item.attempts), error)
        if self._stopping is not None:
            self._settle(item, outcome)
        elif seconds is None and item.review is not None:
            self._spawn(self._look_at(item, item.review, outcome))
        elif seconds is None:
            self._settle(item, outcome)
        elif repeat is None:
            assert error is not None
            error.add_note("It was not sent again, since its payload can be read only once.")
            self._settle(item, error)
        else:
            self._spawn(self._try_again(item, repeat, seconds))

    async def _look_at(self, item: Item, review: Review, outcome: Result | Exception) -> None:
        try:
            outcome = await review(outcome)
        except Exception as error:  # noqa: BLE001 - as above
            outcome = error
        self._settle(item, outcome)

    async def _try_again(self, item: Item, repeat: InferenceRequest, seconds: float) -> None:
        await self._second_tries.pause(seconds)
        try:
            prepared = self._prepare(repeat, item.key, item.index, replaces=item.future)
        except Exception as error:  # noqa: BLE001 - as above
            self._settle(item, error)
            return
        self._sending += 1
        await self._send(item, prepared)

    def _settle(self, item: Item, outcome: Result | Exception) -> None:
        item.when_done = None  # it holds the item: a future that is dropped must go at once
        if not self._backlog.settle(item, outcome):
            return
        item.review = None
        failures = _failures(item, outcome)
        self.tally.done(item.count, was_submitted=item.future is not None, failed=failures)
        if failures:
            self._count_failures(outcome, failures)
        if self._backlog.first() is item:
            self._is_ready.set()
        self._has_moved.set()

    def _count_failures(self, outcome: Result | Exception, count: int) -> None:
        error = outcome.errors[-1] if isinstance(outcome, Parted) else outcome
        assert isinstance(error, Exception)
        too_many = self._failure_limit.failed(error, count)
        if too_many is not None:
            self._end = self._end or too_many
            self._end_with(too_many)

    def _end_with(self, error: BaseException | None) -> None:
        """Nothing more is pulled."""
        if not self._is_ended:
            self._is_ended, self._end = True, error
            self._is_ready.set()

    # Stopping

    def _stop(self) -> asyncio.Task[None]:
        if self._stopping is None:
            self._stopping = self.loop.create_task(self._wind_up(), name="end of a fan-out")
        return self._stopping

    async def _wind_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._is_over:
            await self._abandon_all()
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        try:
            await self._intake.aclose()
        except Exception:
            logger.exception("the source of a fan-out failed while it was closed")
        self._when_over(self)

    async def _abandon_all(self) -> None:
        for count, item in enumerate(self._backlog.drop(), 1):
            if item.future is not None and item.when_done is not None:
                item.future.let_go(item.when_done)
            item.when_done = None
            if count % ABANDONS_IN_A_ROW == 0:
                await asyncio.sleep(0)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self._supervisor.spawn(work, name="fan-out")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _failures(item: Item, outcome: Result | Exception) -> int:
    if isinstance(outcome, Parted):
        return len(outcome.errors)
    return item.count if isinstance(outcome, Exception) else 0


def _cancelled_by_itself() -> InvalidRequestError:
    return InvalidRequestError(
        "payload", "whatever it is read from was cancelled", "Find out why; the item was not sent."
    )
