"""What the caller hands in becomes bytes and a content type; what the container answered becomes a value.

A format is one file with one `Codec`, entered in the table ``CODECS``. Nothing here ever unpickles.
"""

from __future__ import annotations

from aio_sm_async.codecs.codec import Codec
from aio_sm_async.codecs.json_lines import JSONLines
from aio_sm_async.codecs.media_type import MediaType, parse_media_type
from aio_sm_async.codecs.payload import (
    AsyncBinaryReader,
    BinaryReader,
    EncodedPayload,
    PayloadSource,
    StreamedPayload,
)
from aio_sm_async.codecs.rows import RowCodec
from aio_sm_async.codecs.table import CODECS, decode_body, encode_payload

__all__ = [
    "CODECS",
    "AsyncBinaryReader",
    "BinaryReader",
    "Codec",
    "EncodedPayload",
    "JSONLines",
    "MediaType",
    "PayloadSource",
    "RowCodec",
    "StreamedPayload",
    "decode_body",
    "encode_payload",
    "parse_media_type",
]
