"""Trying again what may be done twice: reads and writes of whole objects."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aio_sm_async.clock import Clock, SystemClock
from aio_sm_async.errors import (
    AmbiguousError,
    AsyncInferenceError,
    NotSentError,
    ServiceError,
    ThrottledError,
)
from aio_sm_async.protocol.backoff import full_jitter

T = TypeVar("T")


def may_pass(error: AsyncInferenceError) -> bool:
    """Whether the same call may succeed later: after faults of the network or server, and throttling."""
    if isinstance(error, ServiceError):
        return isinstance(error, ThrottledError) or error.status >= 500
    return isinstance(error, NotSentError | AmbiguousError)


class Retries:
    """A few tries with growing, jittered pauses between them; only for what is idempotent."""

    def __init__(
        self, clock: Clock | None = None, *, dice: Callable[[], float] = random.random, tries: int = 4
    ) -> None:
        self._clock = clock or SystemClock()
        self._dice = dice
        self.tries = tries

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The result of the first attempt that succeeds.

        Raises:
            AsyncInferenceError: That of the last attempt, or of the first that no retry can mend.
        """
        failed = 0
        while True:
            try:
                return await attempt()
            except AsyncInferenceError as exc:
                failed += 1
                await self.pause(failed, exc)

    async def pause(self, failed: int, error: AsyncInferenceError) -> None:
        """Wait before the next try.

        Args:
            failed: How many tries have failed in a row.
            error: The last failure.

        Raises:
            AsyncInferenceError: ``error`` itself, if another try is useless or one too many.
        """
        if failed >= self.tries or not may_pass(error):
            raise error
        await self._clock.sleep_until(self._clock.monotonic() + full_jitter(failed, self._dice()))
