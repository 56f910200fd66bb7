"""What a format has to tell, to be read and written by this package."""

from __future__ import annotations

from typing import Protocol

from aio_sm_async.codecs.media_type import MediaType
from aio_sm_async.codecs.payload import EncodedPayload


class Codec(Protocol):
    """One format. Both directions run on the event loop: they never block, and never unpickle."""

    def encode(self, payload: object, content_type: str | None) -> EncodedPayload | None:
        """The payload in this format; None where it is not of a type that this format takes.

        Args:
            payload: What the caller handed in.
            content_type: What the caller calls it; None for the format's own name.

        Raises:
            InvalidRequestError: It is of the right type, but cannot be written.
        """
        ...

    def reads(self, media_type: MediaType) -> bool:
        """Whether `decode` understands bodies of this type."""
        ...

    def decode(self, body: bytes, media_type: MediaType) -> object:
        """The value of a body.

        Raises:
            ValueError: The body is malformed. The message must not quote it.
            RecursionError: It is nested too deeply.
        """
        ...
