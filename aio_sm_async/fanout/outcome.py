"""What became of one item of a fan-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from aio_sm_async.errors import DecodeError, InferenceFailedError

T = TypeVar("T")


def held_by(error: Exception) -> int:
    """How many bytes of an answer an error keeps in memory."""
    if isinstance(error, InferenceFailedError):
        return len(error.response or b"")
    return len(error.body) if isinstance(error, DecodeError) else 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that an item was sent.

    Attributes:
        inference_id: Its invocation; None if the request was refused.
        error: What it failed with; None if it succeeded.
    """

    inference_id: str | None
    error: Exception | None


@dataclass(frozen=True, slots=True)
class InferenceOutcome(Generic[T]):
    """A result or an error, and the item that it belongs to.

    Attributes:
        index: The item's place in the source, from 0.
        key: The key of its `InferenceRequest`; None if it had none.
        result: The result; None if there is an error.
        error: The error; None if there is a result.
        attempts: Each time that it was sent, the last one at the end; empty if it never was.
    """

    index: int
    key: str | None
    result: T | None
    error: Exception | None
    attempts: tuple[Attempt, ...] = ()

    def unwrap(self) -> T:
        """The result.

        Raises:
            Exception: The error, if that is what there is.
        """
        if self.error is not None:
            raise self.error
        return cast("T", self.result)
