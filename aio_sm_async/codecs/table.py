"""Which codec a payload or a body goes to."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterable

from aio_sm_async.codecs.bytes import BytesCodec
from aio_sm_async.codecs.codec import Codec
from aio_sm_async.codecs.json import JsonCodec
from aio_sm_async.codecs.media_type import MediaType, parse_media_type
from aio_sm_async.codecs.payload import (
    AsyncBinaryReader,
    BinaryReader,
    EncodedPayload,
    PayloadSource,
    StreamedPayload,
)
from aio_sm_async.codecs.refusal import unsupported
from aio_sm_async.codecs.text import TextCodec
from aio_sm_async.errors import DecodeError, InvalidRequestError

# The first that takes a payload, or reads a type, has it: text/json is JSON.
CODECS: tuple[Codec, ...] = (BytesCodec(), JsonCodec(), TextCodec())


def encode_payload(payload: object, content_type: str | None = None) -> EncodedPayload | StreamedPayload:
    """Turn what the caller hands in into bytes, or into a source that is read while it is uploaded.

    Args:
        payload: bytes, str, a JSON value, a path, a binary file or an async iterator of bytes.
        content_type: Wins over the default of the payload's kind; required for what is streamed.

    Raises:
        InvalidRequestError: The payload cannot be written, or its content type is missing or does not fit.
        TypeError: No codec takes a payload of this type.
    """
    for codec in CODECS:
        encoded = codec.encode(payload, content_type)
        if encoded is not None:
            return encoded
    source = _source_of(payload)
    if content_type is None:
        raise InvalidRequestError(
            "content_type",
            f"a {type(payload).__name__} does not tell what it holds",
            "Name its type, such as content_type='application/octet-stream'.",
        )
    return StreamedPayload(source, content_type)


def decode_body(body: bytes, *, accept: str | None = None, content_type: str | None = None) -> object:
    """The value of a response body; the bytes themselves where no codec reads them.

    Args:
        body: What the container answered.
        accept: What the caller asked for. It decides where it names one type that a codec reads, since a
            container's Content-Type is often just its web framework's default.
        content_type: What the container called its answer.

    Raises:
        DecodeError: The codec could not read it; the raw bytes are kept.
    """
    called = parse_media_type(content_type) if content_type is not None else None
    asked = parse_media_type(accept) if accept is not None and not _leaves_a_choice(accept) else None
    for media_type in (asked, called):
        codec = _codec_for(media_type)
        if media_type is not None and codec is not None:
            charset = media_type.charset or (called.charset if called is not None else None)
            return read_as(codec, body, MediaType(media_type.essence, charset), content_type)
    return body


def read_as(codec: Codec, body: bytes, media_type: MediaType, content_type: str | None) -> object:
    """What ``codec`` makes of the body.

    Raises:
        DecodeError: It could make nothing of it.
    """
    try:
        return codec.decode(body, media_type)
    except (ValueError, RecursionError) as exc:
        raise DecodeError(
            f"the response is not readable as {media_type.essence}: {_short(exc)}. Its bytes are in .body.",
            body=body,
            content_type=content_type,
        ) from exc


def _codec_for(media_type: MediaType | None) -> Codec | None:
    if media_type is None:
        return None
    return next((codec for codec in CODECS if codec.reads(media_type)), None)


def _leaves_a_choice(accept: str) -> bool:
    return "," in accept or "*" in accept


def _source_of(payload: object) -> PayloadSource:
    if isinstance(payload, io.TextIOBase):
        raise TypeError("the payload is a file in text mode. Open it in binary mode: open(path, 'rb').")
    if isinstance(payload, os.PathLike | BinaryReader | AsyncBinaryReader | AsyncIterable):
        return payload
    raise unsupported(payload)


def _short(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
