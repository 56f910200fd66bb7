"""Which way a payload goes: inside the request, or through S3.

Inline costs nothing beside the invoke itself; an upload costs a PUT and a GET, and needs a place that the
caller may write to and the endpoint may read from.
"""

from __future__ import annotations

from dataclasses import dataclass

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.request import MAX_INLINE_BYTES

_CONFIGURE_UPLOADS = 'Give the client uploads=S3Uploads("s3://bucket/prefix/").'


@dataclass(frozen=True, slots=True)
class Inline:
    """Send the payload as the request's ``Body``."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Write the payload to S3 first, and send its ``InputLocation``."""


Plan = Inline | Upload


def plan_payload(size_bytes: int | None, *, inline_accepted: bool, uploads_configured: bool) -> Plan:
    """Decide which way a payload goes; inline wherever that is possible.

    Args:
        size_bytes: Its size; None where that shows only while it is streamed.
        inline_accepted: False once the endpoint has refused a ``Body``, as some regions do.
        uploads_configured: Whether the client knows where to upload.

    Raises:
        InvalidRequestError: Neither way is open; the error says how to open one.
    """
    obstacle = _obstacle(size_bytes, inline_accepted=inline_accepted)
    if obstacle is None:
        return Inline()
    if uploads_configured:
        return Upload()
    raise InvalidRequestError("payload", obstacle, _CONFIGURE_UPLOADS)


def _obstacle(size_bytes: int | None, *, inline_accepted: bool) -> str | None:
    """What keeps the payload from going inline, in words; None if nothing does."""
    if size_bytes is None:
        return "is streamed, and a streamed payload goes through S3"
    if size_bytes == 0:
        return "is empty, and an empty Body cannot be told from none on the wire"
    if size_bytes > MAX_INLINE_BYTES:
        return f"is {size_bytes:,} bytes long, and at most {MAX_INLINE_BYTES:,} fit into the request"
    if not inline_accepted:
        return "cannot go inside the request, since this endpoint takes none there"
    return None
