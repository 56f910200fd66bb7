"""What a type checker makes of fan-outs. Never run: only checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import assert_type

from aio_sm_async import (
    AsyncInferenceClient,
    Attempt,
    FanOut,
    FanOutProgress,
    InferenceOutcome,
    InferenceRequest,
    InferenceResult,
    JSONLines,
    Pack,
    RetryFailed,
    RowCodec,
    RowResult,
    TooManyFailuresError,
    is_transient,
)

Result = InferenceResult[object]


async def numbers() -> AsyncIterator[int]:
    yield 1


def show(now: FanOutProgress) -> None:
    assert_type(now.done, int)


async def calls(client: AsyncInferenceClient) -> None:
    assert_type(client.map([1, "two", b"3"]), FanOut[Result])
    assert_type(client.map(numbers(), window=5, accept="text/plain"), FanOut[Result])
    assert_type(client.map([], return_exceptions=True), FanOut[Result | Exception])
    assert_type(client.map([1], job="run", key=str, version=2, finished="skip"), FanOut[Result])
    client.map([1], job="run", finished="never")  # type: ignore[call-overload]
    assert_type(client.as_completed([], progress=show), FanOut[InferenceOutcome[Result]])
    assert_type(client.map([], progress=True), FanOut[Result])
    async for result in client.map(InferenceRequest(number, key=str(number)) for number in range(3)):
        assert_type(result, Result)
    async with client.as_completed([None]) as outcomes:
        assert_type(await anext(outcomes), InferenceOutcome[Result])
        async for outcome in outcomes:
            assert_type(outcome.index, int)
            assert_type(outcome.key, str | None)
            assert_type(outcome.error, Exception | None)
            assert_type(outcome.unwrap(), Result)
            assert_type(outcome.attempts, tuple[Attempt, ...])
            assert_type(outcome.attempts[-1].inference_id, str | None)
    client.map(7)  # type: ignore[call-overload]
    client.map([], retry_failed=RetryFailed(attempts=2, when=is_transient), stop_after_failures=5)
    assert_type(client.map([1], pack=Pack()), FanOut[RowResult])
    assert_type(client.map([1], pack=Pack(max_rows=8), codec=JSONLines(), window=5), FanOut[RowResult])
    assert_type(client.map([1], pack=Pack(), return_exceptions=True), FanOut[RowResult | Exception])
    assert_type(client.as_completed([1], pack=Pack()), FanOut[InferenceOutcome[RowResult]])
    client.map([], codec=JSONLines())  # type: ignore[call-overload]
    client.map([], retry_failed=3)  # type: ignore[call-overload]
    client.map([], progress="bar")  # type: ignore[call-overload]
    client.map([], windows=7)  # type: ignore[call-overload]
    InferenceRequest("x", acept="text/plain")  # type: ignore[call-arg]


def rows(row: RowResult, codec: RowCodec) -> None:
    assert_type(row.value, object)
    assert_type(row.inference, Result)
    assert_type(codec.encode_row(1), bytes)


def ended(error: TooManyFailuresError) -> None:
    assert_type((error.failures, error.limit), tuple[int, int])
    assert_type(is_transient(error), bool)
