"""JSON: compact and strict on the way out, lenient about NaN on the way in."""

from __future__ import annotations

import json

from aio_sm_async.codecs.media_type import MediaType, parse_media_type
from aio_sm_async.codecs.payload import EncodedPayload
from aio_sm_async.codecs.refusal import unsupported
from aio_sm_async.codecs.text import encode_text
from aio_sm_async.errors import InvalidRequestError


def _refuse(value: object) -> object:
    raise unsupported(value, inside=True)


_TYPES = (dict, list, tuple, int, float, type(None))

# Unescaped, as 128,000 bytes of inline payload are counted after encoding.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_refuse)


class JsonCodec:
    """``application/json``: dicts, lists, tuples, numbers, booleans and None."""

    def encode(self, payload: object, content_type: str | None) -> EncodedPayload | None:
        """Compact JSON in UTF-8.

        Raises:
            InvalidRequestError: JSON has no word for it (NaN, a circle), or the content type is not JSON.
            TypeError: Something inside is of a type that JSON does not know.
        """
        if not isinstance(payload, _TYPES):
            return None
        if content_type is None:
            return EncodedPayload(dump_json(payload, None), "application/json")
        media_type = parse_media_type(content_type)
        if not media_type.is_json:
            limit = f"a {type(payload).__name__} is sent as JSON, which {media_type.essence} is not"
            raise InvalidRequestError(
                "content_type", limit, "Leave it out, or pass the payload as str or bytes."
            )
        return EncodedPayload(dump_json(payload, media_type.charset), content_type)

    def reads(self, media_type: MediaType) -> bool:
        """JSON, and what is built on it."""
        return media_type.is_json

    def decode(self, body: bytes, media_type: MediaType) -> object:  # noqa: ARG002 - JSON tells its own encoding
        """The value. NaN and Infinity, which some models write, are taken as floats.

        Raises:
            ValueError: The body is no JSON.
            RecursionError: It is nested too deeply.
        """
        value: object = json.loads(body)
        return value


def dump_json(payload: object, charset: str | None) -> bytes:
    """Compact JSON in this charset; in UTF-8 if that is None.

    Raises:
        InvalidRequestError: JSON has no word for it.
        TypeError: Something inside is of a type that JSON does not know.
    """
    try:
        text = _ENCODER.encode(payload)
    except (ValueError, RecursionError) as exc:
        limit = f"it cannot be written as JSON: {exc}"
        raise InvalidRequestError("payload", limit, "Replace the value, null for NaN.") from exc
    return encode_text(text, charset)
