"""The checksums that come with an S3 body: wrong ones are refused, right ones are kept with the object.

CRC32, SHA-1, SHA-256 and Content-MD5 are computed. CRC32C and CRC64NVME are not in the standard library; they
are kept and handed back as they came.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping

from aio_sm_async.emulator.service import ServiceFault

PREFIX = "x-amz-checksum-"
_NAMES = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")


def _crc32(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big")


def _sha1(body: bytes) -> bytes:
    return hashlib.sha1(body, usedforsecurity=False).digest()


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


_COMPUTED: dict[str, Callable[[bytes], bytes]] = {
    "content-md5": _md5,
    "x-amz-checksum-crc32": _crc32,
    "x-amz-checksum-sha1": _sha1,
    "x-amz-checksum-sha256": _sha256,
}


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """The checksum headers among the headers."""
    return {PREFIX + name: headers[PREFIX + name] for name in _NAMES if PREFIX + name in headers}


def check(headers: Mapping[str, str], body: bytes) -> None:
    """Hold the body against every checksum that came with it.

    Raises:
        ServiceFault: One of them is another body's.
    """
    for name, compute in _COMPUTED.items():
        if name not in headers or headers[name] == b64encode(compute(body)).decode():
            continue
        if name == "content-md5":
            raise ServiceFault("BadDigest", "The Content-MD5 you specified did not match what we received.")
        algorithm = name.removeprefix(PREFIX).upper()
        raise ServiceFault(
            "BadDigest", f"The {algorithm} you specified did not match the calculated checksum."
        )
