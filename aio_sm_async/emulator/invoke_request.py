"""What a caller asks of InvokeEndpointAsync, checked as the service's own model checks it.

Every limit here stands in the service model. The words of the refusals follow AWS's framework.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aio_sm_async.emulator.service import ServiceFault

MAX_BODY_BYTES = 128_000
DEFAULT_TTL_SECONDS = 21_600
DEFAULT_TIMEOUT_SECONDS = 900

_PREFIX = "x-amzn-sagemaker-"


@dataclass(frozen=True, slots=True)
class InvokeRequest:
    """The members of the request, without its payload; None was not sent."""

    endpoint_name: str
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = None
    inference_id: str | None = None
    input_location: str | None = None
    output_path_extension: str | None = None
    filename: str | None = None
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class _Text:
    """The rule of one header that carries text."""

    member: str
    max_length: int
    pattern: str = r"[\x00-\x7f]*"
    may_be_empty: bool = False

    def check(self, value: str) -> str:
        if not value:
            raise _refused(value, self.member, "Member must have length greater than or equal to 1")
        if len(value) > self.max_length:
            raise _refused(
                value, self.member, f"Member must have length less than or equal to {self.max_length}"
            )
        if not re.fullmatch(self.pattern, value):
            raise _refused(
                value, self.member, f"Member must satisfy regular expression pattern: {self.pattern}"
            )
        return value


@dataclass(frozen=True, slots=True)
class _Number:
    """The rule of one header that carries a number."""

    member: str
    lowest: int
    highest: int

    def check(self, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise _refused(text, self.member, "Member must be an integer")
        if int(text) < self.lowest:
            raise _refused(
                text, self.member, f"Member must have value greater than or equal to {self.lowest}"
            )
        if int(text) > self.highest:
            raise _refused(text, self.member, f"Member must have value less than or equal to {self.highest}")
        return int(text)


_ENDPOINT_NAME = _Text("endpointName", 63, r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_CONTENT_TYPE = _Text("contentType", 1024, may_be_empty=True)
_ACCEPT = _Text("accept", 1024, may_be_empty=True)
_CUSTOM_ATTRIBUTES = _Text("customAttributes", 1024, may_be_empty=True)
_INFERENCE_ID = _Text("inferenceId", 64, r"\S[\x20-\x7e]*")
_INPUT_LOCATION = _Text("inputLocation", 1024, r"(https|s3)://([^/]+)/?(.*)")
_EXTENSION = _Text("s3OutputPathExtension", 512, r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+")
_FILENAME = _Text("filename", 32, r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9\-_.]*")

_TTL = _Number("requestTTLSeconds", 60, 21_600)
_TIMEOUT = _Number("invocationTimeoutSeconds", 1, 3_600)


def parse_invoke_request(endpoint_name: str, headers: Mapping[str, str], body: bytes) -> InvokeRequest:
    """Read and check a request.

    Args:
        endpoint_name: The name in the path.
        headers: All headers, by lower-case name.
        body: The payload; empty is the same as none.

    Raises:
        ServiceFault: ``ValidationError``, with the first rule that was broken.
    """
    request = InvokeRequest(
        endpoint_name=_ENDPOINT_NAME.check(endpoint_name),
        content_type=_text(headers, "content-type", _CONTENT_TYPE),
        accept=_text(headers, "accept", _ACCEPT),
        custom_attributes=_text(headers, "custom-attributes", _CUSTOM_ATTRIBUTES),
        inference_id=_text(headers, "inference-id", _INFERENCE_ID),
        input_location=_text(headers, "inputlocation", _INPUT_LOCATION),
        output_path_extension=_text(headers, "s3outputpathextension", _EXTENSION),
        filename=_text(headers, "filename", _FILENAME),
        ttl_seconds=_number(headers, "requestttlseconds", _TTL) or DEFAULT_TTL_SECONDS,
        timeout_seconds=_number(headers, "invocationtimeoutseconds", _TIMEOUT) or DEFAULT_TIMEOUT_SECONDS,
    )
    if len(body) > MAX_BODY_BYTES:
        raise ServiceFault(
            "ValidationError", f"Body must not exceed {MAX_BODY_BYTES} bytes; it has {len(body)}."
        )
    if bool(body) == (request.input_location is not None):
        raise ServiceFault("ValidationError", "Provide exactly one of Body and InputLocation.")
    return request


def _text(headers: Mapping[str, str], header: str, rule: _Text) -> str | None:
    value = headers.get(_PREFIX + header)
    if value is None or (not value and rule.may_be_empty):
        return None
    return rule.check(value)


def _number(headers: Mapping[str, str], header: str, rule: _Number) -> int | None:
    text = headers.get(_PREFIX + header)
    return None if text is None else rule.check(text)


def _refused(value: str, member: str, constraint: str) -> ServiceFault:
    return ServiceFault(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"{constraint}",
    )
