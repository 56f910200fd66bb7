"""What a type checker makes of the public names. Never run: only checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, assert_type

from aio_sm_async import (
    AmbiguousError,
    AsyncInferenceClient,
    FanOut,
    InferenceFuture,
    InferenceOutcome,
    InvocationStatus,
    S3Polling,
    SqsNotifications,
    Statistics,
    WaitTimeoutError,
    estimate_dollars,
)
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


client = AsyncInferenceClient(
    "my-endpoint",
    notifications=SqsNotifications(["https://sqs.us-east-1.amazonaws.com/123456789012/my-queue"]),
    polling=S3Polling(),
    uploads=uploads,
    on_ambiguous="raise",
    retry_timeout_seconds=60,
    start_in_flight=8,
    max_submit_rate=50.0,
    http_library="aiohttp",
    accept="application/json",
)
assert_type(client, AsyncInferenceClient)
assert_type(client.statistics(), Statistics)
assert_type(client.statistics().dollars, float)
assert_type(client.statistics().in_flight_limits, Mapping[str, int])
assert_type(estimate_dollars({"GetObject": 1}), float)
assert_type(client.with_options(request_ttl_seconds=60), AsyncInferenceClient)
assert_type(client.map([1, 2]), FanOut[InferenceResult[object]])
assert_type(client.map([1], return_exceptions=True), FanOut[InferenceResult[object] | Exception])
assert_type(client.as_completed([1]), FanOut[InferenceOutcome[InferenceResult[object]]])
AsyncInferenceClient("my-endpoint", on_ambiguous="retry")  # type: ignore[arg-type]
AsyncInferenceClient("my-endpoint", http_library="httpx")  # type: ignore[arg-type]
AsyncInferenceClient("my-endpoint", max_inflight=5)  # type: ignore[call-arg]


async def waiting() -> None:
    async with client as opened:
        assert_type(opened, AsyncInferenceClient)
    assert_type(await client.open(), AsyncInferenceClient)
    assert_type(await client.invoke({"a": 1}, timeout=5, content_type="text/csv"), InferenceResult[object])
    future = await client.submit(input_location="s3://bucket/input.json", endpoint_name="another")
    assert_type(future, InferenceFuture[InferenceResult[object]])
    assert_type(await future, InferenceResult[object])
    assert_type(await future.wait(), InferenceResult[object])
    assert_type(await asyncio.gather(future, future), tuple[InferenceResult[object], InferenceResult[object]])
    assert_type(future.as_asyncio(), asyncio.Future[InferenceResult[object]])
    assert_type(future.result().value, object)
    assert_type(future.accepted, bool | None)
    assert_type(future.token, str)
    assert_type(await client.attach(future.token), InferenceFuture[InferenceResult[object]])
    status = await client.lookup(future.token)
    assert_type(status, InvocationStatus)
    assert_type(status.state, Literal["pending", "completed", "failed", "deadline_passed"])
    assert_type(status.unwrap(), InferenceResult[object])
    await client.submit("x", bogus=1)  # type: ignore[call-arg]


def failing(late: WaitTimeoutError, lost: AmbiguousError) -> None:
    assert_type((late.inference_id, late.token), tuple[str | None, str | None])
    assert_type((lost.inference_id, lost.token), tuple[str | None, str | None])
