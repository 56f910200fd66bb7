"""The ``aws-chunked`` framing in which SDKs send bodies with a checksum behind them.

Chunk signatures are read over, not checked; the signature of the headers is, and so is the checksum.
"""

from __future__ import annotations

from collections.abc import Mapping

from aio_sm_async.emulator.service import ServiceFault

_STREAMING = "STREAMING-"


def is_framed(headers: Mapping[str, str]) -> bool:
    """True where the request says that its body is framed."""
    return headers.get("x-amz-content-sha256", "").startswith(_STREAMING)


def unframe(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Take the framing off.

    Returns:
        The payload, and the trailing headers by lower-case name.

    Raises:
        ServiceFault: The framing is broken, or the length is another than the headers tell.
    """
    chunks: list[bytes] = []
    at = 0
    while True:
        line_end = body.find(b"\r\n", at)
        if line_end < 0:
            raise _broken()
        size = _size_of(body[at:line_end])
        at = line_end + 2
        if size == 0:
            break
        if body[at + size : at + size + 2] != b"\r\n":
            raise _broken()
        chunks.append(body[at : at + size])
        at += size + 2
    payload = b"".join(chunks)
    if headers.get("x-amz-decoded-content-length", str(len(payload))) != str(len(payload)):
        raise _broken()
    return payload, _trailers(body[at:])


def _size_of(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise _broken() from None


def _trailers(rest: bytes) -> dict[str, str]:
    pairs = (line.partition(b":") for line in rest.split(b"\r\n") if line)
    return {name.strip().lower().decode(): value.strip().decode() for name, _, value in pairs}


def _broken() -> ServiceFault:
    return ServiceFault("IncompleteBody", "The request body terminated unexpectedly")
