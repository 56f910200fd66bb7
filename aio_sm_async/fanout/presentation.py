"""What is handed out for an outcome: all of it, or its result."""

from __future__ import annotations

from typing import TypeVar

from aio_sm_async.fanout.outcome import InferenceOutcome

T = TypeVar("T")


def present_all(outcome: InferenceOutcome[T]) -> InferenceOutcome[T]:
    """For `as_completed`: whatever became of it."""
    return outcome


def present_result(outcome: InferenceOutcome[T]) -> T:
    """For `map`: the result, or the error raised at its place."""
    if outcome.error is not None:
        key = "" if outcome.key is None else f", key {outcome.key!r}"
        outcome.error.add_note(f"It belongs to item {outcome.index}{key}.")
        for number, attempt in enumerate(outcome.attempts[:-1], 1):
            outcome.error.add_note(f"Attempt {number} failed too: {attempt.error}")
    return outcome.unwrap()


def present_either(outcome: InferenceOutcome[T]) -> T | Exception:
    """For `map` with exceptions returned: the result or the error."""
    return outcome.unwrap() if outcome.error is None else outcome.error
