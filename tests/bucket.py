"""A bucket in memory that keeps S3's promises, and breaks where it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import md5
from itertools import count

from aio_sm_async.errors import AmbiguousError, BodyTooLargeError, NotFoundError, ServiceError
from aio_sm_async.protocol.location import S3Location

CHUNK_BYTES = 1000


@dataclass(frozen=True)
class Stored:
    """One object."""

    body: bytes
    headers: Mapping[str, str]
    size_bytes: int

    @property
    def etag(self) -> str:
        return md5(self.body).hexdigest()

    @property
    def content_type(self) -> str | None:
        return self.headers.get("Content-Type")


@dataclass
class Stream:
    """An object that is being read; it breaks after so many bytes."""

    stored: Stored
    start: int
    breaks_after: int | None

    @property
    def etag(self) -> str:
        return self.stored.etag

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        left = self.breaks_after
        for start in range(self.start, len(self.stored.body), CHUNK_BYTES):
            if left is not None and left <= 0:
                raise AmbiguousError("the connection broke. Try again.")
            yield self.stored.body[start : start + CHUNK_BYTES]
            left = left - CHUNK_BYTES if left is not None else None
            await asyncio.sleep(0)


@dataclass
class Bucket:
    """Objects by location.

    Attributes:
        calls: The name of each call, in order.
        trouble: What the next calls of that name raise before they do anything; None lets one pass.
        lost_answers: What the next calls of that name raise after they did their work.
        breaks: Where the next streams break.
        gate: Parts wait for it where it is set.
    """

    objects: dict[S3Location, Stored] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    headers: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    trouble: dict[str, list[BaseException | None]] = field(default_factory=dict)
    lost_answers: dict[str, list[BaseException | None]] = field(default_factory=dict)
    breaks: list[int | None] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    open_streams: int = 0
    parts_under_way: int = 0
    most_parts_under_way: int = 0
    gate: asyncio.Event | None = None

    async def put(self, location: S3Location, body: bytes, *, headers: Mapping[str, str]) -> str:
        self._called("put", headers)
        self.objects[location] = Stored(body, headers, len(body))
        return self.objects[location].etag

    async def create_multipart(self, location: S3Location, headers: Mapping[str, str]) -> str:
        self._called("create_multipart", headers)
        upload_id = next(f"upload-{number}" for number in count(1) if f"upload-{number}" not in self.uploads)
        self.uploads[upload_id] = {}
        return upload_id

    async def upload_part(
        self,
        location: S3Location,
        upload_id: str,
        number: int,
        body: bytes,
        headers: Mapping[str, str] = {},
    ) -> str:
        self.parts_under_way += 1
        self.most_parts_under_way = max(self.most_parts_under_way, self.parts_under_way)
        try:
            self._called("upload_part", headers)
            if self.gate is not None:
                await self.gate.wait()
            self._upload(upload_id)[number] = body
        finally:
            self.parts_under_way -= 1
        return f"etag-{number}"

    async def complete_multipart(
        self,
        location: S3Location,
        upload_id: str,
        parts: Sequence[tuple[int, str]],
        headers: Mapping[str, str] = {},
    ) -> None:
        self._called("complete_multipart", headers)
        sent = self._upload(upload_id)
        assert [(number, f"etag-{number}") for number in sorted(sent)] == list(parts)
        body = b"".join(sent[number] for number, _ in parts)
        self.objects[location] = Stored(body, {}, len(body))
        del self.uploads[upload_id]
        self._answered("complete_multipart")

    async def abort_multipart(self, location: S3Location, upload_id: str) -> None:
        self._called("abort_multipart", {})
        if self.gate is not None:
            await self.gate.wait()
        self._upload(upload_id)
        del self.uploads[upload_id]

    async def delete(self, location: S3Location, headers: Mapping[str, str] = {}) -> None:
        self._called("delete", headers)
        self.objects.pop(location, None)

    async def get(self, location: S3Location, *, limit_bytes: int | None = None) -> Stored:
        self._called("get", {})
        stored = self._stored(location)
        if limit_bytes is not None and stored.size_bytes > limit_bytes:
            raise BodyTooLargeError("too large", size_bytes=stored.size_bytes, limit_bytes=limit_bytes)
        return stored

    async def head(self, location: S3Location) -> Stored:
        self._called("head", {})
        return self._stored(location)

    @asynccontextmanager
    async def stream(
        self, location: S3Location, *, if_match: str | None = None, start: int = 0
    ) -> AsyncIterator[Stream]:
        self._called("stream", {})
        self.starts.append(start)
        stored = self._stored(location)
        if if_match not in {None, stored.etag}:
            raise ServiceError("GetObject", "PreconditionFailed", "no longer the same", status=412)
        self.open_streams += 1
        try:
            yield Stream(stored, start, self.breaks.pop(0) if self.breaks else None)
        finally:
            self.open_streams -= 1

    def _called(self, name: str, headers: Mapping[str, str]) -> None:
        self.calls.append(name)
        self.headers.append((name, headers))
        self._raise_next(self.trouble, name)

    def _answered(self, name: str) -> None:
        self._raise_next(self.lost_answers, name)

    @staticmethod
    def _raise_next(faults: dict[str, list[BaseException | None]], name: str) -> None:
        fault = faults[name].pop(0) if faults.get(name) else None
        if fault is not None:
            raise fault

    def _upload(self, upload_id: str) -> dict[int, bytes]:
        if upload_id not in self.uploads:
            raise NotFoundError("UploadPart", "NoSuchUpload", "no such upload", status=404)
        return self.uploads[upload_id]

    def _stored(self, location: S3Location) -> Stored:
        if location not in self.objects:
            raise NotFoundError("GetObject", "NoSuchKey", "no such key", status=404)
        return self.objects[location]
