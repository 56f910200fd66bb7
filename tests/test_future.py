"""The awaitable that stands for one invocation."""

from __future__ import annotations

import asyncio
import gc
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import anyio
import pytest

from aio_sm_async.errors import AbandonedError, InferenceFailedError
from aio_sm_async.future import InferenceFuture
from aio_sm_async.protocol.invocation import Invocation, State
from aio_sm_async.protocol.location import S3Location

OUT = S3Location("bucket", "out/1.out")
BAD = S3Location("bucket", "bad/1-error.out")


@dataclass
class Owner:
    """Notes what becomes of its futures."""

    abandoned: list[str] = field(default_factory=list)
    let_gone: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    kept: list[InferenceFuture[object]] = field(default_factory=list)

    def abandon(self, invocation: Invocation) -> None:
        self.abandoned.append(invocation.inference_id)

    def let_go(self, invocation: Invocation) -> None:
        self.let_gone.append(invocation.inference_id)

    def let_go_threadsafe(self, invocation: Invocation) -> None:
        self.dropped.append(invocation.inference_id)

    def consumed(self, invocation: Invocation) -> None:
        self.taken.append(invocation.inference_id)

    def keep(self, future: InferenceFuture[object]) -> None:
        self.kept.append(future)

    def unkeep(self, inference_id: str) -> None:
        self.kept = [each for each in self.kept if each.inference_id != inference_id]

    def token_of(self, invocation: Invocation) -> str:
        return f"token of {invocation.inference_id}"


def failure() -> InferenceFailedError:
    return InferenceFailedError("id", "endpoint", "oops")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def invocation() -> Invocation:
    return Invocation("id", "endpoint", 60.0, state=State.ACCEPTED, output_location=OUT, failure_location=BAD)


@pytest.fixture
async def future(owner: Owner, invocation: Invocation) -> InferenceFuture[str]:
    return InferenceFuture(invocation, owner, asyncio.get_running_loop())


@pytest.fixture(autouse=True)
async def _nothing_is_reported() -> AsyncIterator[None]:
    """No outcome that nobody looked at is reported as never retrieved."""
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    yield
    gc.collect()
    await settle()

    assert reported == []


# Every way of waiting that asyncio and anyio know.


async def by_await(future: InferenceFuture[str]) -> str:
    return await future


async def by_wait(future: InferenceFuture[str]) -> str:
    return await future.wait()


async def by_gather(future: InferenceFuture[str]) -> str:
    first, second = await asyncio.gather(future, future.wait())
    assert first == second
    return first


async def by_wait_for(future: InferenceFuture[str]) -> str:
    return await asyncio.wait_for(future, 60)


async def by_shield(future: InferenceFuture[str]) -> str:
    return await asyncio.shield(future)


async def by_timeout(future: InferenceFuture[str]) -> str:
    async with asyncio.timeout(60):
        return await future


async def by_asyncio_wait(future: InferenceFuture[str]) -> str:
    done, _ = await asyncio.wait([future.as_asyncio()])
    return done.pop().result()


async def by_as_completed(future: InferenceFuture[str]) -> str:
    for soonest in asyncio.as_completed([future.as_asyncio()]):
        return await soonest
    raise AssertionError("unreachable")


async def by_task_group(future: InferenceFuture[str]) -> str:
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(future.wait())
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return task.result()


async def by_anyio_scope(future: InferenceFuture[str]) -> str:
    with anyio.move_on_after(60):
        return await future
    raise AssertionError("unreachable")


WAYS: list[Callable[[InferenceFuture[str]], Awaitable[str]]] = [
    by_await,
    by_wait,
    by_gather,
    by_wait_for,
    by_shield,
    by_timeout,
    by_asyncio_wait,
    by_as_completed,
    by_task_group,
    by_anyio_scope,
]
in_every_way = pytest.mark.parametrize("wait", WAYS, ids=lambda way: way.__name__)


class TestWaiting:
    """It can be waited for in every way."""

    @in_every_way
    async def test_waiting_brings_the_result(
        self, future: InferenceFuture[str], wait: Callable[[InferenceFuture[str]], Awaitable[str]]
    ) -> None:
        """Whoever waited gets it, and whoever comes later gets it at once."""
        waiting = asyncio.ensure_future(wait(future))
        await settle()
        started = not waiting.done()
        future.settle("4")

        assert started
        assert await waiting == "4"
        assert await wait(future) == "4"

    @in_every_way
    async def test_waiting_brings_the_error(
        self, future: InferenceFuture[str], wait: Callable[[InferenceFuture[str]], Awaitable[str]]
    ) -> None:
        """The very error that the invocation ended with is raised, before and after the end."""
        waiting = asyncio.ensure_future(wait(future))
        await settle()
        error = failure()
        future.fail(error)

        with pytest.raises(InferenceFailedError) as waited:
            await waiting
        assert waited.value is error
        with pytest.raises(InferenceFailedError):
            await wait(future)

    @in_every_way
    async def test_a_cancelled_waiter_leaves_it_alive(
        self,
        owner: Owner,
        future: InferenceFuture[str],
        wait: Callable[[InferenceFuture[str]], Awaitable[str]],
    ) -> None:
        """Only that waiter is gone: the invocation goes on, and another waiter gets the outcome."""
        impatient = asyncio.ensure_future(wait(future))
        patient = asyncio.create_task(by_await(future))
        await settle()
        impatient.cancel()
        await asyncio.wait([impatient])

        assert impatient.cancelled()
        assert not future.done()
        assert owner.abandoned == []
        future.settle("4")
        assert await patient == "4"

    async def test_waiters_whose_time_is_up_leave_it_alive(self, future: InferenceFuture[str]) -> None:
        """A timeout of asyncio's or a scope of anyio's ends only the waiting."""
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, 0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await future
        with anyio.move_on_after(0) as scope:
            await future
        done, pending = await asyncio.wait([future.as_asyncio()], timeout=0)

        assert scope.cancelled_caught
        assert (len(done), len(pending)) == (0, 1)
        assert not future.done()
        future.settle("4")
        assert await future == "4"

    async def test_many_wait_at_once(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """A hundred waiters get one outcome, which counts as taken once."""
        waiting = [asyncio.create_task(future.wait()) for _ in range(100)]
        await settle()
        for task in waiting[::2]:
            task.cancel()
        await settle()
        future.settle("4")

        assert await asyncio.gather(*waiting[1::2]) == ["4"] * 50
        assert owner.taken == ["id"]

    async def test_waiters_that_gave_up_are_forgotten(self, future: InferenceFuture[str]) -> None:
        """Whoever looks in every second for hours leaves nothing behind."""
        for _ in range(50):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(future, 0)
            with anyio.move_on_after(0):
                await future

        assert future._waiters == []

    async def test_a_waiter_cancelled_in_the_moment_of_the_outcome(
        self, future: InferenceFuture[str]
    ) -> None:
        """It ends as cancelled, as its canceller expects; the outcome is there for others."""
        waiting = asyncio.create_task(by_await(future))
        await settle()
        future.settle("4")
        waiting.cancel()
        await asyncio.wait([waiting])

        assert waiting.cancelled()
        assert await future == "4"

    async def test_a_waiter_cancelled_just_before_the_outcome(self, future: InferenceFuture[str]) -> None:
        """Its waiting is over already when the outcome comes."""
        waiting = asyncio.create_task(by_await(future))
        await settle()
        waiting.cancel()
        future.settle("4")
        await asyncio.wait([waiting])

        assert waiting.cancelled()

    async def test_an_error_raised_often_does_not_grow(self, future: InferenceFuture[str]) -> None:
        """The hundredth waiter sees the frames of its own waiting, not those of all before."""
        future.fail(failure())
        depths = []
        for _ in range(3):
            try:
                await future
            except InferenceFailedError as error:
                depths.append(len(traceback.extract_tb(error.__traceback__)))

        assert depths[0] == depths[1] == depths[2]


class TestAsking:
    """It speaks asyncio's words."""

    async def test_before_the_end_there_is_no_outcome(
        self, owner: Owner, future: InferenceFuture[str]
    ) -> None:
        """To ask for it is an InvalidStateError, and takes nothing."""
        with pytest.raises(asyncio.InvalidStateError, match="await the future"):
            future.result()
        with pytest.raises(asyncio.InvalidStateError, match="await the future"):
            future.exception()
        assert not future.done()
        assert not future.cancelled()
        assert owner.taken == []

    async def test_a_result_is_there_for_the_asking(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """After the end nobody has to await; asking is taking."""
        future.settle("4")

        assert future.done()
        assert owner.taken == []
        assert future.exception() is None
        assert future.result() == "4"
        assert owner.taken == ["id"]

    async def test_an_error_is_there_for_the_asking(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """It can be looked at without being raised."""
        error = failure()
        future.fail(error)

        assert future.exception() is error
        with pytest.raises(InferenceFailedError):
            future.result()
        assert not future.cancelled()
        assert owner.taken == ["id"]

    async def test_the_first_outcome_stays(self, future: InferenceFuture[str]) -> None:
        """A second one, of either kind, is ignored."""
        future.settle("4")
        future.settle("5")
        future.fail(failure())
        future.abandon()

        assert await future == "4"

    @pytest.mark.parametrize(
        ("state", "output", "accepted"),
        [
            (State.REGISTERED, None, False),
            (State.REJECTED, None, False),
            (State.AMBIGUOUS, None, None),
            (State.ACCEPTED, OUT, True),
            (State.ACCEPTED, None, True),
            (State.COMPLETED, None, True),
            (State.FAILED, None, True),
            (State.EXPIRED, None, True),
            (State.ABANDONED, OUT, True),
            (State.ABANDONED, None, None),
        ],
    )
    async def test_it_tells_whether_it_was_accepted(
        self,
        future: InferenceFuture[str],
        invocation: Invocation,
        state: State,
        output: S3Location | None,
        accepted: bool | None,
    ) -> None:
        """True once anything proves it, False if SageMaker never took it, None while nobody knows."""
        invocation.state, invocation.output_location = state, output

        assert future.accepted is accepted

    async def test_it_tells_what_is_known_of_the_invocation(
        self, future: InferenceFuture[str], invocation: Invocation
    ) -> None:
        """Its id, its places, its token, and whether it may have run twice."""
        assert (future.inference_id, future.endpoint_name) == ("id", "endpoint")
        assert (future.output_location, future.failure_location) == (OUT, BAD)
        assert future.token == "token of id"
        assert not future.may_be_duplicate
        invocation.resends += 1
        assert future.may_be_duplicate

    async def test_it_shows_how_far_it_is(self, future: InferenceFuture[str], invocation: Invocation) -> None:
        """Its repr tells the invocation's state, and after the end how it ended."""
        shown = [repr(future)]
        future.settle("4")
        invocation.state = State.COMPLETED

        assert [*shown, repr(future)] == [
            "<InferenceFuture id on endpoint: accepted>",
            "<InferenceFuture id on endpoint: done>",
        ]


class TestAbandoning:
    """SageMaker has no cancel: one can only stop to care."""

    async def test_whoever_waits_is_told(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """Waiters get AbandonedError, and the owner learns of it once."""
        waiting = asyncio.create_task(by_await(future))
        await settle()
        future.abandon()
        future.abandon()

        with pytest.raises(AbandonedError, match="in S3"):
            await waiting
        assert future.cancelled()
        assert repr(future) == "<InferenceFuture id on endpoint: abandoned>"
        assert owner.abandoned == ["id"]
        assert owner.taken == []

    async def test_a_late_outcome_is_ignored(self, future: InferenceFuture[str]) -> None:
        """It was abandoned, and stays so."""
        future.abandon()
        future.settle("4")

        with pytest.raises(AbandonedError):
            await future

    async def test_an_ended_one_cannot_be_abandoned(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """There is nothing left to stop caring about."""
        future.settle("4")
        future.abandon()

        assert owner.abandoned == []
        assert not future.cancelled()


class TestLettingGo:
    """Nobody here waits for it any more, but somebody else may."""

    async def test_the_owner_is_told_which_it_was(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """It is not given up: the owner decides what remains of it. Who has left is not called back."""
        called: list[object] = []
        future.add_done_callback(called.append)
        future.let_go(called.append)
        future.let_go(called.append)
        await settle()

        assert (owner.let_gone, owner.abandoned, called) == (["id"], [], [])
        with pytest.raises(AbandonedError):
            await future

    async def test_others_wait_on(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """Whoever else awaits it, or is called back, notices nothing."""
        first: list[object] = []
        second: list[object] = []
        future.add_done_callback(first.append)
        future.add_done_callback(second.append)
        future.let_go(first.append)
        waiting = asyncio.create_task(by_await(future))
        await settle()
        future.let_go(second.append)
        future.settle("done")

        assert ("done", []) == (await waiting, owner.let_gone)


class TestDropping:
    """When nobody holds it any more, nobody waits for it."""

    async def test_a_dropped_future_is_abandoned(self, owner: Owner, invocation: Invocation) -> None:
        """The owner is told, in the way that is safe in any thread."""
        InferenceFuture[str](invocation, owner, asyncio.get_running_loop())
        gc.collect()

        assert owner.dropped == ["id"]

    async def test_an_outcome_that_nobody_took_is_told_too(
        self, owner: Owner, invocation: Invocation
    ) -> None:
        """A message that is its only copy must not wait for ever."""
        dropped = InferenceFuture[str](invocation, owner, asyncio.get_running_loop())
        dropped.settle("4")
        del dropped
        gc.collect()

        assert owner.dropped == ["id"]

    async def test_one_that_was_taken_or_abandoned_is_not(self, owner: Owner, invocation: Invocation) -> None:
        """Its owner knows already."""
        loop = asyncio.get_running_loop()
        taken, abandoned = (
            InferenceFuture[str](invocation, owner, loop),
            InferenceFuture[str](invocation, owner, loop),
        )
        taken.settle("4")
        taken.result()
        abandoned.abandon()
        del taken, abandoned
        gc.collect()

        assert owner.dropped == []

    async def test_a_waiter_holds_it(self, owner: Owner, invocation: Invocation) -> None:
        """Waiting is holding; when the only waiter is cancelled, it is dropped."""
        waiting = asyncio.create_task(
            by_await(InferenceFuture[str](invocation, owner, asyncio.get_running_loop()))
        )
        await settle()
        gc.collect()
        before = list(owner.dropped)
        waiting.cancel()
        await asyncio.wait([waiting])
        del waiting
        gc.collect()

        assert (before, owner.dropped) == ([], ["id"])

    async def test_it_may_be_dropped_in_any_thread(self, owner: Owner, invocation: Invocation) -> None:
        """As a garbage collector does."""
        holder = [InferenceFuture[str](invocation, owner, asyncio.get_running_loop())]
        thread = threading.Thread(target=holder.clear)
        thread.start()
        thread.join()

        assert owner.dropped == ["id"]

    def test_after_its_loop_nobody_is_told(self, owner: Owner, invocation: Invocation) -> None:
        """At the end of a program there is nobody left to tell."""
        loop = asyncio.new_event_loop()
        left = InferenceFuture[str](invocation, owner, loop)
        loop.close()
        del left
        gc.collect()

        assert owner.dropped == []


class TestCallbacks:
    """Somebody wants to be called back."""

    async def test_it_calls_back_from_the_loop(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """Once each, in order, not before the next step; until then the owner holds the future."""
        called: list[tuple[str, bool]] = []
        future.add_done_callback(lambda done: called.append(("first", done.done())))
        future.add_done_callback(lambda done: called.append(("second", done.done())))

        assert owner.kept == [future]
        future.settle("4")
        assert called == []
        await settle()
        assert called == [("first", True), ("second", True)]

    async def test_after_the_end_it_calls_back_soon(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """Whoever comes late is called too, and nobody has to hold the future for that."""
        called: list[InferenceFuture[str]] = []
        future.settle("4")
        future.add_done_callback(called.append)

        assert called == []
        await settle()
        assert called == [future]
        assert owner.kept == []

    async def test_a_removed_callback_is_not_called(self, future: InferenceFuture[str]) -> None:
        """All its registrations go, and their number is told."""
        called: list[InferenceFuture[str]] = []
        others: list[InferenceFuture[str]] = []

        assert future.remove_done_callback(called.append) == 0
        future.add_done_callback(called.append)
        future.add_done_callback(others.append)
        future.add_done_callback(called.append)
        assert future.remove_done_callback(called.append) == 2
        future.settle("4")
        await settle()
        assert (called, others) == ([], [future])
        assert future.remove_done_callback(others.append) == 0

    async def test_a_callback_that_fails_harms_nobody(self, future: InferenceFuture[str]) -> None:
        """The loop's handler gets its error; other callbacks and waiters get the outcome."""
        reported: list[object] = []
        loop = asyncio.get_running_loop()
        usual = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
        error, called = ZeroDivisionError("a user's mistake"), list[InferenceFuture[str]]()

        def fail(_: InferenceFuture[str]) -> None:
            raise error

        future.add_done_callback(fail)
        future.add_done_callback(called.append)
        future.settle("4")
        await settle()
        loop.set_exception_handler(usual)

        assert reported == [error]
        assert called == [future]
        assert await future == "4"


class TestTwin:
    """A real asyncio.Future with the same outcome."""

    async def test_cancelling_it_leaves_the_invocation_alive(
        self, owner: Owner, future: InferenceFuture[str]
    ) -> None:
        """The outcome that comes later goes to the others."""
        twin, other = future.as_asyncio(), future.as_asyncio()
        twin.cancel()
        future.settle("4")

        assert await other == "4"
        assert twin.cancelled()
        assert owner.abandoned == []

    async def test_an_unread_error_is_not_reported(self, owner: Owner, future: InferenceFuture[str]) -> None:
        """Dropped unread, the twin of a failure is silent: the failure stands in the future."""
        future.as_asyncio()
        future.fail(failure())
        await settle()
        owner.kept.clear()
        gc.collect()

        assert isinstance(future.exception(), InferenceFailedError)

    async def test_it_keeps_the_invocation_wanted(self, owner: Owner, invocation: Invocation) -> None:
        """Whoever holds only the twin still gets the outcome, for the owner holds the future."""
        twin = InferenceFuture[str](invocation, owner, asyncio.get_running_loop()).as_asyncio()
        gc.collect()

        assert owner.dropped == []
        kept = owner.kept.pop()
        kept.settle("4")
        assert await twin == "4"


async def test_nothing_is_kept_for_callbacks_that_were_removed(
    future: InferenceFuture[str], owner: Owner
) -> None:
    """The owner lets go with the last one, and holds it again for the next."""

    def first(_: object) -> None: ...
    def second(_: object) -> None: ...

    future.add_done_callback(first)
    future.add_done_callback(second)
    future.remove_done_callback(first)
    after_one = list(owner.kept)
    future.remove_done_callback(second)
    after_both = list(owner.kept)
    future.add_done_callback(first)

    assert ([future], []) == (after_one, after_both)
    assert [future] == owner.kept
    future.abandon()


async def test_a_cancelled_twin_is_not_kept_for(future: InferenceFuture[str], owner: Owner) -> None:
    """Of two twins the last that is cancelled lets go; the future itself stays as it is."""
    first, second = future.as_asyncio(), future.as_asyncio()
    first.cancel()
    await settle()
    after_one = list(owner.kept)
    second.cancel()
    await settle()

    assert ([future], []) == (after_one, owner.kept)
    assert not future.done()
    future.abandon()
