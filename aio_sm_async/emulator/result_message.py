"""The JSON that SageMaker publishes, in the key order and with the optional keys of captured messages.

Guessed, for want of a capture: ``inputLocation`` is absent for inline payloads; an expired request is
``Failed`` with a reason that says so; a response over 128,000 bytes leaves ``responseBody`` out.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime

from aio_sm_async.emulator.invocation import Broke, Invocation, Succeeded

TEST_NOTIFICATION = '{"eventVersion":"1.0","eventSource":"aws:sagemaker","eventName":"TestNotification"}'
MAX_INCLUDED_BYTES = 128_000

_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_SEE_ALSO = "Check S3 path location(if configured) or Cloudwatch for additional details."


def completed_message(
    invocation: Invocation, outcome: Succeeded, *, region: str, include_response: bool
) -> str:
    """The message of an invocation that succeeded."""
    message = _opening(invocation, region, "Completed")
    message["requestParameters"] = _request_parameters(invocation)
    response: dict[str, object] = {"contentType": outcome.content_type}
    if invocation.output_location is not None:
        response["outputLocation"] = invocation.output_location
    message["responseParameters"] = response
    if include_response and len(outcome.body) <= MAX_INCLUDED_BYTES:
        content = base64.b64encode(outcome.body).decode("ascii")
        message["responseBody"] = {"content": content, "message": _SEE_ALSO, "encoding": "BASE64"}
    return _closed(message, invocation)


def failed_message(
    invocation: Invocation,
    outcome: Broke,
    *,
    region: str,
    include_response: bool,
    failure_written: bool,
) -> str:
    """The message of an invocation that failed or expired; the container's words in it are plain text."""
    message = _opening(invocation, region, "Failed")
    message["failureReason"] = outcome.reason
    message["requestParameters"] = _request_parameters(invocation)
    if failure_written:
        message["responseParameters"] = {"failureLocation": invocation.failure_location}
    if include_response and outcome.body is not None and len(outcome.body) <= MAX_INCLUDED_BYTES:
        message["responseBody"] = {"content": outcome.body.decode("utf-8", "replace"), "message": _SEE_ALSO}
    return _closed(message, invocation)


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with one to three fractional digits: AWS drops trailing zeros."""
    milliseconds = f"{moment.microsecond // 1000:03d}".rstrip("0") or "0"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds}Z"


def _opening(invocation: Invocation, region: str, status: str) -> dict[str, object]:
    finished_time = invocation.finished_time
    assert finished_time is not None
    return {
        "awsRegion": region,
        "eventTime": format_time(finished_time),
        "receivedTime": format_time(invocation.accepted_time),
        "invocationStatus": status,
    }


def _request_parameters(invocation: Invocation) -> dict[str, object]:
    request = invocation.request
    members = {
        "accept": request.accept,
        "contentType": request.content_type,
        "customAttributes": request.custom_attributes,
        "endpointName": request.endpoint_name,
        "inputLocation": request.input_location,
    }
    return {name: value for name, value in members.items() if value is not None}


def _closed(message: dict[str, object], invocation: Invocation) -> str:
    message["inferenceId"] = invocation.inference_id
    message["eventVersion"] = "1.0"
    message["eventSource"] = "aws:sagemaker"
    message["eventName"] = "InferenceResult"
    return _COMPACT.encode(message)
