"""One item of a source, before it is a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Item:
    """What one line, file or object of a source holds.

    Attributes:
        index: Its place in the source, from 0.
        key: What it is called; within a source no two are called the same.
        place: Where a person finds it: ``line 17``, a path, an S3 URI.
        payload: Bytes, or the path of a file that is streamed; None if the input is in S3 already.
        input_location: The ``s3://`` URI of an input that is in S3 already.
        content_type: The media type of the payload; None where nobody knows.
        size_bytes: The size of the payload.
    """

    index: int
    key: str
    place: str
    payload: bytes | Path | None = field(default=None, repr=False)
    input_location: str | None = None
    content_type: str | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class BrokenItem:
    """An item that cannot be sent.

    Attributes:
        index: Its place in the source, from 0.
        key: What it is called, as far as that is known.
        place: Where a person finds it.
        reason: What is wrong with it, and what to do.
    """

    index: int
    key: str
    place: str
    reason: str


class ItemSource(Protocol):
    """Where items come from."""

    def items(self) -> AsyncIterator[Item | BrokenItem]:
        """Give the items, in the same order in every run. Nothing is read before the first is asked for.

        Raises:
            OSError: What is to be read cannot be read.
            AsyncInferenceError: S3 refused, or could not be reached.
        """
        ...

    async def count(self) -> int | None:
        """How many there are; None if only reading them would tell."""
        ...
