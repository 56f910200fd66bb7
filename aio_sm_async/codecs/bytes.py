"""Bytes, which go and come as they are."""

from __future__ import annotations

from aio_sm_async.codecs.media_type import MediaType
from aio_sm_async.codecs.payload import EncodedPayload


class BytesCodec:
    """``application/octet-stream``: bytes in, the same bytes out."""

    def encode(self, payload: object, content_type: str | None) -> EncodedPayload | None:
        """The bytes under any content type; a copy of those that could change before they are sent."""
        if not isinstance(payload, (bytes, bytearray, memoryview)):
            return None
        return EncodedPayload(bytes(payload), content_type or "application/octet-stream")

    def reads(self, media_type: MediaType) -> bool:
        """Only what is named as plain bytes; what nobody reads stays bytes anyway."""
        return media_type.essence == "application/octet-stream"

    def decode(self, body: bytes, media_type: MediaType) -> bytes:  # noqa: ARG002 - the same for every codec
        """The body itself."""
        return body
