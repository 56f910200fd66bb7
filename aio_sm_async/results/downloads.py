"""Reads response bodies from S3: whole up to a limit, or as a stream that survives broken connections."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from aio_sm_async.errors import (
    AmbiguousError,
    AsyncInferenceError,
    BodyTooLargeError,
    ResultError,
    ServiceError,
)
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.retries import Retries


class StoredObject(Protocol):
    """An object of S3, with its bytes."""

    @property
    def body(self) -> bytes:
        """All of it."""
        ...

    @property
    def content_type(self) -> str | None:
        """What it was stored as."""
        ...

    @property
    def etag(self) -> str | None:
        """Names this version of its content."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its size, even where the bytes were not asked for."""
        ...


class ObjectStream(Protocol):
    """An object of S3 that is being read."""

    @property
    def etag(self) -> str | None:
        """Names this version of its content."""
        ...

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The bytes, as they come, once.

        Raises:
            AmbiguousError: The connection broke before the end.
        """
        ...


class ObjectReader(Protocol):
    """The part of S3 that results need."""

    async def get(self, location: S3Location, *, limit_bytes: int | None = None) -> StoredObject:
        """The whole object.

        Raises:
            BodyTooLargeError: It is larger than the limit; none of it was read.
        """
        ...

    async def head(self, location: S3Location) -> StoredObject:
        """All about the object but its bytes."""
        ...

    def stream(
        self, location: S3Location, *, if_match: str | None = None, start: int = 0
    ) -> AbstractAsyncContextManager[ObjectStream]:
        """The object from byte ``start`` on; the connection is free again when the block is left."""
        ...


class ResponseBody(NamedTuple):
    """A response, or what is known of one that is too large for memory.

    Attributes:
        data: The bytes; None where they were left in S3.
        content_type: The container's own Content-Type.
        size_bytes: Their number.
        etag: Names the version that this tells of; None where it did not come from S3.
    """

    data: bytes | None
    content_type: str | None
    size_bytes: int
    etag: str | None = None

    def __repr__(self) -> str:  # responses stay out of logs
        return f"<ResponseBody {self.size_bytes} bytes of {self.content_type}>"


class Downloads:
    """Reads response bodies, trying again what broke on the way."""

    def __init__(self, objects: ObjectReader, retries: Retries | None = None) -> None:
        self._objects = objects
        self._retries = retries or Retries()

    async def fetch(self, location: S3Location, *, max_body_bytes: int) -> ResponseBody:
        """The response with its bytes, or without them where they are more than ``max_body_bytes``.

        Raises:
            NotFoundError: There is no response, or not yet.
            AsyncInferenceError: S3 could not be reached, or refused.
        """
        try:
            stored = await self._retries.call(lambda: self._objects.get(location, limit_bytes=max_body_bytes))
        except BodyTooLargeError:
            known = await self._retries.call(lambda: self._objects.head(location))
            return ResponseBody(None, known.content_type, known.size_bytes, known.etag)
        return ResponseBody(stored.body, stored.content_type, stored.size_bytes, stored.etag)

    async def stream(self, location: S3Location, body: ResponseBody) -> AsyncGenerator[bytes, None]:
        """The bytes as they come; after a break from where it broke, and only if they are still the same.

        Raises:
            ResultError: The object was overwritten meanwhile.
            AsyncInferenceError: S3 gave nothing, several times in a row, or refused.
        """
        etag, received, failed = body.etag or None, 0, 0
        while received < body.size_bytes:
            try:
                async with self._objects.stream(location, if_match=etag, start=received) as source:
                    etag = etag or source.etag or None
                    async for chunk in source.iter_bytes():
                        received, failed = received + len(chunk), 0
                        yield chunk
                if received < body.size_bytes:
                    raise _ended_early(location, received, body.size_bytes)
            except AsyncInferenceError as exc:
                _check_unchanged(location, exc)
                failed += 1
                await self._retries.pause(failed, exc)


def _ended_early(location: S3Location, received: int, size_bytes: int) -> AmbiguousError:
    return AmbiguousError(f"{location} ended after {received:,} of {size_bytes:,} bytes. Try again.")


def _check_unchanged(location: S3Location, error: AsyncInferenceError) -> None:
    if isinstance(error, ServiceError) and error.status == 412:
        said = f"{location} was overwritten since the inference ended"
        raise ResultError(f"{said}. Look the invocation up again for what is there now.") from error
