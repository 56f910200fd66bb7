"""Failures that are worth a second try: which, how often, and after how long."""

from __future__ import annotations

import logging
import math
import os
import random
from collections.abc import Callable
from dataclasses import dataclass

from aio_sm_async.clock import Clock
from aio_sm_async.codecs import StreamedPayload
from aio_sm_async.drafts import Draft
from aio_sm_async.errors import ClientClosedError, ExpiredError, InferenceFailedError, InvalidRequestError
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.options import InvocationOptions
from aio_sm_async.protocol.backoff import full_jitter
from aio_sm_async.protocol.failure_reason import may_pass_by_itself

logger = logging.getLogger("aio_sm_async")


def is_transient(error: Exception) -> bool:
    """Whether the same item may succeed if it is sent again.

    True for what blames the container (its 5xx, no response) and for what SageMaker let expire. False for
    what blames the request (the container's 4xx), for what SageMaker refused, since that was tried again
    already, and for `DeadlinePassedError`: nobody knows whether it still runs.

    Args:
        error: What the item failed with.
    """
    if isinstance(error, InferenceFailedError):
        return may_pass_by_itself(error.reason, error.response)
    return isinstance(error, ExpiredError)


@dataclass(frozen=True, slots=True)
class RetryFailed:
    """Items that failed are sent again, each time under a new inference id; each may run, and be paid for.

    Before each attempt there is a pause at random, up to a ceiling that doubles each time.

    Attributes:
        attempts: How often an item is sent at most, the first time among them.
        when: Whether an error is worth another attempt. If it raises, that is logged, and the error stands.
        base_seconds: The ceiling of the first pause.
        cap_seconds: Where the ceiling stops growing.

    Raises:
        InvalidRequestError: One of them cannot work.
    """

    attempts: int = 3
    when: Callable[[Exception], bool] = is_transient
    base_seconds: float = 1.0
    cap_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidRequestError(
                "attempts", "must be at least 1", "The first is among them: 2 is one second try."
            )
        for name in ("base_seconds", "cap_seconds"):
            seconds: float = getattr(self, name)
            if not 0 <= seconds < math.inf:
                raise InvalidRequestError(name, "must be a number of seconds, 0 or more", "Leave it out.")


class SecondTries:
    """Decides for one fan-out whether an item is sent again, and waits until it is time.

    Args:
        policy: What the caller said; None for no second tries.
        clock: Time.
        dice: Random numbers, at least 0 and below 1.
    """

    def __init__(
        self, policy: RetryFailed | None, clock: Clock, dice: Callable[[], float] = random.random
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._dice = dice

    @property
    def are_wanted(self) -> bool:
        """Whether there may be any, so that payloads have to be kept."""
        return self._policy is not None and self._policy.attempts > 1

    def pause_seconds(self, attempts: int, error: Exception) -> float | None:
        """How long to wait before it is sent again; None if the error stands.

        Args:
            attempts: How many have failed.
            error: What the last one failed with.
        """
        policy = self._policy
        if policy is None or attempts >= policy.attempts or isinstance(error, ClientClosedError):
            return None
        try:
            is_worth_it = policy.when(error)
        except Exception:
            logger.exception("retry_failed.when failed; the item is not sent again")
            return None
        if not is_worth_it:
            return None
        return full_jitter(
            attempts, self._dice(), base_seconds=policy.base_seconds, cap_seconds=policy.cap_seconds
        )

    async def pause(self, seconds: float) -> None:
        """Return after so long."""
        await self._clock.sleep_until(self._clock.monotonic() + seconds)


def repeat_of(request: InferenceRequest, draft: Draft) -> InferenceRequest | None:
    """The same request once more, under a new inference id; None if its payload can be read only once.

    Args:
        request: What was sent.
        draft: What became of it: its payload is kept as it was encoded, whatever the caller does to it since.
    """
    options: InvocationOptions = {**request.options, "inference_id": None}
    if request.input_location is not None:
        return InferenceRequest(input_location=request.input_location, key=request.key, **options)
    sent = draft.upload or draft.request
    options["content_type"] = sent.content_type
    if not isinstance(sent, StreamedPayload):
        return InferenceRequest(sent.body, key=request.key, **options)
    if isinstance(sent.source, os.PathLike):
        return InferenceRequest(sent.source, key=request.key, **options)
    return None
