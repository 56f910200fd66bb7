"""Sends a request to SageMaker until it is accepted, refused, or nobody knows.

InvokeEndpointAsync has no idempotency token: what may have been accepted is never sent again from here.
Only what was certainly not accepted is: without a connection, ten times at most and from a budget that the
client's requests share; throttled or `ServiceUnavailable`, for a time, while the permits make all pause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from aio_sm_async.clock import Clock
from aio_sm_async.errors import (
    AmbiguousError,
    AsyncInferenceError,
    NotSentError,
    ServiceError,
)
from aio_sm_async.flow import SubmitPermits
from aio_sm_async.protocol.backoff import RetryBudget, full_jitter
from aio_sm_async.protocol.request import Acceptance, InvocationRequest
from aio_sm_async.statistics import Counters
from aio_sm_async.wire.runtime import Runtime
from aio_sm_async.wire.translate import is_ambiguous, is_retry_safe

MAX_ATTEMPTS = 10


@dataclass(slots=True)
class _Course:
    """How the sending of one request has gone so far."""

    since: float
    attempts: int = 0
    not_sent: int = 0


class Submission:
    """Sends requests under the semaphore.

    Args:
        runtime: The call.
        permits: The semaphore.
        clock: Time.
        dice: Random numbers, at least 0 and below 1.
        counters: Where throttling is counted.
        timeout_seconds: How long one request may take.
        retry_timeout_seconds: How long after its first attempt a throttled request is given up.
    """

    def __init__(
        self,
        runtime: Runtime,
        permits: SubmitPermits,
        *,
        clock: Clock,
        dice: Callable[[], float],
        counters: Counters,
        timeout_seconds: float,
        retry_timeout_seconds: float = 120.0,
    ) -> None:
        self._runtime = runtime
        self._permits = permits
        self._clock = clock
        self._dice = dice
        self._counters = counters
        self._timeout_seconds = timeout_seconds
        self._retry_timeout_seconds = retry_timeout_seconds
        self._budget = RetryBudget()

    async def send(self, request: InvocationRequest) -> Acceptance:
        """Send it, and again as long as it was certainly not accepted.

        Raises:
            AmbiguousError: It was sent, and its answer is lost.
            AsyncInferenceError: It was refused, or could not be sent, for good.
        """
        course: _Course | None = None
        while True:
            await self._permits.acquire(again=course is not None)
            try:
                course = course or _Course(self._clock.monotonic())
                course.attempts += 1
                answer = await self._attempt(request)
            finally:
                self._permits.release()
            if isinstance(answer, Acceptance):
                return answer
            await self._prepare_retry(answer, course)

    async def _attempt(self, request: InvocationRequest) -> Acceptance | AsyncInferenceError:
        try:
            acceptance = await self._runtime.invoke(request, timeout_seconds=self._timeout_seconds)
        except AsyncInferenceError as error:
            if _is_one_too_many(error):
                self._counters["throttled"] += 1
                self._permits.refused(self._dice())
                if self._permits.is_hopeless:  # before the next that waits gets the permit
                    self._permits.turn_away(partial(_not_even_sent, error, self._retry_timeout_seconds))
            elif not isinstance(error, NotSentError):
                self._permits.answered()
            return error
        self._permits.succeeded()
        self._budget.success()
        return acceptance

    async def _prepare_retry(self, error: AsyncInferenceError, course: _Course) -> None:
        """Return when it may be sent again; raise what came of it if it may not."""
        if isinstance(error, AmbiguousError):
            raise error
        if is_ambiguous(error):  # the server failed when it had the request: it may have queued it before
            raise AmbiguousError(
                f"{error} Nobody can tell whether the request was accepted before that: "
                "look for its result before you send it again."
            ) from error
        if not self._may_be_sent_again(error, course):
            if course.attempts > 1:
                error.add_note(f"after {course.attempts} attempts")
            raise error
        if isinstance(error, NotSentError):
            delay = full_jitter(course.not_sent, self._dice())
            await self._clock.sleep_until(self._clock.monotonic() + delay)
        # Else the permits make it pause, and all others with it.

    def _may_be_sent_again(self, error: AsyncInferenceError, course: _Course) -> bool:
        if isinstance(error, NotSentError):
            course.not_sent += 1
            return course.not_sent < MAX_ATTEMPTS and self._budget.try_withdraw()
        if not _is_one_too_many(error):
            return False
        if self._permits.is_hopeless:
            return False
        return self._clock.monotonic() - course.since < self._retry_timeout_seconds


def _is_one_too_many(error: AsyncInferenceError) -> bool:
    """Whether SageMaker refused the request for now: throttled, or not available."""
    return is_retry_safe(error) and not isinstance(error, NotSentError)


def _not_even_sent(error: AsyncInferenceError, seconds: float) -> AsyncInferenceError:
    """The error of a request that waits while SageMaker refuses all others."""
    assert isinstance(error, ServiceError)
    given_up = type(error)(
        error.operation, error.code, error.message, status=error.status, remedy=error.remedy
    )
    given_up.add_note(f"SageMaker refused every request for {seconds:g} s")
    return given_up
