"""The headers that an S3 object keeps from its PUT, and those that come back with it."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import format_datetime
from urllib.parse import parse_qsl

from aio_sm_async.emulator import checksums
from aio_sm_async.emulator.object_store import StoredObject

_PLAIN = (
    "content-type",
    "content-language",
    "content-disposition",
    "cache-control",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
_METADATA = "x-amz-meta-"
_ENCRYPTION = "x-amz-server-side-encryption"


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """What an object keeps of the headers that it was put with; checksums apart."""
    found = {name: headers[name] for name in _PLAIN if name in headers}
    found |= {name: value for name, value in headers.items() if name.startswith((_METADATA, _ENCRYPTION))}
    # aws-chunked says how the body travelled, not what it is.
    codings = [coding.strip() for coding in headers.get("content-encoding", "").split(",")]
    coded = ",".join(coding for coding in codings if coding and coding != "aws-chunked")
    if coded:
        found["content-encoding"] = coded
    # S3 encrypts whatever it keeps.
    found.setdefault(_ENCRYPTION, "AES256")
    return found


def encryption(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers among them that tell how the object is encrypted; every write answers with these."""
    return {name: value for name, value in headers.items() if name.startswith(_ENCRYPTION)}


def tags(headers: Mapping[str, str]) -> dict[str, str]:
    """The tags of ``x-amz-tagging``."""
    return dict(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))


def shown(stored: StoredObject) -> dict[str, str]:
    """What comes back with an object, whatever part of it is asked for."""
    headers = {name: value for name, value in stored.headers.items() if not name.startswith(checksums.PREFIX)}
    headers["content-type"] = stored.content_type
    headers["etag"] = f'"{stored.etag}"'
    headers["last-modified"] = format_datetime(stored.last_modified, usegmt=True)
    headers["accept-ranges"] = "bytes"
    if stored.tags:
        headers["x-amz-tagging-count"] = str(len(stored.tags))
    return headers
