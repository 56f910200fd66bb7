"""A job's outputs are named after its items' keys, so that what S3 lists tells which items are finished.

``<output path>/[<extension>/]<job>/<block>/<digest>.out``: a block is a thousand items of the source; the
digest is of the job, its version and the item's key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.digests import DIGEST_BYTES, MAX_NUMBER
from aio_sm_async.protocol.location import S3Location

BLOCK_ITEMS = 1000
"""As many as one page of a LIST holds."""

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_OUTPUT = re.compile(r"(0|[1-9][0-9]{0,9})/([0-9a-f]{24})\.out")


@dataclass(frozen=True, slots=True)
class Job:
    """What names the outputs of one job.

    Attributes:
        name: The job.
        version: Whatever makes old answers useless when it changes; empty if there is none.
        extension: The caller's own ``S3OutputPathExtension``, which comes before the job's name.

    Raises:
        InvalidRequestError: The name is none that S3 keys can have.
    """

    name: str
    version: str = ""
    extension: str | None = None

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise InvalidRequestError(
                "job",
                "must be 1 to 64 letters, digits, '.', '_' and '-', no dot first and no two in a row",
                'Name it like "2026-11-run".',
            )

    def digest(self, key: str) -> bytes:
        """Twelve bytes that stand for the item of that key, in this version of this job."""
        hashed = blake2b(digest_size=DIGEST_BYTES)
        for part in (self.name, self.version, key):
            text = part.encode("utf-8", "surrogatepass")
            hashed.update(len(text).to_bytes(8, "big") + text)
        return hashed.digest()

    def filename(self, digest: bytes) -> str:
        """The ``Filename`` of the item's output."""
        return f"{digest.hex()}.out"

    def output_extension(self, block: int) -> str:
        """The ``S3OutputPathExtension`` of a block of items."""
        return f"{self._folder}/{block}"

    def prefix(self, output_path: S3Location) -> S3Location:
        """Where all outputs of the job lie; ends with a slash."""
        return output_path.child(f"{self._folder}/")

    def location(self, output_path: S3Location, block: int, digest: bytes) -> S3Location:
        """Where the output of one item lies."""
        return self.prefix(output_path).child(f"{block}/{self.filename(digest)}")

    @property
    def _folder(self) -> str:
        return self.name if self.extension is None else f"{self.extension}/{self.name}"


def _is_name(text: object) -> bool:
    return isinstance(text, str) and _NAME.fullmatch(text) is not None and ".." not in text


def block_of(index: int) -> int:
    """The block of the item of that place in the source."""
    return index // BLOCK_ITEMS


def parse_output(key: str, prefix: S3Location) -> tuple[int, bytes] | None:
    """Block and digest of a listed object; None if it is no output of a job."""
    matched = _OUTPUT.fullmatch(key, len(prefix.key)) if key.startswith(prefix.key) else None
    if matched is None or int(matched[1]) > MAX_NUMBER:
        return None
    return int(matched[1]), bytes.fromhex(matched[2])
