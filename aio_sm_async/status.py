"""What is known of an invocation that was looked up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aio_sm_async.results import InferenceResult


@dataclass(frozen=True, slots=True)
class InvocationStatus:
    """How an invocation stood when it was looked up.

    Attributes:
        inference_id: The invocation.
        endpoint_name: Its endpoint.
        state: ``"pending"``: S3 has neither a result nor a failure. ``"completed"`` and ``"failed"``: it has.
            ``"deadline_passed"``: it has neither, and SageMaker is done with it for certain.
        deadline: When that is, or was; UTC.
        result: The result, if it completed.
        error: `InferenceFailedError` if it failed, `DeadlinePassedError` if its deadline passed.
    """

    inference_id: str
    endpoint_name: str
    state: Literal["pending", "completed", "failed", "deadline_passed"]
    deadline: datetime
    result: InferenceResult[object] | None = None
    error: Exception | None = None

    def unwrap(self) -> InferenceResult[object]:
        """The result.

        Raises:
            asyncio.InvalidStateError: It is pending.
            InferenceError: The invocation ended without a result.
        """
        if self.error is not None:
            raise self.error
        if self.result is None:
            raise asyncio.InvalidStateError(
                f"{self.inference_id} has no outcome yet: look it up again, or attach to its token"
            )
        return self.result
