"""What the caller gets for each way in which an invocation can end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aio_sm_async.errors import (
    AccessDeniedError,
    BodyTooLargeError,
    DeadlinePassedError,
    ExpiredError,
    InferenceError,
    InferenceFailedError,
    ResultError,
)
from aio_sm_async.outcome import Outcomes
from aio_sm_async.protocol.completion import Completed, Expired, Failed
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import DeadlinePassed, Outcome, Undeliverable
from aio_sm_async.results import Downloads, InferenceResult, ResponseBody
from tests.bucket import Bucket, Stored

PLACE = S3Location("bucket", "out/1.out")
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def outcome_of(
    outcome: Outcome,
    *,
    body: ResponseBody | None = None,
    accept: str | None = None,
    bucket: Bucket | None = None,
) -> InferenceResult[object] | Exception:
    outcomes = Outcomes(Downloads(bucket or Bucket()), max_body_bytes=10)
    invocation = Invocation("id-1", "digits", 60.0)
    return outcomes.of(invocation, outcome, source="sqs", accept=accept, body=body)


def result_of(
    outcome: Outcome,
    *,
    body: ResponseBody | None = None,
    accept: str | None = None,
    bucket: Bucket | None = None,
) -> InferenceResult[object]:
    result = outcome_of(outcome, body=body, accept=accept, bucket=bucket)
    assert isinstance(result, InferenceResult)
    return result


def test_a_fetched_body_makes_a_result() -> None:
    """All that the completion and S3 tell can be read off the result."""
    completed = Completed("id-1", "digits", PLACE, received_time=MOMENT, finished_time=MOMENT)
    result = result_of(completed, body=ResponseBody(b"[7]", "application/json", 3))

    assert [7] == result.value
    assert (b"[7]", "application/json", PLACE, "digits", "sqs", "id-1", MOMENT, MOMENT) == (
        result.body,
        result.content_type,
        result.output_location,
        result.endpoint_name,
        result.source,
        result.inference_id,
        result.received_time,
        result.finished_time,
    )


def test_an_included_body_makes_a_result() -> None:
    """What the notification brought along is not fetched."""
    bucket = Bucket()
    result = result_of(Completed("id-1", body=b"[7]", content_type="application/json"), bucket=bucket)

    assert ([7], 3) == (result.value, result.size_bytes)
    assert [] == bucket.calls


def test_an_empty_included_body_is_a_result() -> None:
    """A model may answer nothing."""
    result = result_of(Completed("id-1", body=b"", content_type="application/json"))

    assert (b"", 0) == (result.body, result.size_bytes)


def test_what_was_fetched_comes_before_what_was_included() -> None:
    """S3 was asked because the notification was not enough."""
    result = result_of(Completed("id-1", body=b"cut"), body=ResponseBody(b"whole", "text/plain", 5))

    assert "whole" == result.value


def test_accept_decides_how_a_value_is_read() -> None:
    """The caller's wish is honoured over the container's Content-Type."""
    completed = Completed("id-1", body=b"[7]", content_type="text/html")

    assert [7] == result_of(completed, accept="application/json").value


async def test_a_large_body_is_read_from_s3_when_it_is_asked_for() -> None:
    """The result knows where the bytes lie, and its limit."""
    bucket = Bucket({PLACE: Stored(b"x" * 50, {}, 50)})
    result = result_of(
        Completed("id-1", output_location=PLACE), body=ResponseBody(None, None, 50), bucket=bucket
    )
    chunks = [chunk async for chunk in result.iter_bytes()]

    assert b"x" * 50 == b"".join(chunks)
    with pytest.raises(BodyTooLargeError, match="max_body_bytes is 10"):
        _ = result.body


def test_a_response_that_nobody_kept_is_an_error_with_a_remedy() -> None:
    """Without an output path and without an included response it is lost, and that is said."""
    error = outcome_of(Completed("id-1", "digits"))

    assert isinstance(error, ResultError)
    assert "id-1 succeeded, but its response is lost: digits has no S3OutputPath" in str(error)
    assert str(error).endswith("Give the endpoint an S3OutputPath.")


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Failed("id-1", "boom", "digits"), InferenceFailedError),
        (Expired("id-1", "boom", "digits"), ExpiredError),
        (DeadlinePassed("id-1", "boom"), DeadlinePassedError),
    ],
)
def test_a_bad_end_is_an_error_that_names_the_invocation(
    outcome: Outcome, kind: type[InferenceError]
) -> None:
    """Which, where and why."""
    error = outcome_of(outcome)

    assert kind is type(error)
    assert isinstance(error, InferenceError)
    assert ("id-1", "digits", "boom") == (error.inference_id, error.endpoint_name, error.reason)


def test_the_endpoint_is_the_one_that_was_asked() -> None:
    """Not the one that a message names."""
    error = outcome_of(Failed("id-1", "boom", "another"))

    assert isinstance(error, InferenceFailedError)
    assert "digits" == error.endpoint_name


@pytest.mark.parametrize(("words", "kept"), [(b"Traceback", b"Traceback"), (b"", None), (None, None)])
def test_the_containers_words_come_along(words: bytes | None, kept: bytes | None) -> None:
    """Verbatim; None where there are none."""
    error = outcome_of(Failed("id-1", "boom", body=words))

    assert isinstance(error, InferenceFailedError)
    assert kept == error.response


def test_what_cannot_be_delivered_raises_its_own_error() -> None:
    """Who may not read the bucket is told which permission is missing."""
    denied = AccessDeniedError("GetObject", "AccessDenied", "no", status=403)

    assert denied is outcome_of(Undeliverable("id-1", denied))
