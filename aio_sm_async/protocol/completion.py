"""The fact that an invocation ended, from whatever source it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from aio_sm_async.protocol.location import S3Location


@dataclass(frozen=True, slots=True)
class Completed:
    """The model answered.

    Attributes:
        inference_id: The invocation.
        endpoint_name: Where it ran; None where the source cannot tell.
        output_location: Where the response lies; None on endpoints without an S3 output path.
        body: The response itself, where the notification brought it along.
        content_type: The container's own Content-Type; None where the source cannot tell.
        received_time: When SageMaker accepted the request, UTC.
        finished_time: When the response was there, UTC.
    """

    inference_id: str
    endpoint_name: str | None = None
    output_location: S3Location | None = None
    body: bytes | None = field(default=None, repr=False)  # payloads stay out of logs
    content_type: str | None = None
    received_time: datetime | None = None
    finished_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The model, or SageMaker on its behalf, failed.

    Attributes:
        inference_id: The invocation.
        reason: SageMaker's ``failureReason``.
        endpoint_name: Where it ran; None where the source cannot tell.
        failure_location: Where the container's words lie, on endpoints with a failure path.
        body: The container's words, where the notification brought them along.
        received_time: When SageMaker accepted the request, UTC.
        finished_time: When it failed, UTC.
    """

    inference_id: str
    reason: str
    endpoint_name: str | None = None
    failure_location: S3Location | None = None
    body: bytes | None = field(default=None, repr=False)  # payloads stay out of logs
    received_time: datetime | None = None
    finished_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Expired:
    """SageMaker gave up on the request: too long in its queue, or too long in processing.

    Attributes:
        inference_id: The invocation.
        reason: SageMaker's ``failureReason``.
        endpoint_name: Where it was queued; None where the source cannot tell.
        received_time: When SageMaker accepted the request, UTC.
        finished_time: When it expired, UTC.
    """

    inference_id: str
    reason: str
    endpoint_name: str | None = None
    received_time: datetime | None = None
    finished_time: datetime | None = None


Completion = Completed | Failed | Expired
