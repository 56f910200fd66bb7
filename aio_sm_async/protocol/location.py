"""Where an object lies in S3.

AWS writes locations as ``s3://bucket/key``, and as ``https://`` URLs where an endpoint's output path was
configured in that form: virtual-hosted (``bucket.s3.region.amazonaws.com/key``) or path style
(``s3.region.amazonaws.com/bucket/key``). The two https forms percent-encode the key; ``s3://`` does not. A
query or a fragment belongs to a request (a presigned one, say), not to a place: with one, it is no location.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_S3_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:-fips)?(?:[.-]dualstack)?(?:[.-][a-z]{2,4}(?:-[a-z]+)+-\d+)?"
    r"\.(?:amazonaws\.(?:com(?:\.cn)?|eu)|api\.aws|c2s\.ic\.gov|sc2s\.sgov\.gov)"
)


@dataclass(frozen=True, slots=True, order=True)
class S3Location:
    """A bucket and a key in it; the key of a prefix ends as the caller ended it."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def child(self, name: str) -> S3Location:
        """The location ``name`` below this one, joined by a single slash."""
        return S3Location(self.bucket, f"{self.key.rstrip('/')}/{name}" if self.key else name)


def parse_location(text: str) -> S3Location:
    """Read a location in any of the three forms that AWS writes.

    Raises:
        ValueError: It is none of them.
    """
    scheme, separator, rest = text.partition("://")
    host, _, path = rest.partition("/")
    if not separator or not host:
        raise ValueError(f"not an S3 location: {text!r}; expected s3://bucket/key")
    if scheme == "s3":
        return S3Location(host, path)
    matched = _S3_HOST.fullmatch(host) if scheme == "https" else None
    if matched is None or "?" in path or "#" in path:
        raise ValueError(f"not an S3 location: {text!r}; expected s3://bucket/key or S3's own https form")
    bucket, key = matched["bucket"], path
    if bucket is None:
        bucket, _, key = path.partition("/")
    if not bucket:
        raise ValueError(f"not an S3 location: {text!r}; it names no bucket")
    return S3Location(bucket, unquote(key, errors="strict"))
