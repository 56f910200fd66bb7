"""Writes payloads to S3: small ones in one request, large ones in parts, of which few are in memory."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.errors import AsyncInferenceError, NotFoundError
from aio_sm_async.finishing import finish
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.retries import Retries
from aio_sm_async.uploads.parts import Parts, open_parts
from aio_sm_async.uploads.settings import S3Uploads

logger = logging.getLogger("aio_sm_async.uploads")

_ABORT_SECONDS = 5.0
_UNSAFE = re.compile(r"^\.|[^A-Za-z0-9_.-]")


class ObjectWriter(Protocol):
    """The part of S3 that uploads need. Every call may be repeated: a part or object is simply replaced."""

    async def put(self, location: S3Location, body: bytes, *, headers: Mapping[str, str]) -> str:
        """Write a whole object; its ETag."""
        ...

    async def create_multipart(self, location: S3Location, headers: Mapping[str, str]) -> str:
        """Begin an object that is written in parts; its upload id. It is invisible until completed."""
        ...

    async def upload_part(
        self, location: S3Location, upload_id: str, number: int, body: bytes, headers: Mapping[str, str] = ...
    ) -> str:
        """Write one part, numbered from 1; its ETag."""
        ...

    async def complete_multipart(
        self,
        location: S3Location,
        upload_id: str,
        parts: Sequence[tuple[int, str]],
        headers: Mapping[str, str] = ...,
    ) -> object:
        """Make the object of its parts, in order of number."""
        ...

    async def abort_multipart(self, location: S3Location, upload_id: str) -> None:
        """Throw the parts away."""
        ...

    async def delete(self, location: S3Location, headers: Mapping[str, str] = ...) -> None:
        """Delete an object; no error if there is none."""
        ...


class Uploader:
    """Uploads payloads below one prefix."""

    def __init__(self, settings: S3Uploads, objects: ObjectWriter, retries: Retries | None = None) -> None:
        self._settings = settings
        self._objects = objects
        self._retries = retries or Retries()

    def __repr__(self) -> str:
        return f"<Uploader to {self._settings.root}>"

    def location_for(self, inference_id: str) -> S3Location:
        """Where the payload of this invocation goes: the same place every time, and no other's."""
        return self._settings.root.child(_UNSAFE.sub(_escaped, inference_id))

    async def upload(self, payload: EncodedPayload | StreamedPayload, location: S3Location) -> None:
        """Write the payload; it is there as a whole when this returns, and not at all when this raises.

        A streamed source is read once, and is used up even if the upload fails.

        Raises:
            InvalidRequestError: It is larger than SageMaker takes, or not of the size that was told.
            AsyncInferenceError: S3 could not be reached, or refused.
        """
        if isinstance(payload, EncodedPayload) and len(payload.body) <= self._settings.part_bytes:
            await self._put(location, payload.body, payload.content_type)
            return
        async with open_parts(payload, self._settings.part_bytes) as parts:
            if await parts.are_one():
                await self._put(location, await parts.read(), payload.content_type)
            else:
                await self._put_in_parts(location, parts, payload.content_type)

    async def delete(self, location: S3Location) -> None:
        """Delete an uploaded payload; fine if it is gone already."""
        await self._retries.call(lambda: self._objects.delete(location, self._settings.owner_headers))

    async def _put(self, location: S3Location, body: bytes, content_type: str) -> None:
        headers = self._settings.object_headers(content_type)
        await self._retries.call(lambda: self._objects.put(location, body, headers=headers))

    async def _put_in_parts(self, location: S3Location, parts: Parts, content_type: str) -> None:
        headers = self._settings.object_headers(content_type)
        upload_id = await self._retries.call(lambda: self._objects.create_multipart(location, headers))
        try:
            etags = await self._put_each(location, upload_id, parts)
            await self._complete(location, upload_id, etags)
        except BaseException:  # a cancel, too, must not leave parts that are paid for and never seen
            await finish(self._abort(location, upload_id))
            raise

    async def _put_each(self, location: S3Location, upload_id: str, parts: Parts) -> list[tuple[int, str]]:
        """Send the parts side by side; a part is read only once there is a place for it."""
        etags: dict[int, str] = {}
        places = asyncio.Semaphore(self._settings.max_concurrent_parts)
        headers = self._settings.owner_headers
        numbers = itertools.count(1)

        async def send(number: int, part: bytes) -> None:
            try:
                etags[number] = await self._retries.call(
                    lambda: self._objects.upload_part(location, upload_id, number, part, headers)
                )
            finally:
                places.release()

        with _failing_alone():
            async with asyncio.TaskGroup() as group:
                await places.acquire()
                while part := await parts.read():
                    group.create_task(send(next(numbers), part))
                    del part  # or it would stay in memory while the next is read
                    await places.acquire()
        return sorted(etags.items())

    async def _complete(self, location: S3Location, upload_id: str, etags: list[tuple[int, str]]) -> None:
        tries = itertools.count(1)

        async def attempt() -> None:
            earlier_try = next(tries) > 1
            try:
                await self._objects.complete_multipart(
                    location, upload_id, etags, self._settings.owner_headers
                )
            except NotFoundError as exc:
                # Nobody else knows this upload: an earlier try completed it, and its answer was lost.
                if not (earlier_try and exc.code == "NoSuchUpload"):
                    raise

        await self._retries.call(attempt)

    async def _abort(self, location: S3Location, upload_id: str) -> None:
        try:
            async with asyncio.timeout(_ABORT_SECONDS):
                await self._retries.call(lambda: self._objects.abort_multipart(location, upload_id))
        except (AsyncInferenceError, TimeoutError) as exc:
            logger.warning(
                "! the parts of upload %s to %s stay in S3 until a lifecycle rule aborts it: %s",
                upload_id,
                location,
                exc,
            )


@contextmanager
def _failing_alone() -> Iterator[None]:
    """Let the first failure of a task group out of its group."""
    try:
        yield
    except BaseExceptionGroup as group:
        first = group.exceptions[0]
        raise first from first.__cause__


def _escaped(found: re.Match[str]) -> str:
    """``!`` and hex digits: one to one, and S3 calls all of these characters safe."""
    return "".join(f"!{byte:02X}" for byte in found[0].encode())
