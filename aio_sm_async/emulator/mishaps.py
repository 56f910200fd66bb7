"""The mishaps that clients of SageMaker, S3 and SQS must live with, each as a `Rule`.

Each takes a rule's selection (``nth``, ``every``, ``probability``, ``times``, ``first_seconds``, ``when``)::

    aws.trouble.add(mishaps.throttled(probability=0.02), mishaps.slow_down(times=3))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.rule import ANY, NOTIFICATION, AnswerFault, NotificationFault, Occasion, Rule

_INVOKE = "InvokeEndpointAsync"


class Selection(TypedDict, total=False):
    """Which occasions are struck; see `Rule`."""

    nth: int
    every: int
    probability: float
    times: int
    first_seconds: float
    when: Callable[[Occasion], bool]


def throttled(**selection: Unpack[Selection]) -> Rule:
    """InvokeEndpointAsync is refused as one call too many; nothing is queued."""
    fault = Fault("status", status=400, code="ThrottlingException", message="Rate exceeded")
    return Rule("sagemaker", _INVOKE, fault, label="throttled", **selection)


def unavailable(**selection: Unpack[Selection]) -> Rule:
    """InvokeEndpointAsync answers 503 ServiceUnavailable; nothing is queued."""
    fault = Fault("status", status=503, code="ServiceUnavailable", message="Service unavailable")
    return Rule("sagemaker", _INVOKE, fault, label="unavailable", **selection)


def failed_after_accepting(**selection: Unpack[Selection]) -> Rule:
    """InvokeEndpointAsync answers 500 InternalFailure, although the request is queued."""
    fault = AnswerFault("error", message="Internal failure")
    return Rule("sagemaker", _INVOKE, fault, label="failed_after_accepting", **selection)


def answer_lost(**selection: Unpack[Selection]) -> Rule:
    """The request is queued, and the connection is reset before the 202."""
    return Rule("sagemaker", _INVOKE, Fault("reset_after"), label="answer_lost", **selection)


def slow_answer(seconds: float = 0.5, **selection: Unpack[Selection]) -> Rule:
    """The request is queued at once, and the 202 comes ``seconds`` later."""
    fault = AnswerFault("slow", seconds=seconds)
    return Rule("sagemaker", _INVOKE, fault, label="slow_answer", **selection)


def early_notification(at_most_seconds: float = 5.0, **selection: Unpack[Selection]) -> Rule:
    """The notification is out before the 202, or the 202 comes after ``at_most_seconds``."""
    fault = AnswerFault("early", seconds=at_most_seconds)
    return Rule("sagemaker", _INVOKE, fault, label="early_notification", **selection)


def dropped_notification(**selection: Unpack[Selection]) -> Rule:
    """The notification is never published; the object is there."""
    fault = NotificationFault("drop")
    return Rule("sagemaker", NOTIFICATION, fault, label="dropped_notification", **selection)


def duplicate_notification(copies: int = 2, **selection: Unpack[Selection]) -> Rule:
    """The notification is published ``copies`` times."""
    fault = NotificationFault("duplicate", copies=copies)
    return Rule("sagemaker", NOTIFICATION, fault, label="duplicate_notification", **selection)


def delayed_notification(seconds: float = 1.0, **selection: Unpack[Selection]) -> Rule:
    """The notification is published ``seconds`` after the object is there."""
    fault = NotificationFault("delay", seconds=seconds)
    return Rule("sagemaker", NOTIFICATION, fault, label="delayed_notification", **selection)


def reordered_notification(
    behind: int = 3, at_most_seconds: float = 1.0, **selection: Unpack[Selection]
) -> Rule:
    """The notification is overtaken by ``behind`` others, yet waits no longer than ``at_most_seconds``."""
    fault = NotificationFault("reorder", behind=behind, seconds=at_most_seconds)
    return Rule("sagemaker", NOTIFICATION, fault, label="reordered_notification", **selection)


def slow_down(operation: str = ANY, **selection: Unpack[Selection]) -> Rule:
    """S3 answers 503 SlowDown."""
    fault = Fault("status", status=503, code="SlowDown", message="Please reduce your request rate.")
    return Rule("s3", operation, fault, label="slow_down", **selection)


def access_denied(operation: str = "GetObject", **selection: Unpack[Selection]) -> Rule:
    """S3 answers 403 AccessDenied."""
    fault = Fault("status", status=403, code="AccessDenied", message="Access Denied")
    return Rule("s3", operation, fault, label="access_denied", **selection)


def queue_error(operation: str = "ReceiveMessage", **selection: Unpack[Selection]) -> Rule:
    """SQS answers 500 InternalError."""
    fault = Fault("status", status=500, code="InternalError", message="We encountered an internal error.")
    return Rule("sqs", operation, fault, label="queue_error", **selection)
