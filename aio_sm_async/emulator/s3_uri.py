"""Where SageMaker reads and writes: a bucket and a key, told as ``s3://`` or as one of S3's https URLs."""

from __future__ import annotations

import re
from urllib.parse import unquote

_VIRTUAL_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-].*amazonaws\.com(\.cn)?")
_PATH_HOST = re.compile(r"s3[.-].*amazonaws\.com(\.cn)?")


def parse_s3_uri(text: str) -> tuple[str, str]:
    """The bucket and the key that a location names.

    Raises:
        ValueError: It is no S3 location.
    """
    scheme, separator, rest = text.partition("://")
    host, _, key = rest.partition("/")
    if not separator or not host:
        raise ValueError(f"not an S3 location: {text!r}")
    if scheme == "s3":
        return host, key
    if scheme == "https" and _PATH_HOST.fullmatch(host):
        bucket, _, key = key.partition("/")
        return bucket, unquote(key)
    virtual = _VIRTUAL_HOST.fullmatch(host)
    if scheme == "https" and virtual:
        return virtual["bucket"], unquote(key)
    raise ValueError(f"not an S3 location: {text!r}")


def join_s3_path(root: str, *names: str) -> str:
    """The location below ``root``, joined by single slashes; empty names are left out."""
    return "/".join([root.rstrip("/"), *(stripped for name in names if (stripped := name.strip("/")))])
