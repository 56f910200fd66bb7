"""What becomes of a payload: bytes in memory, or a source that is read while it is uploaded."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@runtime_checkable
class BinaryReader(Protocol):
    """A file opened in binary mode, or anything that reads like one."""

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes; none at the end. It may block: it is called in a worker thread."""
        ...


@runtime_checkable
class AsyncBinaryReader(Protocol):
    """An async file (`anyio.AsyncFile`, an upload of a web framework, a stream reader)."""

    async def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


PayloadSource = os.PathLike[str] | BinaryReader | AsyncBinaryReader | AsyncIterable[bytes]


@dataclass(frozen=True, slots=True)
class EncodedPayload:
    """A payload in memory.

    Attributes:
        body: Its bytes, as the model will see them.
        content_type: Their media type.
    """

    body: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class StreamedPayload:
    """A payload that is read, once, while it is uploaded.

    Attributes:
        source: A path, a binary file (sync or async) or an async iterator of bytes.
        content_type: The media type; the caller must tell it.
        size_bytes: Its size, where the caller knows it; the upload fails if the source gives more or less.
    """

    source: PayloadSource
    content_type: str
    size_bytes: int | None = None
