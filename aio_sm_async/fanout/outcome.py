"""What became of one item of a fan-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar, cast

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InferenceOutcome(Generic[T]):
    """A result or an error, and the item that it belongs to.

    Attributes:
        index: The item's place in the source, from 0.
        key: The key of its `InferenceRequest`; None if it had none.
        result: The result; None if there is an error.
        error: The error; None if there is a result.
    """

    index: int
    key: str | None
    result: T | None
    error: Exception | None

    def unwrap(self) -> T:
        """The result.

        Raises:
            Exception: The error, if that is what there is.
        """
        if self.error is not None:
            raise self.error
        return cast("T", self.result)
