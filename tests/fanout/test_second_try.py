"""Items that are sent again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.drafts import Draft
from aio_sm_async.errors import (
    AbandonedError,
    ClientClosedError,
    DeadlinePassedError,
    DecodeError,
    ExpiredError,
    InferenceFailedError,
    InvalidRequestError,
    ThrottledError,
)
from aio_sm_async.fanout.progress import FanOutProgress
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.fanout.second_try import RetryFailed, SecondTries, is_transient, repeat_of
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.request import InvocationRequest
from tests.fanout.stage import Counted, Stage, steps, text_of

ANY = RetryFailed(attempts=3, when=lambda _: True, base_seconds=8.0)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def stage(clock: VirtualClock) -> AsyncIterator[Stage]:
    async with Stage(clock=clock) as stage:
        yield stage


class TestWhat:
    @pytest.mark.parametrize(
        ("error", "is_worth_it"),
        [
            (InferenceFailedError("id", "e", "Received server error (500) from model."), True),
            (InferenceFailedError("id", "e", "found in S3", response=b'{"code": 503}'), True),
            (InferenceFailedError("id", "e", "Received client error (400) from model."), False),
            (ExpiredError("id", "e", "TTL"), True),
            (DeadlinePassedError("id", "e", "no word"), False),
            (AbandonedError("id", "e", "abandon()"), False),
            (ThrottledError("InvokeEndpointAsync", "Throttling", "slow", status=400), False),
            (DecodeError("no JSON", body=b"", content_type=None), False),
            (ValueError("ours"), False),
        ],
    )
    def test_is_transient(self, error: Exception, is_worth_it: bool) -> None:
        """What blames the container, and what expired, may succeed; all else would fail again."""
        assert is_worth_it is is_transient(error)

    @pytest.mark.parametrize(
        "wrong",
        [{"attempts": 0}, {"base_seconds": -1.0}, {"cap_seconds": float("inf")}],
    )
    def test_settings_that_cannot_work(self, wrong: dict[str, Any]) -> None:
        """The error names the setting."""
        with pytest.raises(InvalidRequestError) as caught:
            RetryFailed(**wrong)

        assert wrong.keys() == {caught.value.field}

    def test_pauses(self, clock: VirtualClock) -> None:
        """The ceiling doubles up to its cap; the last attempt's error stands."""
        policy = RetryFailed(attempts=5, when=lambda _: True, base_seconds=2.0, cap_seconds=5.0)
        tries = SecondTries(policy, clock, dice=lambda: 1.0)

        assert [2.0, 4.0, 5.0, 5.0, None] == [
            tries.pause_seconds(attempts, ValueError()) for attempts in range(1, 6)
        ]

    def test_what_never_is(self, clock: VirtualClock) -> None:
        """Neither without a policy nor by a closed client is anything sent again."""
        assert SecondTries(None, clock).pause_seconds(1, ValueError()) is None
        assert SecondTries(ANY, clock).pause_seconds(1, ClientClosedError("closed")) is None

    def test_judgement_that_fails(self, clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> None:
        """A `when` that raises is logged, and the item's own error stands."""
        tries = SecondTries(RetryFailed(when=lambda _: bool(1 // 0)), clock)
        with caplog.at_level(logging.ERROR, "aio_sm_async"):
            seconds = tries.pause_seconds(1, ValueError())

        assert (None, 1) == (seconds, len(caplog.records))


class TestRepeats:
    def draft(
        self, body: bytes | None = None, upload: EncodedPayload | StreamedPayload | None = None
    ) -> Draft:
        location = None if body is not None else "s3://b/k"
        request = InvocationRequest(
            endpoint_name="e", body=body, input_location=location, content_type="text/csv", inference_id="id"
        )
        return Draft(Invocation("id", "e", 60.0), request, upload)

    def test_inline(self) -> None:
        """The bytes that were sent are sent again under the same type, whatever became of the original."""
        original: list[int] = [1]
        request = InferenceRequest(original, key="k", inference_id="id", accept="text/plain")
        again = repeat_of(request, self.draft(b"[1]"))
        original.append(2)

        assert again is not None
        assert (b"[1]", "k") == (again.payload, again.key)
        assert {"accept": "text/plain", "content_type": "text/csv", "inference_id": None} == again.options

    def test_uploaded(self) -> None:
        """What was uploaded from memory is uploaded again."""
        again = repeat_of(InferenceRequest(b"x"), self.draft(upload=EncodedPayload(b"x" * 9, "image/png")))

        assert again is not None
        assert (b"x" * 9, "image/png") == (again.payload, again.options.get("content_type"))

    def test_of_a_location(self) -> None:
        """An input that is in S3 is named again."""
        again = repeat_of(InferenceRequest(input_location="s3://b/k", key="k"), self.draft())

        assert again is not None
        assert ("s3://b/k", "k") == (again.input_location, again.key)

    def test_path(self) -> None:
        """A file that is named is read again."""
        path = Path("rows.csv")
        again = repeat_of(InferenceRequest(path), self.draft(upload=StreamedPayload(path, "text/csv")))

        assert again is not None
        assert (path, "text/csv") == (again.payload, again.options.get("content_type"))

    def test_streamed(self) -> None:
        """What is read while it is uploaded is there once only."""
        source = StreamedPayload(Counted("").asynchronous(), "text/csv")  # type: ignore[arg-type]

        assert repeat_of(InferenceRequest(source.source), self.draft(upload=source)) is None


class TestRun:
    async def test_second_try(self, stage: Stage, clock: VirtualClock) -> None:
        """A failed item is sent again after its pause, counts as one, and its outcome tells both attempts."""
        outcomes = stage.as_completed([InferenceRequest("a", key="k")], retry_failed=ANY)
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.fail("a")
        await steps()
        before = stage.sent
        taken_before = list(stage.taken)
        await clock.advance(8.0)
        await steps()
        in_between = outcomes.progress
        await stage.settle("a")
        outcome = await first

        assert (1, [], 2) == (before, taken_before, stage.sent)
        assert (0, "k", "a") == (outcome.index, outcome.key, text_of(outcome.unwrap()))
        assert ["id-'a'", "id-'a'"] == [attempt.inference_id for attempt in outcome.attempts]
        assert isinstance(outcome.attempts[0].error, InferenceFailedError)
        assert outcome.attempts[1].error is None
        assert FanOutProgress(submitted=1, in_flight=1) == in_between
        assert FanOutProgress(submitted=1, in_flight=0, done=1) == outcomes.progress

    async def test_the_failure_is_taken_once_the_next_attempt_is_sent(
        self, stage: Stage, clock: VirtualClock
    ) -> None:
        """Until then it is told again to whoever comes, should this process end."""
        outcomes = stage.as_completed(["a"], retry_failed=ANY)
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.fail("a")
        await steps()
        before = list(stage.taken)
        await clock.advance(8.0)
        await steps()

        assert ([], ["id-'a'"]) == (before, stage.taken)
        first.cancel()

    async def test_last_attempt_fails(self, stage: Stage, clock: VirtualClock) -> None:
        """The last error is raised, with a note for each one before it."""
        results = stage.map(["a"], retry_failed=ANY)
        first = asyncio.ensure_future(anext(results))
        for _ in range(3):
            await steps()
            await clock.advance(16.0)
            await steps()
            await stage.fail("a")

        with pytest.raises(InferenceFailedError) as caught:
            await first
        notes = caught.value.__notes__
        assert "It belongs to item 0." == notes[0]
        assert ["Attempt 1 failed too", "Attempt 2 failed too"] == [
            note.partition(":")[0] for note in notes[1:]
        ]
        assert (3, 1) == (stage.sent, results.progress.failed)

    async def test_what_is_not_worth_it(self, stage: Stage) -> None:
        """A failure that would only happen again is handed out at once."""
        outcomes = stage.as_completed(["a"], retry_failed=RetryFailed())
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.fail("a")

        assert 1 == len((await first).attempts)

    async def test_refused_requests(self, stage: Stage, clock: VirtualClock) -> None:
        """A request that was refused may be sent again, too, if the caller thinks so."""
        outcomes = stage.as_completed(["refused"], retry_failed=ANY)
        first = asyncio.ensure_future(anext(outcomes))
        for _ in range(3):
            await steps()
            await clock.advance(16.0)
        outcome = await first

        assert [None] * 3 == [attempt.inference_id for attempt in outcome.attempts]
        assert FanOutProgress(submitted=0, in_flight=0, done=1, failed=1) == outcomes.progress

    async def test_payload_that_can_be_read_once(self, stage: Stage) -> None:
        """Its failure stands, and says why."""
        outcomes = stage.as_completed(["once"], retry_failed=ANY)
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.fail("once")
        error = (await first).error

        assert error is not None
        assert ["It was not sent again, since its payload can be read only once."] == error.__notes__

    async def test_repeat_that_is_refused_here(self, stage: Stage, clock: VirtualClock) -> None:
        """A request that has become wrong meanwhile ends with that."""
        outcomes = stage.as_completed(["a"], retry_failed=ANY)
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.fail("a")
        await steps()
        stage.refuses = True
        await clock.advance(8.0)

        assert isinstance((await first).error, InvalidRequestError)

    async def test_payloads_are_held(self, stage: Stage, clock: VirtualClock) -> None:
        """What may be sent again counts among the bytes until its outcome is taken, the pause included."""
        source = Counted([b"x" * 60, b"y" * 60, b"z" * 60])
        results = stage.map(source.sync(), max_buffered_bytes=100, retry_failed=ANY)
        first = asyncio.ensure_future(anext(results))
        await steps(20)
        in_flight = source.pulled
        await stage.fail(b"x" * 60)
        await steps(20)
        in_pause = source.pulled
        await clock.advance(8.0)
        await steps(20)
        await stage.settle(b"x" * 60)
        await first
        await steps(20)

        assert (2, 2, 3) == (in_flight, in_pause, source.pulled)

    async def test_words_of_earlier_failures_are_held(self, stage: Stage, clock: VirtualClock) -> None:
        """What containers said of the attempts before stays with the outcome, and counts."""
        source = Counted(["a", "b", "c"])
        outcomes = stage.map_either(source.sync(), window=2, max_buffered_bytes=10, retry_failed=ANY)
        first = asyncio.ensure_future(anext(outcomes))
        await steps(20)
        await stage.fail("b", response=b"x" * 20)
        await steps(20)
        await clock.advance(8.0)
        await steps(20)
        await stage.settle("b", "a")
        await first
        await steps(20)

        assert 2 == source.pulled

    async def test_left_during_a_pause(self, stage: Stage) -> None:
        """A fan-out that is left sends nothing again."""
        async with stage.as_completed(["a", "b"], retry_failed=ANY) as outcomes:
            first = asyncio.ensure_future(anext(outcomes))
            await steps()
            await stage.fail("a")
            await stage.settle("b")
            await first

        assert (2, 0) == (stage.sent, len(stage.fan_outs))

    async def test_client_is_closed_during_a_pause(self, stage: Stage) -> None:
        """The item fails with that; its outcome tells of the attempt before."""
        outcomes = stage.as_completed(["a"], retry_failed=ANY)
        first = asyncio.ensure_future(anext(outcomes))
        await steps()
        await stage.fail("a")
        await steps()
        await stage.fan_outs.aclose()
        outcome = await first

        assert isinstance(outcome.error, ClientClosedError)
        assert 1 == len(outcome.attempts)
