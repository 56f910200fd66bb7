"""What an S3 request asks for: bucket and key from path or host, and the operation."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aio_sm_async.emulator.service import Call

_VIRTUAL_HOST = re.compile(
    r"(?P<bucket>.+?)\.(?:s3[.-][a-z0-9.-]*amazonaws\.com|(?:s3\.)?localhost)(?::\d+)?"
)

# Query parameters that make another operation of the same method and path; of these only those in the
# table below are emulated.
_SUBRESOURCES = frozenset({
    "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "inventory", "legal-hold",
    "lifecycle", "list-type", "location", "logging", "metrics", "notification", "object-lock",
    "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "renameObject", "replication",
    "requestPayment", "restore", "retention", "select", "session", "tagging", "torrent", "uploadId",
    "uploads", "versionId", "versioning", "versions", "website",
})  # fmt: skip

_OPERATIONS = {
    ("service", "GET", ""): "ListBuckets",
    ("bucket", "PUT", ""): "CreateBucket",
    ("bucket", "HEAD", ""): "HeadBucket",
    ("bucket", "DELETE", ""): "DeleteBucket",
    ("bucket", "GET", "location"): "GetBucketLocation",
    ("bucket", "GET", "list-type"): "ListObjectsV2",
    ("bucket", "GET", "uploads"): "ListMultipartUploads",
    ("bucket", "POST", "delete"): "DeleteObjects",
    ("object", "PUT", ""): "PutObject",
    ("object", "GET", ""): "GetObject",
    ("object", "HEAD", ""): "HeadObject",
    ("object", "DELETE", ""): "DeleteObject",
    ("object", "PUT", "tagging"): "PutObjectTagging",
    ("object", "GET", "tagging"): "GetObjectTagging",
    ("object", "DELETE", "tagging"): "DeleteObjectTagging",
    ("object", "POST", "uploads"): "CreateMultipartUpload",
    ("object", "PUT", "uploadId"): "UploadPart",
    ("object", "GET", "uploadId"): "ListParts",
    ("object", "POST", "uploadId"): "CompleteMultipartUpload",
    ("object", "DELETE", "uploadId"): "AbortMultipartUpload",
}
_WITH_COPY_SOURCE = {"PutObject": "CopyObject", "UploadPart": "Unknown"}


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    """A call, seen as S3 sees it.

    Attributes:
        operation: The AWS operation; ``Unknown`` for those that are not emulated.
        bucket: The bucket, or the empty string.
        key: The key, or the empty string.
        call: The call itself.
    """

    operation: str
    bucket: str
    key: str
    call: Call

    def header(self, name: str, default: str = "") -> str:
        """A header by its lower-case name."""
        return self.call.headers.get(name, default)

    def parameter(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.call.query.get(name, default)


def read_request(call: Call) -> ObjectRequest:
    """Find bucket, key and operation."""
    hosted = _VIRTUAL_HOST.fullmatch(call.headers.get("host", ""))
    if hosted is not None and hosted["bucket"] != "s3":
        bucket, key = hosted["bucket"], call.path[1:]
    else:
        bucket, _, key = call.path[1:].partition("/")
    level = "object" if key else "bucket" if bucket else "service"
    subresource = next((name for name in call.query if name in _SUBRESOURCES), "")
    operation = _OPERATIONS.get((level, call.method, subresource), "Unknown")
    if "x-amz-copy-source" in call.headers:
        operation = _WITH_COPY_SOURCE.get(operation, operation)
    return ObjectRequest(operation, bucket, key, call)
