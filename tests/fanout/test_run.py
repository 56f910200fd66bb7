"""What a fan-out does with its items."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from aio_sm_async.errors import ClientClosedError, InferenceFailedError, InvalidRequestError
from aio_sm_async.fanout.backlog import Result
from aio_sm_async.fanout.fan_out import MORE_SENDERS
from aio_sm_async.fanout.outcome import InferenceOutcome
from aio_sm_async.fanout.prepared import Prepared
from aio_sm_async.fanout.presentation import present_all
from aio_sm_async.fanout.progress import FanOutProgress
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.protocol.invocation import State
from tests.fanout.stage import Counted, Stage, steps, take_all, text_of


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


class TestOrder:
    async def test_map_keeps_the_order(self, stage: Stage) -> None:
        """Results come in the order of the payloads, whichever is done first."""
        results = stage.map(["a", "b", "c"])
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("c", "b")
        assert not first.done()
        await stage.settle("a")

        assert ["a", "b", "c"] == [text_of(await first), *[text_of(result) async for result in results]]

    async def test_as_completed_hands_out_what_is_done(self, stage: Stage) -> None:
        """Outcomes come as they are done, each with its place and its key."""
        outcomes = stage.as_completed([InferenceRequest("a", key="first"), "b"])
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.settle("b", "a")

        assert [(1, None, "b"), (0, "first", "a")] == [
            (outcome.index, outcome.key, text_of(outcome.unwrap()))
            for outcome in [await first, *[outcome async for outcome in outcomes]]
        ]

    async def test_no_items(self, stage: Stage) -> None:
        """A source without items gives no results, however often one asks."""
        results = stage.map([])

        assert [] == [result async for result in results]
        assert [] == [result async for result in results]

    async def test_several_consumers(self, stage: Stage) -> None:
        """Tasks that iterate over one share its outcomes, and all end with it."""
        outcomes = stage.as_completed(list("abcdef"))

        async def consume() -> list[int]:
            return [outcome.index async for outcome in outcomes]

        consumers = [asyncio.ensure_future(consume()) for _ in range(3)]
        await steps(30)
        await stage.settle(*"abcdef")
        shares = await asyncio.gather(*consumers)

        assert list(range(6)) == sorted(index for share in shares for index in share)

    async def test_several_consumers_of_what_was_left_in_s3(self, stage: Stage) -> None:
        """A result that has to be read again goes to one of them, too."""
        results = stage.map(["a", "b", "c", "d"], max_buffered_bytes=10)
        taken: list[Result] = []
        consumers = [asyncio.ensure_future(take_all(results, taken)) for _ in range(3)]
        await steps()
        stage.bucket.when_read = steps
        await stage.settle(*"dcba", size_bytes=8)
        await asyncio.gather(*consumers)

        assert ["a", "b", "c", "d"] == [text_of(result) for result in taken]


class TestWindow:
    async def test_nothing_is_pulled_before_it_is_asked_for(self, stage: Stage) -> None:
        """Making a fan-out pulls nothing and sends nothing."""
        source = Counted("abc")
        results = stage.map(source.sync())
        await steps()

        assert (0, 0) == (source.pulled, stage.sent)
        assert "<FanOut <Run 0 pulled, " in repr(results)

    async def test_only_the_window_is_pulled(self, stage: Stage) -> None:
        """A consumer that has taken one has let one more be pulled, from a source without an end."""
        source = Counted(iter(int, 1))
        numbers = Counted(number for number, _ in enumerate(source.sync()))
        results = stage.map(numbers.sync(), window=3)
        first = asyncio.ensure_future(anext(results))
        await steps(30)
        assert (3, [0, 1, 2]) == (numbers.pulled, list(stage.in_flight))
        await stage.settle(0, 1, 2)
        await first
        await steps(30)

        assert (4, [3]) == (numbers.pulled, list(stage.in_flight))
        assert "3 of 3 items" in repr(results)

    async def test_done_and_not_taken_counts(self, stage: Stage) -> None:
        """Outcomes that nobody takes hold up the source as those do that nobody has."""
        source = Counted(range(100))
        outcomes = stage.as_completed(source.sync(), window=5)
        first = asyncio.ensure_future(anext(outcomes))
        await steps(20)
        await stage.settle(*range(5))
        await first
        await steps(20)

        assert 6 == source.pulled

    async def test_few_are_sent_at_once(self, stage: Stage) -> None:
        """Each request on its way has a task, a few more than may be open, and what waits has none."""
        stage.answers = asyncio.Event()
        before = len(asyncio.all_tasks())
        results = stage.map(range(100))
        first = asyncio.ensure_future(anext(results))
        await steps(20)
        while_sending = len(asyncio.all_tasks()) - before
        stage.answers.set()
        await steps(200)
        while_waiting = len(asyncio.all_tasks()) - before
        await stage.settle(*range(100))
        await first

        assert 99 == len([result async for result in results])
        # The consumer's own and the pulling one are the two; the latter goes with the source's end.
        assert (4 + MORE_SENDERS, 4 + MORE_SENDERS + 2, 1) == (
            stage.most_sending,
            while_sending,
            while_waiting,
        )

    async def test_payload_bytes_hold_up_the_source(self, stage: Stage) -> None:
        """Payloads that wait to be accepted are counted; once they are, their bytes are not."""
        stage.answers = asyncio.Event()
        source = Counted([b"x" * 60, b"y" * 60, b"z" * 60])
        results = stage.map(source.sync(), max_buffered_bytes=100)
        first = asyncio.ensure_future(anext(results))
        await steps()
        assert 2 == source.pulled
        stage.answers.set()
        await steps()
        assert 3 == source.pulled

        first.cancel()

    async def test_payloads_that_may_be_sent_again_are_counted(self, stage: Stage) -> None:
        """A request that nobody knows of is kept with its payload, so its bytes count until it is settled."""
        stage.state = State.AMBIGUOUS
        source = Counted([b"x" * 60, b"y" * 60, b"z" * 60])
        results = stage.map(source.sync(), max_buffered_bytes=100)
        first = asyncio.ensure_future(anext(results))
        await steps()
        assert 2 == source.pulled
        await stage.settle(b"x" * 60)
        await first
        await steps()

        assert 3 == source.pulled

    async def test_bodies_hold_up_the_source(self, stage: Stage) -> None:
        """Responses that nobody has taken are counted, and what is too much is left in S3 and read again."""
        source = Counted(range(10))
        results = stage.map(source.sync(), window=4, max_buffered_bytes=100)
        first = asyncio.ensure_future(anext(results))
        await steps(20)
        await stage.settle(1, 2, 3, size_bytes=60)
        in_s3 = stage.bucket.calls.count("get")
        await stage.settle(0, size_bytes=60)
        taken = [text_of(await first)]
        await steps(20)
        assert (0, 4) == (in_s3, source.pulled)
        taken += [text_of(await anext(results)) for _ in range(3)]
        await steps(20)

        assert ["0", "1", "2", "3"] == taken
        assert (2, 8) == (stage.bucket.calls.count("get"), source.pulled)

    async def test_body_that_is_gone_when_its_turn_comes(self, stage: Stage) -> None:
        """A response that was left in S3 and deleted there is that item's failure, and no other's."""
        results = stage.map_either(["a", "b", "c"], max_buffered_bytes=10)
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("c", "b", "a", size_bytes=8)
        stage.bucket.objects.clear()
        await first

        (gone, there) = [result async for result in results]
        assert "was deleted" in str(gone)
        assert "c" == text_of(there)  # type: ignore[arg-type]
        assert 1 == results.progress.failed

    async def test_the_only_copy_is_never_dropped(self, stage: Stage) -> None:
        """A response that S3 does not have stays in memory, too much or not, and holds up the source."""
        stage.writes_to_s3 = False
        source = Counted(["a", "b", "c"])
        results = stage.map(source.sync(), window=2, max_buffered_bytes=10)
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("b", "a", size_bytes=20)
        await first
        await steps()
        assert 2 == source.pulled

        assert "b" == text_of(await anext(results))
        await steps()
        assert (3, []) == (source.pulled, stage.bucket.calls)

    async def test_words_of_failures_are_counted(self, stage: Stage) -> None:
        """What a failed container said is held too, and no S3 is asked for it again."""
        source = Counted("abc")
        outcomes = stage.map_either(source.sync(), window=2, max_buffered_bytes=10)
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.fail("b", response=b"x" * 20)
        await stage.settle("a")
        await first
        await steps()
        assert 2 == source.pulled
        error = await anext(outcomes)
        await steps()

        assert isinstance(error, InferenceFailedError)
        assert 3 == source.pulled

    async def test_others_have_their_turn(self, stage: Stage) -> None:
        """A sync source without an end, all of it refused, does not keep others from the event loop."""
        results = stage.as_completed((f"bad {number}" for number in iter(int, 1)), window=10**6)
        first = asyncio.ensure_future(anext(results))
        await steps(3)

        assert isinstance((await first).error, InvalidRequestError)
        assert results.progress.done < 100

    async def test_room_of_what_is_left_out(self, stage: Stage) -> None:
        """Items whose turn has passed without them make room as soon as the consumer comes to them."""

        async def nothing() -> None:
            return None

        def prepare(request: InferenceRequest, *args: Any, **options: Any) -> Prepared:
            prepared = stage.prepare(request, *args, **options)
            return replace(prepared, send=nothing) if request.payload == "old" else prepared

        source = ["a", "old", "old", "old", *"bcdef"]
        outcomes = stage.fan_outs.open(source, {"window": 4}, prepare, present_all, in_order=True)
        first = asyncio.ensure_future(anext(outcomes))
        await steps(20)
        await stage.settle("a")
        await first
        await steps(20)  # the consumer is busy
        second = asyncio.ensure_future(anext(outcomes))
        await steps(20)

        assert set("bcde") == set(stage.in_flight)
        second.cancel()


class TestFailures:
    async def test_one_bad_item(self, stage: Stage) -> None:
        """What is refused before or when it is sent is that item's outcome, with its place and its key."""
        items = ["a", InferenceRequest("bad one", key="k"), "refused", "b"]
        outcomes = stage.as_completed(items)
        taken = [await anext(outcomes), await anext(outcomes)]
        await stage.settle("b", "a")
        taken += [outcome async for outcome in outcomes]

        assert [
            (1, "k", "InvalidRequestError"),
            (2, None, "ConnectionError"),
            (3, None, ""),
            (0, None, ""),
        ] == [(each.index, each.key, type(each.error).__name__ if each.error else "") for each in taken]
        assert FanOutProgress(submitted=2, in_flight=0, done=4, failed=2) == outcomes.progress

    async def test_map_raises_the_first_failure_at_its_place(self, stage: Stage) -> None:
        """What came before it is handed out, then it is raised, and everything else is given up."""
        source = Counted(["a", InferenceRequest("b", key="row 2"), "c", "d"])
        results = stage.map(source.asynchronous(), window=3)
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.fail("b")
        await stage.settle("a")

        assert "a" == text_of(await first)
        with pytest.raises(InferenceFailedError, match="smudged") as caught:
            await anext(results)
        assert ["It belongs to item 1, key 'row 2'."] == caught.value.__notes__
        assert (["id-'c'"], True, 0) == (stage.abandoned, source.is_closed, len(stage.fan_outs))
        with pytest.raises(StopAsyncIteration):
            await anext(results)

    async def test_exceptions_returned(self, stage: Stage) -> None:
        """Failures can be handed out at their place, and the rest goes on."""
        results = stage.map_either(["a", "bad", "b"])
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("a", "b")

        kinds = [type(await first).__name__, *[type(result).__name__ async for result in results]]
        assert ["InferenceResult", "InvalidRequestError", "InferenceResult"] == kinds

    @pytest.mark.parametrize("kind", ["sync", "asynchronous"])
    async def test_source_that_raises(self, stage: Stage, kind: str) -> None:
        """What was pulled is finished and handed out, then the source's own exception is raised, once."""
        error = RuntimeError("the file is broken")
        source = Counted(["a", "b"], error=error)
        results = stage.map(getattr(source, kind)())
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("b", "a")

        assert "ab" == text_of(await first) + text_of(await anext(results))
        with pytest.raises(RuntimeError) as caught:
            await anext(results)
        assert error is caught.value
        with pytest.raises(StopAsyncIteration):
            await anext(results)

    async def test_source_that_is_cancelled_by_itself(self, stage: Stage) -> None:
        """A source whose own work was cancelled does not leave its consumer waiting for ever."""
        source = Counted(["a"], error=asyncio.CancelledError())
        results = stage.map(source.asynchronous())
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("a")
        await first

        with pytest.raises(asyncio.CancelledError):
            await anext(results)

    async def test_payload_that_is_cancelled_by_itself(self, stage: Stage) -> None:
        """Nor does a payload whose own work was."""
        stage.answers = asyncio.Event()
        outcomes = stage.as_completed(["a"])
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        for waiter in stage.answers._waiters:  # type: ignore[attr-defined]
            waiter.cancel()

        assert isinstance((await first).error, InvalidRequestError)

    async def test_broken_source_at_the_very_beginning(self, stage: Stage) -> None:
        """A source that cannot even be begun is told by what it raised."""

        class Broken:
            def __iter__(self) -> Iterator[object]:
                raise RuntimeError("no such table")

        with pytest.raises(RuntimeError, match="no such table"):
            await anext(stage.map(Broken()))


class TestLeaving:
    async def test_break(self, stage: Stage) -> None:
        """A loop that is left abandons what is in flight and closes the source, with nothing to call."""
        source = Counted(range(100))

        async def consume() -> None:
            async for result in stage.map(source.asynchronous(), window=5):
                if text_of(result) == "1":
                    break

        consumer = asyncio.ensure_future(consume())
        await steps(20)
        await stage.settle(0, 1)
        await consumer
        await steps()

        assert (True, 0, 0) == (source.is_closed, len(stage.fan_outs), stage.sending)
        assert ["id-2", "id-3", "id-4"] == sorted(set(stage.abandoned) & {"id-2", "id-3", "id-4"})
        assert 6 == source.pulled

    async def test_aclose(self, stage: Stage) -> None:
        """Closed, it is at its end; what is being sent is cancelled too."""
        stage.answers = asyncio.Event()
        source = Counted(range(100))
        results = stage.map(source.sync(), window=5)
        waiting = asyncio.ensure_future(anext(results, None))
        await steps()
        assert 5 == stage.sending
        await results.aclose()
        await results.aclose()

        assert (0, True, None) == (stage.sending, source.is_closed, await waiting)
        assert "over" in repr(results)
        assert [] == [result async for result in results]

    async def test_hundreds_are_abandoned(self, stage: Stage) -> None:
        """However many are in flight, none is left so."""
        async with stage.map(range(250)) as results:
            first = asyncio.ensure_future(anext(results, None))
            await steps(600)

        assert (250, 250, None) == (stage.sent, len(stage.abandoned), await first)
        assert FanOutProgress(submitted=250, in_flight=250, done=0, failed=0) == results.progress

    async def test_cancelled_consumer_has_lost_nothing(self, stage: Stage) -> None:
        """Whoever gives up waiting for one result may come back for it."""
        results = stage.map(["a"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(results), 0.001)
        await stage.settle("a")

        assert ["a"] == [text_of(result) async for result in results]

    async def test_cancelled_while_a_body_is_read_again(self, stage: Stage) -> None:
        """Nor is a result lost while it comes back from S3."""
        stage.bucket.trouble["get"] = [ConnectionAbortedError()]
        results = stage.map(["a", "b", "c"], max_buffered_bytes=10)
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("c", "b", "a", size_bytes=8)
        await first

        with pytest.raises(ConnectionAbortedError):  # no error of ours: as if the consumer had been cancelled
            await anext(results)

        assert ["b", "c"] == [text_of(result) async for result in results]

    async def test_closed_while_a_body_is_read_again(self, stage: Stage) -> None:
        """A fan-out that is closed meanwhile hands out nothing more."""
        results = stage.map(["a", "b", "c"], max_buffered_bytes=10)
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("c", "b", "a", size_bytes=8)
        await first
        stage.bucket.when_read = results.aclose

        with pytest.raises(StopAsyncIteration):
            await anext(results)

    async def test_taken_when_the_next_is_asked_for(self, stage: Stage) -> None:
        """An outcome counts as taken once its consumer comes back; until then it may be delivered again."""
        results = stage.map(["a", "b"])
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("b", "a")
        await first
        before = list(stage.taken)
        await anext(results)
        between = list(stage.taken)
        with pytest.raises(StopAsyncIteration):
            await anext(results)

        assert ([], ["id-'a'"], ["id-'a'", "id-'b'"]) == (before, between, stage.taken)

    async def test_source_that_fails_while_it_is_closed(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What a source raises when it is closed early is logged, and hides nothing else."""

        def source() -> Iterator[object]:
            try:
                yield "a"
                yield "b"
            finally:
                raise RuntimeError("cannot close")

        with caplog.at_level(logging.ERROR, "aio_sm_async"):
            async with stage.map(source(), window=1) as results:
                first = asyncio.ensure_future(anext(results, None))
                await steps()

        assert await first is None
        assert ["the source of a fan-out failed while it was closed"] == [
            record.getMessage() for record in caplog.records
        ]

    async def test_source_that_is_waiting(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        """A source that waits for something when it is closed is cancelled, and cleans up in peace."""
        told = []

        async def source() -> AsyncIterator[object]:
            try:
                await asyncio.Event().wait()
                yield "x"
            finally:
                await steps()
                told.append("cleaned up")

        results = stage.map(source())
        first = asyncio.ensure_future(anext(results, None))
        await steps()
        await results.aclose()

        assert (["cleaned up"], None, []) == (told, await first, caplog.records)

    async def test_source_that_will_not_be_cancelled(self, stage: Stage) -> None:
        """A source that goes on although it is cancelled is pulled no more."""
        gate = asyncio.Event()
        pulled = []

        async def source() -> AsyncIterator[object]:
            while True:
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    pulled.append("one more")
                yield "x"

        results = stage.map(source())
        first = asyncio.ensure_future(anext(results, None))
        await steps()
        await results.aclose()

        assert (["one more"], None) == (pulled, await first)


class TestClosedClient:
    async def test_what_is_done_is_handed_out(self, stage: Stage) -> None:
        """After the client is closed one gets what is done, what failed with it, and then the reason."""
        source = Counted(range(100))
        outcomes = stage.as_completed(source.sync(), window=3)
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.settle(0, 1)
        await first
        stage.in_flight[2].fail(ClientClosedError("closed", token="the token"))  # as the engine does
        stage.answers = asyncio.Event()
        await steps()
        await stage.supervisor.aclose()
        await stage.fan_outs.aclose()
        taken = [await anext(outcomes) for _ in range(3)]

        assert [1, 2, 3] == [outcome.index for outcome in taken]
        assert "the token" == taken[1].error.token  # type: ignore[union-attr]
        assert isinstance(taken[2].error, ClientClosedError)
        assert source.is_closed
        with pytest.raises(ClientClosedError, match="before the source was at its end"):
            await anext(outcomes)
        with pytest.raises(StopAsyncIteration):
            await anext(outcomes)

    async def test_never_begun(self, stage: Stage) -> None:
        """One that was not begun before the client was closed says so, and starts nothing."""
        results = stage.map(["a"])
        await stage.supervisor.aclose()
        await stage.fan_outs.aclose()

        with pytest.raises(ClientClosedError):
            await anext(results)
        assert (0, {asyncio.current_task()}) == (stage.sent, asyncio.all_tasks())

    async def test_what_the_engine_has_failed_keeps_its_token(self, stage: Stage) -> None:
        """An error that comes with a token is not replaced by one without, however close the two are."""
        outcomes = stage.as_completed(["a"])
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        stage.in_flight["a"].fail(ClientClosedError("closed", token="the token"))
        await stage.fan_outs.aclose()

        assert "the token" == (await first).error.token  # type: ignore[union-attr]

    async def test_at_its_end_already(self, stage: Stage) -> None:
        """One whose source had ended is finished with what it has."""
        results = stage.map(["a", "b"])
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("b", "a")
        await stage.supervisor.aclose()
        await stage.fan_outs.aclose()

        assert ["a", "b"] == [text_of(await first), *[text_of(result) async for result in results]]

    async def test_a_send_that_finds_it_closed_ends_the_pulling(self, stage: Stage) -> None:
        """The first request that a closing client refuses is the last that is pulled, more or less."""
        source = Counted(range(10_000))

        stage.closed = ClientClosedError("the client is closed; open a new one")
        outcomes = stage.as_completed(source.sync())
        taken: list[InferenceOutcome[Result]] = []
        with pytest.raises(ClientClosedError):
            await take_all(outcomes, taken)

        assert source.pulled == len(taken) < 50
