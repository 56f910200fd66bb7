"""The JSON of notifications, byte for byte as it was captured from AWS."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from aio_sm_async.emulator.invocation import Broke, Invocation, Succeeded
from aio_sm_async.emulator.invoke_request import InvokeRequest
from aio_sm_async.emulator.result_message import (
    TEST_NOTIFICATION,
    completed_message,
    failed_message,
    format_time,
)


def invocation(**members: str) -> Invocation:
    return Invocation(
        inference_id="11111111-2222-3333-4444-555555555555",
        request=InvokeRequest("digits", **members),  # type: ignore[arg-type]
        accepted_time=datetime(2022, 1, 25, 22, 46, 0, 455_000, UTC),
        accepted_at=0.0,
        output_location="s3://bucket/out/prediction.out",
        failure_location="s3://bucket/bad/x-error.out",
        finished_time=datetime(2022, 1, 25, 22, 46, 0, 608_999, UTC),
    )


def test_a_success_reads_as_the_documented_sample() -> None:
    """Key order, compactness, timestamps and optional keys are those of AWS's own sample."""
    message = completed_message(
        invocation(content_type="text/csv", input_location="s3://bucket/in/input-data.csv"),
        Succeeded(b"1", "text/csv; charset=utf-8"),
        region="us-east-1",
        include_response=False,
    )

    assert message == (
        '{"awsRegion":"us-east-1","eventTime":"2022-01-25T22:46:00.608Z",'
        '"receivedTime":"2022-01-25T22:46:00.455Z","invocationStatus":"Completed",'
        '"requestParameters":{"contentType":"text/csv","endpointName":"digits",'
        '"inputLocation":"s3://bucket/in/input-data.csv"},'
        '"responseParameters":{"contentType":"text/csv; charset=utf-8",'
        '"outputLocation":"s3://bucket/out/prediction.out"},'
        '"inferenceId":"11111111-2222-3333-4444-555555555555","eventVersion":"1.0",'
        '"eventSource":"aws:sagemaker","eventName":"InferenceResult"}'
    )


def test_a_response_rides_along_in_base64() -> None:
    """It stands between responseParameters and inferenceId, with the sentence that AWS adds."""
    message = completed_message(
        invocation(), Succeeded(b"\x00\xff", "x/y"), region="us-east-1", include_response=True
    )

    assert (
        '"responseBody":{"content":"AP8=","message":"Check S3 path location(if configured) or Cloudwatch '
        'for additional details.","encoding":"BASE64"},"inferenceId"'
    ) in message


@pytest.mark.parametrize(("size", "included"), [(128_000, True), (128_001, False)])
def test_a_response_of_more_than_128000_bytes_is_left_out(size: int, included: bool) -> None:
    """The notification then tells only where it lies."""
    outcome = Succeeded(b"x" * size, "x/y")
    message = json.loads(completed_message(invocation(), outcome, region="us-east-1", include_response=True))

    assert ("responseBody" in message) is included
    if included:
        assert base64.b64decode(message["responseBody"]["content"]) == outcome.body


def test_request_parameters_hold_what_the_caller_sent_in_alphabetical_order() -> None:
    """An inline payload has no input location, and an endpoint without output path no output location."""
    record = invocation(accept="a/b", content_type="c/d", custom_attributes="e")
    record.output_location = None
    message = json.loads(
        completed_message(record, Succeeded(b"", "x/y"), region="eu-west-1", include_response=False)
    )

    assert list(message["requestParameters"].items()) == [
        ("accept", "a/b"),
        ("contentType", "c/d"),
        ("customAttributes", "e"),
        ("endpointName", "digits"),
    ]
    assert message["responseParameters"] == {"contentType": "x/y"}


def test_a_failure_reads_as_the_captured_one() -> None:
    """Without a failure object there are no responseParameters at all."""
    message = failed_message(
        invocation(input_location="s3://b/k"),
        Broke("ClientError: no."),
        region="eu-central-1",
        include_response=True,
        failure_written=False,
    )

    assert message == (
        '{"awsRegion":"eu-central-1","eventTime":"2022-01-25T22:46:00.608Z",'
        '"receivedTime":"2022-01-25T22:46:00.455Z","invocationStatus":"Failed",'
        '"failureReason":"ClientError: no.","requestParameters":{"endpointName":"digits",'
        '"inputLocation":"s3://b/k"},"inferenceId":"11111111-2222-3333-4444-555555555555",'
        '"eventVersion":"1.0","eventSource":"aws:sagemaker","eventName":"InferenceResult"}'
    )


def test_a_failure_tells_the_containers_words_as_plain_text() -> None:
    """There is no encoding key, and the failure object is named."""
    message = json.loads(
        failed_message(
            invocation(),
            Broke("r", b'{"code":400}'),
            region="us-east-1",
            include_response=True,
            failure_written=True,
        )
    )

    assert message["responseParameters"] == {"failureLocation": "s3://bucket/bad/x-error.out"}
    assert message["responseBody"]["content"] == '{"code":400}'
    assert "encoding" not in message["responseBody"]


@pytest.mark.parametrize(
    ("microsecond", "expected"), [(730_000, ".73Z"), (0, ".0Z"), (5_000, ".005Z"), (999_999, ".999Z")]
)
def test_trailing_zeros_of_milliseconds_are_dropped(microsecond: int, expected: str) -> None:
    """As in the captured ``…06:38:47.73Z``."""
    assert format_time(datetime(2026, 1, 2, 3, 4, 5, microsecond, UTC)) == "2026-01-02T03:04:05" + expected


def test_the_test_notification_has_neither_id_nor_status() -> None:
    """Exactly three keys."""
    assert json.loads(TEST_NOTIFICATION) == {
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "TestNotification",
    }
