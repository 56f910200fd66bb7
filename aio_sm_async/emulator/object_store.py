"""Buckets and objects, in memory: what S3 keeps, without its HTTP.

Synchronous and direct: the endpoint writes a result here before it publishes the notification.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.multipart import Upload
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.sorted_keys import SortedKeys

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MAX_KEY_BYTES = 1024
_DEFAULT_TYPE = "binary/octet-stream"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object, as it was put.

    Attributes:
        body: Its bytes.
        etag: Its entity tag, without quotes.
        last_modified: When it was put; S3 knows whole seconds.
        headers: What comes back with it, by lower-case name: type, metadata, encryption, checksum.
        tags: Its tags.
    """

    body: bytes
    etag: str
    last_modified: datetime
    headers: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The Content-Type that it was put with, or S3's own default."""
        return self.headers.get("content-type", _DEFAULT_TYPE)


@dataclass(slots=True)
class Bucket:
    """One bucket.

    Attributes:
        name: Its name.
        region: Where it lies; calls signed for another region are redirected.
        created: When it was made.
        listable: Set it to False to play a caller without ``s3:ListBucket``: listing is denied, and a
            key that does not exist is "403 AccessDenied" instead of "404 NoSuchKey".
        uploads: The multipart uploads in progress, by upload id.
    """

    name: str
    region: str
    created: datetime
    listable: bool = True
    uploads: dict[str, Upload] = field(default_factory=dict)
    _objects: dict[str, StoredObject] = field(default_factory=dict)
    _order: SortedKeys = field(default_factory=SortedKeys)

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: str) -> StoredObject | None:
        """The object, or None."""
        return self._objects.get(key)

    def put(self, key: str, stored: StoredObject) -> None:
        """Keep the object under the key, over any other."""
        if not key or len(key.encode()) > _MAX_KEY_BYTES:
            raise ServiceFault("KeyTooLongError", "Your key is too long")
        self._objects[key] = stored
        self._order.add(key)

    def delete(self, key: str) -> None:
        """Forget the object, if there is one."""
        if self._objects.pop(key, None) is not None:
            self._order.discard(key)

    def keys_from(self, bound: str) -> Iterator[str]:
        """The keys not less than ``bound``, in S3's order."""
        return self._order.starting_at(bound)


class ObjectStore:
    """All buckets of the emulated account.

    Attributes:
        buckets: The buckets, by name.
        minimum_part_bytes: What every part of a multipart upload but the last must have.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.buckets: dict[str, Bucket] = {}
        self.minimum_part_bytes = 5 * 1024 * 1024

    def __repr__(self) -> str:
        held = ", ".join(f"{bucket.name}: {len(bucket)}" for bucket in self.buckets.values())
        return f"<ObjectStore {held or 'empty'}>"

    def now(self) -> datetime:
        """The time that S3 would stamp."""
        return self._clock.utc_now().replace(microsecond=0)

    def create_bucket(self, name: str, region: str = "us-east-1") -> Bucket:
        """Make a bucket; one of that name that exists is handed back as it is.

        Raises:
            ServiceFault: The name is none that S3 allows.
        """
        if not _BUCKET_NAME.fullmatch(name) or ".." in name:
            raise ServiceFault("InvalidBucketName", "The specified bucket is not valid.")
        return self.buckets.setdefault(name, Bucket(name, region, self.now()))

    def bucket(self, name: str) -> Bucket:
        """The bucket of that name.

        Raises:
            ServiceFault: There is none.
        """
        bucket = self.buckets.get(name)
        if bucket is None:
            raise ServiceFault("NoSuchBucket", "The specified bucket does not exist", 404)
        return bucket

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep an object, whole and at once.

        Args:
            bucket: An existing bucket.
            key: Its key.
            body: Its bytes.
            content_type: Its Content-Type; S3's default without one.
            headers: More headers that come back with it (``x-amz-meta-…``), by lower-case name.

        Raises:
            ServiceFault: The bucket does not exist, or the key is too long.
        """
        kept = dict(headers or {})
        if content_type is not None:
            kept["content-type"] = content_type
        self.bucket(bucket).put(key, StoredObject(body, etag_of(body), self.now(), kept))

    def get(self, bucket: str, key: str) -> StoredObject | None:
        """The object, or None where the key or even the bucket is missing."""
        held = self.buckets.get(bucket)
        return held.get(key) if held is not None else None

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The bucket's keys that begin with ``prefix``, in S3's order."""
        found: list[str] = []
        for key in self.bucket(bucket).keys_from(prefix):
            if not key.startswith(prefix):
                break
            found.append(key)
        return found


def etag_of(body: bytes) -> str:
    """The entity tag of an object that was put in one piece."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
