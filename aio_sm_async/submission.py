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
    ServiceError,
    ServiceUnavailable,
    ThrottledError,
)
from aio_sm_async.flow import SubmitPermits
from aio_sm_async.protocol.backoff import RetryBudget, full_jitter
from aio_sm_async.protocol.request import Acceptance, InvocationRequest
from aio_sm_async.statistics import Counters
from aio_sm_async.wire.runtime import Runtime

MAX_ATTEMPTS = 10
AMBIGUOUS_STATUSES = frozenset({500, 502, 504})
"""A server, or a proxy before it, failed after it had the request: it may have been queued all the same."""


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
                if isinstance(error, ThrottledError | ServiceUnavailable):
                    self._counters["throttled"] += 1
                    self._permits.refused(self._dice())
            await self._prepare_retry(error, attempt)

    async def _prepare_retry(self, error: AsyncInferenceError, attempt: int) -> None:
        """Return when it may be sent again; raise what came of it if it may not."""
        if isinstance(error, AmbiguousError):
            raise error
        if isinstance(error, ServiceError) and error.status in AMBIGUOUS_STATUSES:
            raise AmbiguousError(
                f"{error} Whether the request was accepted before it failed, nobody can tell."
            ) from error
        if (
            not isinstance(error, NotSentError | ThrottledError | ServiceUnavailable)
            or attempt >= MAX_ATTEMPTS
        ):
            error.add_note(f"after {attempt} attempts") if attempt > 1 else None
            raise error
        if isinstance(error, NotSentError):
            if not self._budget.try_withdraw():
                raise error
            delay = full_jitter(attempt, self._dice())
            await self._clock.sleep_until(self._clock.monotonic() + delay)
