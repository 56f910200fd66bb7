"""Sends a request to SageMaker until it is accepted, refused, or nobody knows.

InvokeEndpointAsync has no idempotency token: what may have been accepted is never sent again from here.
Only what was certainly not accepted is: no connection, throttling, `ServiceUnavailable`.
"""

from __future__ import annotations

from collections.abc import Callable

from aio_sm_async.clock import Clock
from aio_sm_async.errors import (
    AmbiguousError,
    AsyncInferenceError,
    NotSentError,
)
from aio_sm_async.flow import SubmitPermits
from aio_sm_async.protocol.backoff import RetryBudget, full_jitter
from aio_sm_async.protocol.request import Acceptance, InvocationRequest
from aio_sm_async.statistics import Counters
from aio_sm_async.wire.runtime import Runtime
from aio_sm_async.wire.translate import is_ambiguous, is_retry_safe

MAX_ATTEMPTS = 10


class Submission:
    """Sends requests under the semaphore.

    Args:
        runtime: The call.
        permits: The semaphore.
        clock: Time.
        dice: Random numbers, at least 0 and below 1.
        counters: Where throttling is counted.
        timeout_seconds: How long one request may take.
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
    ) -> None:
        self._runtime = runtime
        self._permits = permits
        self._clock = clock
        self._dice = dice
        self._counters = counters
        self._timeout_seconds = timeout_seconds
        self._budget = RetryBudget()

    async def send(self, request: InvocationRequest) -> Acceptance:
        """Send it, and again as long as it was certainly not accepted.

        Raises:
            AmbiguousError: It was sent, and its answer is lost.
            AsyncInferenceError: It was refused, or could not be sent, for good.
        """
        attempt = 0
        while True:
            attempt += 1
            async with self._permits:
                try:
                    acceptance = await self._runtime.invoke(request, timeout_seconds=self._timeout_seconds)
                except AsyncInferenceError as exc:
                    error = exc
                else:
                    self._permits.succeeded()
                    self._budget.success()
                    return acceptance
                if _is_one_too_many(error):
                    self._counters["throttled"] += 1
                    self._permits.refused(self._dice())
            await self._prepare_retry(error, attempt)

    async def _prepare_retry(self, error: AsyncInferenceError, attempt: int) -> None:
        """Return when it may be sent again; raise what came of it if it may not."""
        if isinstance(error, AmbiguousError):
            raise error
        if is_ambiguous(error):  # the server failed when it had the request: it may have queued it before
            raise AmbiguousError(
                f"{error} Nobody can tell whether the request was accepted before that: "
                "look for its result before you send it again."
            ) from error
        if not is_retry_safe(error) or attempt >= MAX_ATTEMPTS:
            if attempt > 1:
                error.add_note(f"after {attempt} attempts")
            raise error
        if _is_one_too_many(error):
            return  # the permits make it pause, and all others with it
        if not self._budget.try_withdraw():
            raise error
        delay = full_jitter(attempt, self._dice())
        await self._clock.sleep_until(self._clock.monotonic() + delay)


def _is_one_too_many(error: AsyncInferenceError) -> bool:
    """Whether SageMaker refused the request for now: throttled, or not available."""
    return is_retry_safe(error) and not isinstance(error, NotSentError)
