"""Text, in the charset that its content type names."""

from __future__ import annotations

from aio_sm_async.codecs.media_type import MediaType, parse_media_type
from aio_sm_async.codecs.payload import EncodedPayload
from aio_sm_async.errors import InvalidRequestError


class TextCodec:
    """``text/*``: strings, UTF-8 unless the content type names another charset."""

    def encode(self, payload: object, content_type: str | None) -> EncodedPayload | None:
        """The text under any content type: a string that is JSON already is sent verbatim."""
        if not isinstance(payload, str):
            return None
        if content_type is None:
            return EncodedPayload(encode_text(payload, None), "text/plain; charset=utf-8")
        return EncodedPayload(encode_text(payload, parse_media_type(content_type).charset), content_type)

    def reads(self, media_type: MediaType) -> bool:
        """Everything that calls itself text."""
        return media_type.is_text

    def decode(self, body: bytes, media_type: MediaType) -> str:
        """The text.

        Raises:
            ValueError: The bytes are not of that charset, or nobody knows it.
        """
        try:
            return body.decode(media_type.charset or "utf-8")
        except LookupError as exc:
            raise ValueError(f"nobody knows the charset {media_type.charset!r}") from exc


def encode_text(text: str, charset: str | None) -> bytes:
    """The text's bytes.

    Raises:
        InvalidRequestError: The charset is unknown, or has no bytes for one of the characters.
    """
    try:
        return text.encode(charset or "utf-8")
    except UnicodeEncodeError as exc:
        limit = f"the character at position {exc.start} has no bytes in {charset or 'utf-8'}"
        raise InvalidRequestError("payload", limit, "Remove it, or name another charset.") from None
    except (LookupError, ValueError) as exc:
        limit = f"nobody knows the charset {charset!r}"
        raise InvalidRequestError("content_type", limit, "Write charset=utf-8.") from exc
