"""Multipart uploads: parts come in any order, and no object is seen before all are there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from aio_sm_async.emulator.service import ServiceFault

MAX_PART_NUMBER = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it came: its bytes, its tag without quotes, its time."""

    body: bytes
    etag: str
    last_modified: datetime


@dataclass(slots=True)
class Upload:
    """One multipart upload in progress.

    Attributes:
        upload_id: Names it.
        key: The object that it will be.
        initiated: When it began.
        headers: What the object will carry.
        tags: The object's tags.
        parts: What has come so far, by part number.
    """

    upload_id: str
    key: str
    initiated: datetime
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    parts: dict[int, Part] = field(default_factory=dict)

    def assemble(self, wanted: Sequence[tuple[int, str]], minimum_part_bytes: int) -> tuple[bytes, str]:
        """Put the object together.

        Args:
            wanted: The number and tag of each part, as the caller lists them.
            minimum_part_bytes: What every part but the last must have.

        Returns:
            The body and its entity tag, which tells the number of parts.

        Raises:
            ServiceFault: The list is empty or out of order, names a part that never came or another
                version of it, or a part is too small.
        """
        if not wanted:
            raise ServiceFault("MalformedXML", "The list of parts must not be empty")
        numbers = [number for number, _ in wanted]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            raise ServiceFault(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            )
        parts = [self._part(number, etag) for number, etag in wanted]
        if any(len(part.body) < minimum_part_bytes for part in parts[:-1]):
            raise ServiceFault(
                "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"
            )
        digests = b"".join(bytes.fromhex(part.etag) for part in parts)
        tag = hashlib.md5(digests, usedforsecurity=False).hexdigest()
        return b"".join(part.body for part in parts), f"{tag}-{len(parts)}"

    def _part(self, number: int, etag: str) -> Part:
        part = self.parts.get(number)
        if part is None or part.etag != etag.strip('"'):
            raise ServiceFault(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been "
                "uploaded, or the specified entity tag may not match the part's entity tag.",
            )
        return part
