"""What S3 tells of an object: in an answer's headers, whole or as a stream."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aio_sm_async.errors import AmbiguousError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.wire.transport import StreamedResponse

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object.

    Attributes:
        body: Its bytes as they are stored; empty where only its head was asked for.
        content_type: Its ``Content-Type``.
        etag: Its ETag, with the quotes that belong to it.
        last_modified: When it was written; None if S3 did not say.
        size_bytes: The size of the whole object.
    """

    body: bytes = field(repr=False)
    content_type: str | None
    etag: str
    last_modified: datetime | None
    size_bytes: int


class ObjectStream:
    """An object whose body is read as it comes."""

    def __init__(self, location: S3Location, streamed: StreamedResponse, start: int) -> None:
        self.content_type = streamed.headers.get("Content-Type")
        self.etag = streamed.headers.get("ETag", "")
        self.size_bytes = _whole_size(location, streamed, start)
        self._location = location
        self._streamed = streamed
        self._expected = self.size_bytes - start

    def __repr__(self) -> str:
        return f"<ObjectStream {self._location}, {self.size_bytes} bytes>"

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Yield the body from where it was asked for, to its proven end.

        Raises:
            AmbiguousError: It was cut off; what came so far is right, and the rest may be asked for.
        """
        received = 0
        async for chunk in self._streamed.iter_bytes():
            received += len(chunk)
            yield chunk
        if received != self._expected:
            raise cut_off(self._location, received, self._expected)


def read_stored(location: S3Location, headers: Mapping[str, str], body: bytes) -> StoredObject:
    """The object of a whole answer.

    Raises:
        AmbiguousError: Bytes are missing: never part of an object.
    """
    size = stated_length(headers)
    if size is not None and size != len(body):
        raise cut_off(location, len(body), size)
    return _stored(headers, body, len(body))


def read_head(headers: Mapping[str, str]) -> StoredObject:
    """The object of an answer that has headers only."""
    return _stored(headers, b"", stated_length(headers) or 0)


def stated_length(headers: Mapping[str, str]) -> int | None:
    """The length of the body as the headers tell it; None if they do not."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def cut_off(location: S3Location, received: int, expected: int) -> AmbiguousError:
    """Bytes of an object are missing."""
    return AmbiguousError(f"{location} was cut off after {received} of {expected} bytes. Read it again.")


def _stored(headers: Mapping[str, str], body: bytes, size_bytes: int) -> StoredObject:
    return StoredObject(
        body,
        headers.get("Content-Type"),
        headers.get("ETag", ""),
        _moment(headers.get("Last-Modified", "")),
        size_bytes,
    )


def _whole_size(location: S3Location, streamed: StreamedResponse, start: int) -> int:
    length = stated_length(streamed.headers)
    if streamed.status != 206:
        if length is None or start:
            raise AmbiguousError(
                f"{location} came without its length, or not from byte {start} on: what is between this "
                "machine and S3 changes answers. Look for a proxy."
            )
        return length
    part = _CONTENT_RANGE.fullmatch(streamed.headers.get("Content-Range", ""))
    if part is None or int(part[1]) != start:
        raise AmbiguousError(
            f"{location} was asked for from byte {start} on, and other bytes came. Try again."
        )
    return int(part[2])


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
