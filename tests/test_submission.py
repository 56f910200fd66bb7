"""Sending a request until it is accepted, refused, or nobody knows."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.clock import VirtualClock
from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    AsyncInferenceError,
    CredentialsError,
    InternalFailure,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    ServiceError,
    ServiceUnavailable,
    ThrottledError,
    ValidationError,
)
from aio_sm_async.flow import SubmitPermits
from aio_sm_async.protocol.backoff import RetryBudget
from aio_sm_async.protocol.request import Acceptance, InvocationRequest
from aio_sm_async.submission import MAX_ATTEMPTS, Submission

INVOKE = "InvokeEndpointAsync"
REQUEST = InvocationRequest("digits", body=b"1", inference_id="id-1")
ACCEPTED = Acceptance("id-1", None, None)
THROTTLED = ThrottledError(INVOKE, "ThrottlingException", "rate exceeded", status=400)
UNAVAILABLE = ServiceUnavailable(INVOKE, "ServiceUnavailable", "busy", status=503)
FOREIGN_503 = ServiceError(INVOKE, "HTTP503", "busy", status=503)
NOT_SENT = NotSentError("connection refused")


def one_too_many() -> ThrottledError:
    return ThrottledError(INVOKE, "ThrottlingException", "rate exceeded", status=400)


@dataclass
class SageMaker:
    """Answers as it is told to, and accepts everything after that.

    Attributes:
        answers: What the next requests come to; None accepts.
        for_ever: What every request after those comes to.
        requests: What arrived, in order.
        timeouts: How long each might take.
        gate: Requests wait for it where it is set.
    """

    answers: list[AsyncInferenceError | None] = field(default_factory=list)
    for_ever: AsyncInferenceError | None = None
    requests: list[InvocationRequest] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    gate: asyncio.Event | None = None

    async def invoke(self, request: InvocationRequest, *, timeout_seconds: float) -> Acceptance:
        self.requests.append(request)
        self.timeouts.append(timeout_seconds)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.inside -= 1
        answer = self.answers.pop(0) if self.answers else self.for_ever
        if answer is not None:
            raise answer
        return ACCEPTED


@dataclass
class Stage:
    """A submission and what it stands on."""

    sagemaker: SageMaker
    limit: int = 4
    clock: VirtualClock = field(default_factory=VirtualClock)
    counters: Counter[str] = field(default_factory=Counter)
    permits: SubmitPermits = field(init=False)
    submission: Submission = field(init=False)

    def __post_init__(self) -> None:
        self.permits = SubmitPermits(self.limit, self.clock)
        self.submission = Submission(
            self.sagemaker,  # type: ignore[arg-type] # it has the one method that is called
            self.permits,
            clock=self.clock,
            dice=lambda: 0.5,
            counters=self.counters,
            timeout_seconds=7.0,
        )

    async def send(self, seconds: float = 600) -> Acceptance:
        """Send one request, and let so much time pass that every pause is over."""
        sending = asyncio.create_task(self.submission.send(REQUEST))
        await self.clock.advance(seconds)
        try:
            return await asyncio.wait_for(sending, timeout=1)
        finally:
            assert self.permits.open == 0


def stage(*answers: AsyncInferenceError | None, for_ever: AsyncInferenceError | None = None) -> Stage:
    return Stage(SageMaker(list(answers), for_ever))


async def test_an_accepted_request_is_sent_once() -> None:
    """It costs one call, which may take as long as was configured."""
    on = stage()

    assert ACCEPTED == await on.send()
    assert [REQUEST] == on.sagemaker.requests
    assert [7.0] == on.sagemaker.timeouts
    assert {} == on.counters


@pytest.mark.parametrize(
    "error", [NOT_SENT, THROTTLED, UNAVAILABLE, FOREIGN_503], ids=lambda e: type(e).__name__
)
async def test_what_was_certainly_not_accepted_is_sent_again(error: AsyncInferenceError) -> None:
    """No connection, throttling and a 503 cost time, and the same request goes again."""
    on = stage(error, error)

    assert ACCEPTED == await on.send()
    assert [REQUEST] * 3 == on.sagemaker.requests


@pytest.mark.parametrize(
    "error",
    [
        InternalFailure(INVOKE, "InternalFailure", "oops", status=500),
        ServiceError(INVOKE, "HTTP502", "bad gateway", status=502),
        ServiceError(INVOKE, "HTTP504", "gateway timeout", status=504),
        ServiceError(INVOKE, "RequestTimeout", "too slow", status=400),
    ],
    ids=lambda error: error.code,
)
async def test_a_server_that_failed_with_the_request_may_have_accepted_it(error: ServiceError) -> None:
    """It is not sent again; the error says so, and what the server said."""
    on = stage(error)
    with pytest.raises(AmbiguousError) as caught:
        await on.send()

    assert 1 == len(on.sagemaker.requests)
    assert error is caught.value.__cause__
    assert str(caught.value) == (
        f"{error} Nobody can tell whether the request was accepted before that: "
        "look for its result before you send it again."
    )


async def test_a_lost_answer_is_passed_on_as_it_is() -> None:
    """A connection that broke after the request was sent is ambiguous already."""
    error = AmbiguousError("the connection was reset. Look for the result.")
    on = stage(error)
    with pytest.raises(AmbiguousError) as caught:
        await on.send()

    assert error is caught.value
    assert 1 == len(on.sagemaker.requests)


@pytest.mark.parametrize(
    "error",
    [
        ValidationError(INVOKE, "ValidationError", "no such endpoint", status=400),
        AccessDeniedError(INVOKE, "AccessDeniedException", "no", status=403),
        CredentialsError(INVOKE, "ExpiredTokenException", "expired", status=403),
        NotFoundError(INVOKE, "ResourceNotFoundException", "gone", status=404),
        ServiceError(INVOKE, "HTTP418", "a teapot", status=418),
        InvalidRequestError("payload", "is too large", "Shorten it."),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_refusal_is_final(error: AsyncInferenceError) -> None:
    """A request that SageMaker finds wrong is as wrong the second time."""
    on = stage(error)
    with pytest.raises(type(error)) as caught:
        await on.send()

    assert error is caught.value
    assert 1 == len(on.sagemaker.requests)
    assert not hasattr(error, "__notes__")


async def test_a_refusal_after_retries_tells_how_many() -> None:
    """The note explains why it took so long."""
    error = ValidationError(INVOKE, "ValidationError", "no such endpoint", status=400)
    on = stage(NOT_SENT, THROTTLED, error)
    with pytest.raises(ValidationError) as caught:
        await on.send()

    assert ["after 3 attempts"] == caught.value.__notes__


async def test_an_ambiguous_answer_ends_the_retries() -> None:
    """Nothing is sent after a request that may have been accepted."""
    on = stage(THROTTLED, AmbiguousError("reset"))
    with pytest.raises(AmbiguousError):
        await on.send()

    assert 2 == len(on.sagemaker.requests)


async def test_attempts_without_a_connection_are_bounded() -> None:
    """A host that is never reached ends in its own error, which says how often it was tried."""
    on = stage(for_ever=NotSentError("connection refused"))
    with pytest.raises(NotSentError) as caught:
        await on.send()

    assert MAX_ATTEMPTS == len(on.sagemaker.requests)
    assert [f"after {MAX_ATTEMPTS} attempts"] == caught.value.__notes__


async def test_throttling_is_given_up_in_time() -> None:
    """The last attempt is made when the time is up, not a pause later; the error says how many there were."""
    on = stage(for_ever=one_too_many())
    began = on.clock.monotonic()
    sending = asyncio.create_task(on.submission.send(REQUEST))
    await on.clock.advance(119.9)
    before = sending.done()
    await on.clock.advance(0.2)
    with pytest.raises(ThrottledError) as caught:
        await sending

    assert not before
    assert [f"after {len(on.sagemaker.requests)} attempts"] == caught.value.__notes__
    assert on.clock.monotonic() - began < 121
    assert 5 < len(on.sagemaker.requests) < 30


@pytest.mark.parametrize("error", [THROTTLED, UNAVAILABLE, FOREIGN_503], ids=lambda error: error.code)
async def test_all_that_wait_are_given_up_together(error: ServiceError) -> None:
    """If everything was refused for the whole time, those that were never sent fail too, each by itself."""
    on = stage(for_ever=error)
    sending = [asyncio.create_task(on.submission.send(REQUEST)) for _ in range(200)]
    await on.clock.advance(121)
    ended = await asyncio.wait_for(asyncio.gather(*sending, return_exceptions=True), timeout=1)

    assert {type(error)} == {type(each) for each in ended}
    assert len(on.sagemaker.requests) < 40
    waited = [each for each in ended if each is not error]
    assert len(waited) > 150
    assert len(waited) == len({id(each) for each in waited})
    assert (error.code, error.status) == (waited[0].code, waited[0].status)  # type: ignore[union-attr]
    assert ["SageMaker refused every request for 120 s"] == waited[0].__notes__


async def test_after_all_were_given_up_one_attempt_tells() -> None:
    """Who comes then fails with the first refusal; who comes when SageMaker accepts again is accepted."""
    on = stage(for_ever=one_too_many())
    with pytest.raises(ThrottledError):
        await on.send(121)
    on.sagemaker.requests.clear()
    with pytest.raises(ThrottledError):
        await on.send(30)
    asked = len(on.sagemaker.requests)
    on.sagemaker.for_ever = None

    assert ACCEPTED == await on.send(30)
    assert 1 == asked


async def test_any_other_answer_gives_hope_again() -> None:
    """What is refused as wrong was not refused as one too many: those that wait go on waiting."""
    on = Stage(SageMaker(for_ever=one_too_many()), limit=1)
    early = asyncio.create_task(on.submission.send(REQUEST))
    await on.clock.advance(100)
    on.sagemaker.answers = [ValidationError(INVOKE, "ValidationError", "no", status=400)]
    await on.clock.advance(19)
    with pytest.raises(ValidationError):
        await early
    later = asyncio.create_task(on.submission.send(REQUEST))
    await on.clock.advance(60)
    waits = not later.done()
    on.sagemaker.for_ever = None
    await on.clock.advance(30)

    assert waits
    assert ACCEPTED == await later


async def test_one_refusal_long_ago_is_no_outage() -> None:
    """If nobody asked for longer than the whole time, the next refusal begins a new count."""
    on = stage()
    on.permits.refused(0.5)
    await on.clock.advance(3600)
    on.sagemaker.answers = [THROTTLED]

    assert ACCEPTED == await on.send()


async def test_a_request_has_its_own_time_while_others_are_accepted() -> None:
    """One that is refused again and again ends when its own time is up, however the others fare."""
    on = stage()
    unlucky, refused = InvocationRequest("digits", body=b"2"), one_too_many()
    invoke = on.sagemaker.invoke

    class Unfair:
        async def invoke(self, request: InvocationRequest, *, timeout_seconds: float) -> Acceptance:
            if request is unlucky:
                raise refused
            return await invoke(request, timeout_seconds=timeout_seconds)

    on.submission._runtime = Unfair()  # type: ignore[assignment]
    sending = asyncio.create_task(on.submission.send(unlucky))
    others = []
    for _ in range(24):
        others += [asyncio.create_task(on.submission.send(REQUEST)) for _ in range(3)]
        await on.clock.advance(5)
    before = sending.done()
    await on.clock.advance(25)
    with pytest.raises(ThrottledError) as caught:
        await sending

    assert not before
    assert refused is caught.value
    assert {ACCEPTED} == set(await asyncio.gather(*others))


async def test_who_was_refused_goes_before_who_comes_later() -> None:
    """Its time runs, so it does not queue behind thousands that were never sent."""
    on = Stage(SageMaker([THROTTLED]), limit=1)
    requests = [InvocationRequest("digits", body=str(n).encode()) for n in range(9)]
    sending = [asyncio.create_task(on.submission.send(each)) for each in requests]
    await on.clock.advance(5)
    await asyncio.gather(*sending)

    first, *later = on.sagemaker.requests
    assert requests[0] == first
    assert later.index(first) < 3
    assert [*requests[1:], first] == sorted(later, key=lambda each: (each == first, each.body))


def test_a_throttle_of_five_seconds_loses_nothing() -> None:
    """2,000 requests at a service that refuses all for 5 s are accepted, with 2,400 calls at most."""

    async def play() -> tuple[int, set[Acceptance]]:
        on = Stage(SageMaker(for_ever=one_too_many()), limit=64)
        sending = [asyncio.create_task(on.submission.send(REQUEST)) for _ in range(2000)]
        await on.clock.advance(5)
        on.sagemaker.for_ever = None
        await on.clock.advance(20)
        return len(on.sagemaker.requests), set(await asyncio.gather(*sending))

    calls, answers = asyncio.run(play())

    assert {ACCEPTED} == answers
    assert calls <= 1.2 * 2000


async def test_retries_without_a_connection_come_ever_later() -> None:
    """With middling dice: 50 ms, 100 ms, 200 ms."""
    on = stage(NOT_SENT, NOT_SENT, NOT_SENT)
    sending = asyncio.create_task(on.submission.send(REQUEST))
    seen = []
    for pause in (0.0, 0.05, 0.1, 0.2):
        await on.clock.advance(pause * 0.99)
        before = len(on.sagemaker.requests)
        await on.clock.advance(pause * 0.01 + 1e-9)
        seen.append((before, len(on.sagemaker.requests)))
    await sending

    assert [(1, 1), (1, 2), (2, 3), (3, 4)] == seen


async def test_a_request_that_pauses_holds_no_permit() -> None:
    """Another may be sent while one without a connection waits for its next attempt."""
    on = Stage(SageMaker([NOT_SENT, None]), limit=1)
    pausing = asyncio.create_task(on.submission.send(REQUEST))
    await on.clock.advance(0)
    other = InvocationRequest("digits", body=b"2", inference_id="id-2")
    accepted = await on.submission.send(other)
    while_pausing = not pausing.done()
    await on.clock.advance(60)
    await pausing

    assert ACCEPTED == accepted
    assert while_pausing
    assert [REQUEST, other, REQUEST] == on.sagemaker.requests


async def test_throttling_is_counted_and_lowers_the_limit() -> None:
    """Throttling and 503 count, a missing connection does not."""
    on = stage(NOT_SENT, THROTTLED, NOT_SENT, UNAVAILABLE)
    await on.send()

    assert {"throttled": 2} == on.counters


@pytest.mark.parametrize(("error", "limit"), [(THROTTLED, 2), (UNAVAILABLE, 2), (NOT_SENT, 4)])
async def test_only_one_too_many_halves_the_limit(error: AsyncInferenceError, limit: int) -> None:
    """An endpoint that cannot be reached says nothing of how much it takes."""
    on = stage(error)
    sending = asyncio.create_task(on.submission.send(REQUEST))
    await on.clock.advance(0)
    lowered = on.permits.limit
    await on.clock.advance(60)
    await sending

    assert limit == lowered


async def test_an_outage_is_not_answered_with_a_storm() -> None:
    """Once the shared budget is spent a request without a connection fails at its first attempt."""
    on = stage(for_ever=NotSentError("connection refused"))
    retries = RetryBudget().capacity // RetryBudget().retry_cost
    requests = 50
    sending = [asyncio.create_task(on.submission.send(REQUEST)) for _ in range(requests)]
    await on.clock.advance(600)
    ended = await asyncio.gather(*sending, return_exceptions=True)

    assert requests + retries == len(on.sagemaker.requests)
    assert {NotSentError} == {type(error) for error in ended}


async def test_success_earns_retries_back() -> None:
    """Five accepted requests pay for one retry."""
    on = stage(for_ever=NotSentError("connection refused"))
    sending = [asyncio.create_task(on.submission.send(REQUEST)) for _ in range(20)]
    await on.clock.advance(600)
    await asyncio.gather(*sending, return_exceptions=True)
    on.sagemaker.for_ever = None
    for _ in range(5):
        await on.send(0)
    on.sagemaker.requests.clear()
    on.sagemaker.answers = [NOT_SENT, NotSentError("refused again")]
    with pytest.raises(NotSentError, match="refused again"):
        await on.send()

    assert 2 == len(on.sagemaker.requests)


async def test_throttling_needs_no_budget() -> None:
    """Its brake is the shared pause: an outage before it leaves it all its attempts."""
    on = stage(for_ever=NotSentError("connection refused"))
    sending = [asyncio.create_task(on.submission.send(REQUEST)) for _ in range(20)]
    await on.clock.advance(600)
    await asyncio.gather(*sending, return_exceptions=True)
    on.sagemaker.for_ever = None
    on.sagemaker.answers = [THROTTLED] * 8

    assert ACCEPTED == await on.send()


async def test_no_more_are_open_than_permitted() -> None:
    """The rest wait for their turn."""
    on = Stage(SageMaker(gate=asyncio.Event()), limit=3)
    assert on.sagemaker.gate is not None
    sending = [asyncio.create_task(on.submission.send(REQUEST)) for _ in range(10)]
    await on.clock.advance(0)
    on.sagemaker.gate.set()
    await asyncio.gather(*sending)

    assert 3 == on.sagemaker.most_inside
    assert 10 == len(on.sagemaker.requests)


async def test_a_cancelled_request_gives_its_permit_back() -> None:
    """Whether it was under way, pausing or waiting for its turn."""
    on = Stage(SageMaker([NOT_SENT], gate=asyncio.Event()), limit=1)
    assert on.sagemaker.gate is not None
    under_way = asyncio.create_task(on.submission.send(REQUEST))
    await on.clock.advance(0)
    waiting = asyncio.create_task(on.submission.send(REQUEST))
    await on.clock.advance(0)
    under_way.cancel()
    waiting.cancel()
    await asyncio.wait([under_way, waiting])
    on.sagemaker.gate.set()
    pausing = asyncio.create_task(on.submission.send(REQUEST))
    await on.clock.advance(0)
    pausing.cancel()
    await asyncio.wait([pausing])

    assert under_way.cancelled()
    assert waiting.cancelled()
    assert pausing.cancelled()
    assert ACCEPTED == await on.send()


_answers = st.sampled_from(
    [
        None,
        NOT_SENT,
        FOREIGN_503,
        AmbiguousError("reset"),
        InternalFailure(INVOKE, "InternalFailure", "oops", status=500),
        ServiceError(INVOKE, "HTTP502", "bad gateway", status=502),
        ValidationError(INVOKE, "ValidationError", "no", status=400),
    ]
)


@given(st.lists(_answers, max_size=MAX_ATTEMPTS))
def test_nothing_is_sent_after_what_may_have_been_accepted(answers: list[AsyncInferenceError | None]) -> None:
    """In any order of answers, every one but the last was a certain refusal."""
    on = stage(*answers)

    async def send() -> None:
        with contextlib.suppress(AsyncInferenceError):
            await on.send()

    asyncio.run(send())
    before_the_last = answers[: len(on.sagemaker.requests) - 1]

    assert all(answer in (NOT_SENT, FOREIGN_503) for answer in before_the_last)
