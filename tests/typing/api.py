"""What a type checker makes of the public names. Never run: only checked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

from aio_sm_async.codecs import EncodedPayload, StreamedPayload, decode_body, encode_payload
from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.results import Downloads, InferenceResult, ResponseBody
from aio_sm_async.uploads import S3Uploads, Uploader

assert_type(encode_payload({"a": 1}), EncodedPayload | StreamedPayload)
assert_type(decode_body(b""), object)

uploads = S3Uploads("s3://bucket/in/", tags={"team": "vision"}, delete="on_success")
assert_type(uploads.root, S3Location)


def decode_length(body: bytes, *, accept: str | None, content_type: str | None) -> int:
    return len(body)


result = InferenceResult(
    Completed("id"), ResponseBody(b"", None, 0), endpoint_name="name", source="sqs", decode=decode_length
)
assert_type(result, InferenceResult[int])
assert_type(result.value, int)
assert_type(result.body, bytes)
assert_type(result.text, str)
assert_type(result.json(), Any)
assert_type(result.finished_time, datetime | None)
assert_type(result.output_location, S3Location | None)
assert_type(result.iter_bytes(), AsyncGenerator[bytes, None])


async def calls(uploader: Uploader, downloads: Downloads, location: S3Location) -> None:
    assert_type(await result.download_to("result.bin"), int)
    assert_type(await result.download_to(Path("result.bin")), int)
    with open("result.bin", "wb") as file:  # noqa: ASYNC230 - never run
        assert_type(await result.download_to(file), int)
    assert_type(await downloads.fetch(location, max_body_bytes=1), ResponseBody)
    assert_type(await uploader.upload(encode_payload(b""), location), None)
