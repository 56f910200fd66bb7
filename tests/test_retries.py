"""Trying again."""

from __future__ import annotations

import asyncio

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    AsyncInferenceError,
    InternalFailure,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    ServiceUnavailable,
    ThrottledError,
)
from aio_sm_async.retries import Retries, may_pass

THROTTLED = ThrottledError("PutObject", "SlowDown", "slow down", status=400)


class Flaky:
    """Fails as often as it is told to."""

    def __init__(self, *errors: AsyncInferenceError) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (NotSentError("refused"), True),
        (AmbiguousError("reset"), True),
        (THROTTLED, True),
        (ServiceUnavailable("PutObject", "ServiceUnavailable", "busy", status=503), True),
        (InternalFailure("PutObject", "InternalError", "oops", status=500), True),
        (AccessDeniedError("PutObject", "AccessDenied", "no", status=403), False),
        (NotFoundError("GetObject", "NoSuchKey", "no", status=404), False),
        (InvalidRequestError("payload", "too large", "Split it."), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: AsyncInferenceError, passes: bool) -> None:
    """The network's faults, the server's and throttling pass; refusals stay."""
    assert may_pass(error) is passes


async def test_success_after_failures() -> None:
    """A call that fails twice and then succeeds has succeeded."""
    flaky = Flaky(NotSentError("refused"), THROTTLED)

    result = await Retries(VirtualClock(), dice=lambda: 0.0).call(flaky)

    assert (result, flaky.calls) == ("done", 3)


async def test_tries_are_bounded() -> None:
    """After the last try its error is raised, and no further call is made."""
    flaky = Flaky(*(AmbiguousError(f"reset {number}") for number in range(9)))

    with pytest.raises(AmbiguousError, match="reset 2"):
        await Retries(VirtualClock(), dice=lambda: 0.0, tries=3).call(flaky)

    assert flaky.calls == 3


async def test_refusals_are_final() -> None:
    """An error that no retry can mend is raised at once."""
    flaky = Flaky(AccessDeniedError("PutObject", "AccessDenied", "no", status=403))

    with pytest.raises(AccessDeniedError):
        await Retries().call(flaky)

    assert flaky.calls == 1


async def test_pauses_are_jittered_on_the_given_clock() -> None:
    """The pause after the first failure is the dice's share of a tenth of a second."""
    clock = VirtualClock()
    flaky = Flaky(THROTTLED)
    running = asyncio.create_task(Retries(clock, dice=lambda: 0.5).call(flaky))

    await clock.advance(0.049)
    before = flaky.calls
    await clock.advance(0.002)

    assert (before, flaky.calls) == (1, 2)
    assert await running == "done"
