"""S3's XML, read and written. Only S3's own answers come here, and those never declare a document type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object of a listing.

    Attributes:
        key: Its key.
        size_bytes: Its size.
        last_modified: When it was written; None if S3 did not say.
    """

    key: str
    size_bytes: int
    last_modified: datetime | None


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a listing; ``continuation`` asks for the next, None is the end."""

    objects: list[ListedObject]
    continuation: str | None


def parse_xml(body: bytes) -> dict[str, str]:
    """Read the texts directly below the root, by name; the root's own name is under the empty one.

    Raises:
        ValueError: It is no XML that S3 would send.
    """
    root = _root(body)
    texts = {_name(child): (child.text or "").strip() for child in root}
    texts[""] = _name(root)
    return texts


def parse_page(body: bytes) -> ListPage:
    """Read an answer to ListObjectsV2 that was asked to encode keys as in URLs.

    Raises:
        ValueError: It is none.
    """
    root = _root(body)
    if _name(root) != "ListBucketResult":
        raise ValueError(f"expected a ListBucketResult, got a {_name(root)}")
    fields = {_name(child): (child.text or "").strip() for child in root}
    decode = unquote_plus if fields.get("EncodingType") == "url" else str
    objects = []
    for child in root:
        if _name(child) == "Contents":
            entry = {_name(part): part.text or "" for part in child}
            objects.append(
                ListedObject(decode(entry["Key"]), int(entry["Size"]), _time(entry.get("LastModified", "")))
            )
    more = fields.get("IsTruncated") == "true"
    return ListPage(objects, fields.get("NextContinuationToken") if more else None)


def encode_parts(parts: Sequence[tuple[int, str]]) -> bytes:
    """The body of a CompleteMultipartUpload: part numbers and ETags, in order."""
    lines = [
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>" for number, etag in parts
    ]
    return (
        '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        + "".join(lines)
        + "</CompleteMultipartUpload>"
    ).encode()


def _root(body: bytes) -> ET.Element:
    # Entities, and with them every way to blow up a parser, need a document type.
    if b"<!DOCTYPE" in body:
        raise ValueError("a document type is not expected here")
    try:
        # While it completes an upload S3 keeps the connection alive with white space.
        return ET.fromstring(body.strip())  # noqa: S314 - see above
    except ET.ParseError as error:
        raise ValueError(f"no XML: {error}") from error


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
