"""S3's operations on single objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from aio_sm_async.emulator import checksums, object_headers
from aio_sm_async.emulator import object_xml as xml
from aio_sm_async.emulator.byte_range import parse_range
from aio_sm_async.emulator.object_request import ObjectRequest
from aio_sm_async.emulator.object_store import Bucket, ObjectStore, StoredObject, etag_of
from aio_sm_async.emulator.service import Reply, ServiceFault

_MAX_DELETES = 1000


class ObjectCalls:
    """Puts, gets, copies, tags and deletes objects."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def handlers(self) -> dict[str, Callable[[ObjectRequest], Reply]]:
        """What answers each operation."""
        return {
            "PutObject": self.put,
            "GetObject": self.get,
            "HeadObject": self.get,  # the server leaves out the body
            "DeleteObject": self.delete,
            "DeleteObjects": self.delete_many,
            "CopyObject": self.copy,
            "PutObjectTagging": self.put_tags,
            "GetObjectTagging": self.get_tags,
            "DeleteObjectTagging": self.delete_tags,
        }

    def put(self, request: ObjectRequest) -> Reply:
        """Keep the body under the key, if checksums and conditions allow."""
        bucket = self._store.bucket(request.bucket)
        headers, body = request.call.headers, request.call.body
        checksums.check(headers, body)
        check_overwrite(request, bucket)
        summed = checksums.told(headers)
        kept = object_headers.kept(headers)
        tags = object_headers.tags(headers)
        stored = StoredObject(body, etag_of(body), self._store.now(), kept | summed, tags)
        bucket.put(request.key, stored)
        return Reply(200, b"", {"ETag": f'"{stored.etag}"', **object_headers.encryption(kept), **summed})

    def get(self, request: ObjectRequest) -> Reply:
        """The object, or a range of it, with all its headers."""
        stored = existing(self._store.bucket(request.bucket), request.key)
        headers = object_headers.shown(stored)
        if not _names(request.header("if-match", "*"), stored.etag):
            raise ServiceFault("PreconditionFailed", _PRECONDITION, 412)
        if _names(request.header("if-none-match"), stored.etag):
            return Reply(304, b"", {name: headers[name] for name in ("etag", "last-modified")})
        for name, value in request.call.query.items():
            if name.startswith("response-"):
                headers[name.removeprefix("response-")] = value
        wanted = parse_range(request.header("range"), len(stored.body))
        if wanted is not None:
            headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(stored.body)}"
            return Reply(206, stored.body[wanted.start : wanted.stop], headers)
        if request.header("x-amz-checksum-mode").upper() == "ENABLED":
            headers |= checksums.told(stored.headers)
        return Reply(200, stored.body, headers)

    def delete(self, request: ObjectRequest) -> Reply:
        """Forget the object; one that does not exist is forgotten already."""
        self._store.bucket(request.bucket).delete(request.key)
        return Reply(204)

    def delete_many(self, request: ObjectRequest) -> Reply:
        """Forget up to a thousand objects."""
        bucket = self._store.bucket(request.bucket)
        checksums.check(request.call.headers, request.call.body)
        wanted = xml.parse(request.call.body)
        keys = [element.text("Key") for element in wanted.all("Object")]
        if not 0 < len(keys) <= _MAX_DELETES:
            raise xml.malformed()
        for key in keys:
            bucket.delete(key)
        quiet = wanted.text("Quiet", "false") == "true"
        shown = [] if quiet else [xml.tag("Deleted", xml.text("Key", key)) for key in keys]
        return xml.document("DeleteResult", shown)

    def copy(self, request: ObjectRequest) -> Reply:
        """Copy another object, with its headers and tags unless told to replace them."""
        bucket = self._store.bucket(request.bucket)
        source_bucket, _, source_key = unquote(request.header("x-amz-copy-source")).lstrip("/").partition("/")
        source = existing(self._store.bucket(source_bucket), source_key)
        copied = replace(source, etag=etag_of(source.body), last_modified=self._store.now())
        if request.header("x-amz-metadata-directive").upper() == "REPLACE":
            copied = replace(copied, headers=object_headers.kept(request.call.headers))
        if request.header("x-amz-tagging-directive").upper() == "REPLACE":
            copied = replace(copied, tags=object_headers.tags(request.call.headers))
        bucket.put(request.key, copied)
        result = [
            xml.text("LastModified", xml.timestamp(copied.last_modified)),
            xml.text("ETag", f'"{copied.etag}"'),
        ]
        return xml.document("CopyObjectResult", result, object_headers.encryption(copied.headers))

    def put_tags(self, request: ObjectRequest) -> Reply:
        """Give the object other tags."""
        tag_set = xml.parse(request.call.body).child("TagSet").all("Tag")
        return self._retag(request, {tag.text("Key"): tag.text("Value") for tag in tag_set}, 200)

    def get_tags(self, request: ObjectRequest) -> Reply:
        """The object's tags."""
        stored = existing(self._store.bucket(request.bucket), request.key)
        tags = [
            xml.tag("Tag", xml.text("Key", key), xml.text("Value", value))
            for key, value in stored.tags.items()
        ]
        return xml.document("Tagging", [xml.tag("TagSet", *tags)])

    def delete_tags(self, request: ObjectRequest) -> Reply:
        """Take all tags off the object."""
        return self._retag(request, {}, 204)

    def _retag(self, request: ObjectRequest, tags: dict[str, str], status: int) -> Reply:
        bucket = self._store.bucket(request.bucket)
        bucket.put(request.key, replace(existing(bucket, request.key), tags=tags))
        return Reply(status)


_PRECONDITION = "At least one of the pre-conditions you specified did not hold"


def existing(bucket: Bucket, key: str) -> StoredObject:
    """The object.

    Raises:
        ServiceFault: It does not exist; to a caller who may not list the bucket, S3 does not even tell that.
    """
    stored = bucket.get(key)
    if stored is not None:
        return stored
    if not bucket.listable:
        raise ServiceFault("AccessDenied", "Access Denied", 403)
    raise ServiceFault("NoSuchKey", "The specified key does not exist.", 404)


def check_overwrite(request: ObjectRequest, bucket: Bucket) -> None:
    """Hold a write to its conditions: ``If-None-Match: *``, or ``If-Match`` with a tag.

    Raises:
        ServiceFault: They do not hold.
    """
    stored = bucket.get(request.key)
    if request.header("if-none-match") == "*" and stored is not None:
        raise ServiceFault("PreconditionFailed", _PRECONDITION, 412)
    wanted = request.header("if-match")
    if wanted and not _names(wanted, existing(bucket, request.key).etag):
        raise ServiceFault("PreconditionFailed", _PRECONDITION, 412)


def _names(condition: str, etag: str) -> bool:
    """True where the list of entity tags names this one, or all."""
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in condition.split(",")]
    return "*" in tags or etag in tags
