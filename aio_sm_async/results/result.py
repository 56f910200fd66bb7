"""The answer to one invocation, read like an HTTP response."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from enum import Enum
from typing import Any, Final, Generic, Protocol, TypeVar

from aio_sm_async.codecs import MediaType, parse_media_type
from aio_sm_async.codecs.json import JsonCodec
from aio_sm_async.codecs.table import read_as
from aio_sm_async.codecs.text import TextCodec
from aio_sm_async.errors import BodyTooLargeError
from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.results.downloads import Downloads, ResponseBody
from aio_sm_async.results.saving import BinaryWriter, save

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_JSON = JsonCodec()
_TEXT = TextCodec()


class Decode(Protocol[T_co]):
    """Makes a value of a body; `aio_sm_async.codecs.decode_body` is one."""

    def __call__(self, body: bytes, *, accept: str | None, content_type: str | None) -> T_co:
        """The value.

        Raises:
            DecodeError: The body cannot be read.
        """
        ...


class _Unset(Enum):
    VALUE = 0


_UNSET: Final = _Unset.VALUE


class InferenceResult(Generic[T]):
    """What the model answered. It holds no connection, however large the answer is.

    Attributes:
        endpoint_name: The endpoint that answered.
        source: What brought the news: ``"sqs"``, ``"webhook"``, ``"polling"`` …
        max_body_bytes: Larger bodies were left in S3.
    """

    __slots__ = (
        "_accept",
        "_body",
        "_completion",
        "_decode",
        "_downloads",
        "_value",
        "endpoint_name",
        "max_body_bytes",
        "source",
    )

    def __init__(
        self,
        completion: Completed,
        body: ResponseBody,
        *,
        endpoint_name: str,
        source: str,
        decode: Decode[T],
        accept: str | None = None,
        max_body_bytes: int = 16 * 1024 * 1024,
        downloads: Downloads | None = None,
    ) -> None:
        self._completion = completion
        self._body = body
        self._decode = decode
        self._accept = accept
        self._downloads = downloads
        self._value: T | _Unset = _UNSET
        self.endpoint_name = endpoint_name
        self.source = source
        self.max_body_bytes = max_body_bytes

    def __repr__(self) -> str:
        kind = self.content_type or "unknown type"
        where = "" if self._body.data is not None else f" at {self.output_location}"
        return (
            f"<InferenceResult {self.inference_id!r} of {self.endpoint_name!r}: "
            f"{self.size_bytes:,} bytes of {kind}{where}, by {self.source}>"
        )

    @property
    def inference_id(self) -> str:
        """The invocation that this answers."""
        return self._completion.inference_id

    @property
    def output_location(self) -> S3Location | None:
        """Where the response lies; None on endpoints without an S3 output path."""
        return self._completion.output_location

    @property
    def received_time(self) -> datetime | None:
        """When SageMaker accepted the request, UTC; None where nobody told."""
        return self._completion.received_time

    @property
    def finished_time(self) -> datetime | None:
        """When the response was there, UTC; None where nobody told."""
        return self._completion.finished_time

    @property
    def content_type(self) -> str | None:
        """The container's own Content-Type; None where nobody told."""
        return self._body.content_type

    @property
    def size_bytes(self) -> int:
        """The size of the body, in memory or not."""
        return self._body.size_bytes

    @property
    def body(self) -> bytes:
        """The bytes of the response.

        Raises:
            BodyTooLargeError: They were left in S3; `iter_bytes` and `download_to` read them from there.
        """
        if self._body.data is None:
            raise BodyTooLargeError(
                f"the response has {self.size_bytes:,} bytes; max_body_bytes is {self.max_body_bytes:,}. "
                "Read it with iter_bytes() or download_to(), or raise max_body_bytes.",
                size_bytes=self.size_bytes,
                limit_bytes=self.max_body_bytes,
            )
        return self._body.data

    @property
    def text(self) -> str:
        """The response as text, in the charset that it was sent with, or else in UTF-8.

        Raises:
            BodyTooLargeError: It was left in S3.
            DecodeError: It is no text of that charset.
        """
        charset = parse_media_type(self.content_type).charset if self.content_type else None
        text = read_as(_TEXT, self.body, MediaType("text/plain", charset), self.content_type)
        assert isinstance(text, str)
        return text

    def json(self) -> Any:
        """The response as JSON, whatever it calls itself; typed like `json.loads`.

        Raises:
            BodyTooLargeError: It was left in S3.
            DecodeError: It is no JSON.
        """
        return read_as(_JSON, self.body, MediaType("application/json"), self.content_type)

    @property
    def value(self) -> T:
        """The response, decoded when first asked for: by ``accept``, else by its Content-Type, else bytes.

        Raises:
            BodyTooLargeError: It was left in S3.
            DecodeError: It is not what it was said to be.
        """
        if self._value is _UNSET:
            self._value = self._decode(self.body, accept=self._accept, content_type=self.content_type)
        return self._value

    async def iter_bytes(self, chunk_bytes: int = 64 * 1024) -> AsyncGenerator[bytes, None]:
        """The bytes in chunks of at most ``chunk_bytes``, from memory or by a new read from S3.

        The read goes on where it broke off. Whoever leaves the loop early frees its connection at once with
        `contextlib.aclosing`.

        Raises:
            ResultError: The object was overwritten since.
            AsyncInferenceError: S3 could not be reached, or refused.
        """
        async with aclosing(self._chunks()) as chunks:
            async for chunk in chunks:
                for start in range(0, len(chunk), chunk_bytes):
                    yield chunk[start : start + chunk_bytes]

    async def download_to(self, target: str | os.PathLike[str] | BinaryWriter) -> int:
        """Write the bytes to a path or a binary file, and tell how many.

        A path is replaced once everything has arrived, and untouched by a download that fails. What the
        caller opened is written to as the bytes come.

        Raises:
            ResultError: The object was overwritten since.
            AsyncInferenceError: S3 could not be reached, or refused.
            OSError: The file cannot be written.
        """
        async with aclosing(self._chunks()) as chunks:
            return await save(chunks, target)

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        if self._body.data is not None:
            yield self._body.data
            return
        assert self._downloads is not None
        assert self.output_location is not None
        async with aclosing(self._downloads.stream(self.output_location, self._body)) as chunks:
            async for chunk in chunks:
                yield chunk
