"""S3's operations on buckets, and the listing of what is in them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote_plus

from aio_sm_async.emulator import object_xml as xml
from aio_sm_async.emulator.object_listing import after, decode_token, encode_token, list_page
from aio_sm_async.emulator.object_request import ObjectRequest
from aio_sm_async.emulator.object_store import Bucket, ObjectStore
from aio_sm_async.emulator.service import Reply, ServiceFault

_MAX_KEYS = 1000
_DEFAULT_REGION = "us-east-1"


class BucketCalls:
    """Makes, shows, lists and removes buckets."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def handlers(self) -> dict[str, Callable[[ObjectRequest], Reply]]:
        """What answers each operation."""
        return {
            "ListBuckets": self.list_buckets,
            "CreateBucket": self.create,
            "HeadBucket": self.head,
            "DeleteBucket": self.delete,
            "GetBucketLocation": self.location,
            "ListObjectsV2": self.list_objects,
        }

    def list_buckets(self, request: ObjectRequest) -> Reply:  # noqa: ARG002 - all handlers take it
        """All buckets, by name."""
        buckets = [
            xml.tag(
                "Bucket",
                xml.text("Name", bucket.name),
                xml.text("CreationDate", xml.timestamp(bucket.created)),
            )
            for _, bucket in sorted(self._store.buckets.items())
        ]
        return xml.document("ListAllMyBucketsResult", [xml.tag("Buckets", *buckets)])

    def create(self, request: ObjectRequest) -> Reply:
        """Make a bucket where its LocationConstraint says, or where the call was signed for."""
        region = request.call.region
        if request.call.body:
            region = xml.parse(request.call.body).text("LocationConstraint", region)
        # Only us-east-1 lets its owner make a bucket twice.
        if request.bucket in self._store.buckets and region != _DEFAULT_REGION:
            said = "Your previous request to create the named bucket succeeded and you already own it."
            raise ServiceFault("BucketAlreadyOwnedByYou", said, 409)
        self._store.create_bucket(request.bucket, region)
        return Reply(200, b"", {"Location": f"/{request.bucket}"})

    def head(self, request: ObjectRequest) -> Reply:
        """Tell that the bucket exists, and where."""
        bucket = self._store.bucket(request.bucket)
        _check_listable(bucket)
        return Reply(200, b"", {"x-amz-bucket-region": bucket.region, "Content-Type": "application/xml"})

    def delete(self, request: ObjectRequest) -> Reply:
        """Remove the bucket, if it is empty."""
        bucket = self._store.bucket(request.bucket)
        if len(bucket):
            raise ServiceFault("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
        del self._store.buckets[request.bucket]
        return Reply(204)

    def location(self, request: ObjectRequest) -> Reply:
        """The bucket's region; us-east-1 is, by old custom, the empty string."""
        region = self._store.bucket(request.bucket).region
        # botocore reads this answer by its root element alone, which has no children.
        return xml.document("LocationConstraint", [region if region != _DEFAULT_REGION else ""])

    def list_objects(self, request: ObjectRequest) -> Reply:
        """One page of the bucket's keys."""
        bucket = self._store.bucket(request.bucket)
        _check_listable(bucket)
        encoding = request.parameter("encoding-type")
        if encoding not in {"", "url"}:
            raise ServiceFault("InvalidArgument", "Invalid Encoding Method specified in Request")
        spell = _url_spelling if encoding else str
        prefix, delimiter = request.parameter("prefix"), request.parameter("delimiter")
        token, start_after = request.parameter("continuation-token"), request.parameter("start-after")
        start = decode_token(token) if token else after(start_after) if start_after else ""
        limit = _max_keys(request.parameter("max-keys", "1000"))
        page = list_page(bucket.keys_from, prefix=prefix, delimiter=delimiter, start=start, limit=limit)
        content = [
            xml.text("Name", bucket.name),
            xml.text("Prefix", spell(prefix)),
            xml.text("MaxKeys", limit),
            xml.text("KeyCount", len(page)),
            xml.text("IsTruncated", "false" if page.resume_at is None else "true"),
        ]
        if page.resume_at is not None:
            content.append(xml.text("NextContinuationToken", encode_token(page.resume_at)))
        told = {
            "Delimiter": spell(delimiter),
            "StartAfter": spell(start_after),
            "ContinuationToken": token,
            "EncodingType": encoding,
        }
        content += [xml.text(name, value) for name, value in told.items() if value]
        content += [_shown(bucket, key, spell(key)) for key in page.keys]
        content += [
            xml.tag("CommonPrefixes", xml.text("Prefix", spell(common))) for common in page.common_prefixes
        ]
        return xml.document("ListBucketResult", content, {"x-amz-bucket-region": bucket.region})


def _shown(bucket: Bucket, key: str, spelled: str) -> str:
    stored = bucket.get(key)
    assert stored is not None
    return xml.tag(
        "Contents",
        xml.text("Key", spelled),
        xml.text("LastModified", xml.timestamp(stored.last_modified)),
        xml.text("ETag", f'"{stored.etag}"'),
        xml.text("Size", len(stored.body)),
        xml.text("StorageClass", stored.headers.get("x-amz-storage-class", "STANDARD")),
    )


def _url_spelling(key: str) -> str:
    return quote_plus(key, safe="/*")


def _max_keys(told: str) -> int:
    if not told.isdecimal():
        raise ServiceFault("InvalidArgument", "Provided max-keys not an integer or within integer range")
    return min(int(told), _MAX_KEYS)


def _check_listable(bucket: Bucket) -> None:
    if not bucket.listable:
        raise ServiceFault("AccessDenied", "Access Denied", 403)
