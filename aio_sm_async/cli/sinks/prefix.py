"""Results as objects below an S3 prefix."""

from __future__ import annotations

from aio_sm_async.cli.sinks.known_keys import KnownKeys
from aio_sm_async.cli.sinks.names import safe_name, stem_of, suffix_of
from aio_sm_async.cli.sinks.sink import Result
from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.errors import ConfigurationError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.uploads import S3Uploads, Uploader
from aio_sm_async.wire.objects import Objects

WRITES_AT_ONCE = 16


class PrefixSink:
    """Puts one object a result, named by the key and by the type of the response.

    Args:
        location: The prefix.
        objects: Puts and lists objects.
    """

    writes_at_once = WRITES_AT_ONCE

    def __init__(self, location: S3Location, objects: Objects) -> None:
        self._root = S3Location(location.bucket, location.key.rstrip("/") + "/" if location.key else "")
        self._objects = objects
        self._uploader = Uploader(S3Uploads(self._root), objects)
        self._names = KnownKeys()

    async def open(self, *, resumes: bool) -> None:
        """Learn what lies below the prefix: one call for each thousand."""
        async for page in self._objects.list_keys(self._root, max_keys=1000 if resumes else 1):
            if page and not resumes:
                raise ConfigurationError(
                    f"{self._root} is not empty. Go on with it by --resume, or name another -o."
                )
            for found in page:
                self._names.add(stem_of(found.key.removeprefix(self._root.key)))

    def __contains__(self, key: str) -> bool:
        return safe_name(key) in self._names

    def __len__(self) -> int:
        return len(self._names)

    async def write(self, index: int | None, key: str, result: Result) -> None:  # noqa: ARG002 - an object has no index
        """Put an object; what was left in S3 streams through this machine."""
        content_type = result.content_type or "application/octet-stream"
        location = self._root.child(f"{safe_name(key)}{suffix_of(result.content_type)}")
        payload: EncodedPayload | StreamedPayload
        if result.size_bytes > result.max_body_bytes:
            payload = StreamedPayload(result.iter_bytes(), content_type, result.size_bytes)
        else:
            payload = EncodedPayload(result.body, content_type)
        await self._uploader.upload(payload, location)

    async def aclose(self) -> None:
        """Nothing is left to be done: each object is whole already."""
