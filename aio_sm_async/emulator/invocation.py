"""One invocation as the endpoint knows it, from its acceptance to its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aio_sm_async.emulator.invoke_request import InvokeRequest

Status = Literal["Queued", "InProgress", "Completed", "Failed", "Expired"]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The container answered."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Broke:
    """There is no response.

    Attributes:
        reason: The ``failureReason``.
        body: What the container answered; None where it gave no answer.
        content_type: The type of that answer.
        expired: Whether time ran out, in the queue or in the container.
    """

    reason: str
    body: bytes | None = None
    content_type: str = "application/json"
    expired: bool = False


Outcome = Succeeded | Broke


@dataclass(slots=True, eq=False)
class Invocation:
    """The record of one accepted request.

    Two requests with one inference id are two invocations, as on AWS.

    Attributes:
        inference_id: The caller's, or the emulator's own.
        request: What was asked, without the payload.
        accepted_time: When it was queued, UTC.
        accepted_at: The same on the emulator's monotonic clock.
        output_location: Where the response goes; None on endpoints without an output path.
        failure_location: Where the container's error goes; None on endpoints without a failure path.
        body: The inline payload, until the invocation has ended.
        status: How far it is.
        failure_reason: Why it failed or expired.
        finished_time: When its object was written, just before it was told; UTC.
        finished_at: The same on the emulator's monotonic clock.
    """

    inference_id: str
    request: InvokeRequest
    accepted_time: datetime
    accepted_at: float
    output_location: str | None = None
    failure_location: str | None = None
    body: bytes = field(default=b"", repr=False)
    status: Status = "Queued"
    failure_reason: str | None = None
    finished_time: datetime | None = None
    finished_at: float | None = None
    _told: bool = field(default=False, repr=False)
    _waiting: asyncio.Future[None] | None = field(default=None, repr=False)

    @property
    def finished(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.finished_at is not None

    def when_told(self) -> asyncio.Future[None]:
        """A future that is done once the end was told, or dropped by trouble. It is shared: shield it."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
            if self._told:
                self._waiting.set_result(None)
        return self._waiting

    def mark_told(self) -> None:
        """Release the payload, and whoever waits."""
        self._told = True
        self.body = b""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
