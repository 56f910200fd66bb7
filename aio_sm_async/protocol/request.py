"""One InvokeEndpointAsync request: its members, the service model's limits, its HTTP form.

All members but the body and the endpoint's name travel as headers, and HTTP takes the white space off both
ends of a header. What would arrive changed, or not at all, is refused here like what the service model
refuses: other SDKs check no maximum and no pattern, so that a mistake costs a round trip, or an inference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aio_sm_async.errors import AmbiguousError, InvalidRequestError
from aio_sm_async.protocol.location import S3Location, parse_location

MAX_INLINE_BYTES = 128_000


@dataclass(frozen=True, slots=True)
class InvocationRequest:
    """Everything that InvokeEndpointAsync takes, in snake case; None is "not sent".

    Attributes:
        endpoint_name: ``EndpointName``.
        body: ``Body``, at most 128,000 bytes. Exactly one of this and ``input_location``.
        input_location: ``InputLocation``, an S3 URI.
        content_type: ``ContentType``, the MIME type of the input.
        accept: ``Accept``, the MIME type wished for.
        custom_attributes: ``CustomAttributes``, handed to the model verbatim.
        inference_id: ``InferenceId``.
        s3_output_path_extension: ``S3OutputPathExtension``.
        filename: ``Filename`` of the output object.
        request_ttl_seconds: ``RequestTTLSeconds``.
        invocation_timeout_seconds: ``InvocationTimeoutSeconds``.
    """

    endpoint_name: str
    body: bytes | None = field(default=None, repr=False)  # payloads and attributes stay out of logs
    input_location: str | None = None
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = field(default=None, repr=False)
    inference_id: str | None = None
    s3_output_path_extension: str | None = None
    filename: str | None = None
    request_ttl_seconds: int | None = None
    invocation_timeout_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class EncodedRequest:
    """The request as HTTP; the host, the signature and the body's length are added by who sends it."""

    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """SageMaker queued the request.

    Attributes:
        inference_id: The id that it goes by.
        output_location: Where the response will lie; None on endpoints without an S3 output path.
        failure_location: Where the container's words will lie if it fails; None without a failure path.
    """

    inference_id: str
    output_location: S3Location | None
    failure_location: S3Location | None


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a value must look like (None: a whole number), in a pattern and in words."""

    pattern: re.Pattern[str] | None
    limit: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Member:
    """A row of the table: bounds are characters of a text, or the number itself."""

    field: str
    header: str | None
    least: int
    most: int
    rule: _Rule


_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9!_.*'()-]+"
_UNSENDABLE = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"

_NAME = _Rule(
    re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"),
    "must be letters, digits and inner hyphens",
    "Give the endpoint's name, not its ARN or URL.",
)
_TEXT = _Rule(
    re.compile(r"[!-~](?:[ -~]*[!-~])?"),
    "must be printable ASCII without white space at either end, since it is sent as an HTTP header",
    "Encode other text, as base64 for instance, or put it into the payload.",
)
_URI = _Rule(
    re.compile(rf"(?:https|s3)://[^/\s{_UNSENDABLE}][^{_UNSENDABLE}]*(?<!\s)"),
    "must be an S3 URI without control characters or white space at its end",
    "Write it as s3://bucket/key.",
)
_PATH = _Rule(
    re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*"),
    "must be segments of letters, digits and !_.*'()- joined by single slashes, none of them '.' or '..'",
    "Leave out other characters and the slashes at both ends.",
)
_FILE = _Rule(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?"),
    "must be letters, digits, '-', '_' and at most one dot, a letter or digit first",
    "Put what does not fit into s3_output_path_extension.",
)
_WHOLE = _Rule(None, "must be a whole number of seconds", "Round it up to an int.")

# fmt: off
_MEMBERS = (
    #       field                         header                                       min    max   rule
    _Member("endpoint_name",              None,                                          1,    63, _NAME),
    _Member("content_type",               "X-Amzn-SageMaker-Content-Type",               1,  1024, _TEXT),
    _Member("accept",                     "X-Amzn-SageMaker-Accept",                     1,  1024, _TEXT),
    _Member("custom_attributes",          "X-Amzn-SageMaker-Custom-Attributes",          1,  1024, _TEXT),
    _Member("inference_id",               "X-Amzn-SageMaker-Inference-Id",               1,    64, _TEXT),
    _Member("input_location",             "X-Amzn-SageMaker-InputLocation",              1,  1024, _URI),
    _Member("s3_output_path_extension",   "X-Amzn-SageMaker-S3OutputPathExtension",      1,   512, _PATH),
    _Member("filename",                   "X-Amzn-SageMaker-Filename",                   1,    32, _FILE),
    _Member("request_ttl_seconds",        "X-Amzn-SageMaker-RequestTTLSeconds",         60, 21600, _WHOLE),
    _Member("invocation_timeout_seconds", "X-Amzn-SageMaker-InvocationTimeoutSeconds",   1,  3600, _WHOLE),
)
# fmt: on

_HEADERS = tuple((member.field, member.header) for member in _MEMBERS if member.header is not None)


def check_request(request: InvocationRequest) -> None:
    """Return if SageMaker's model admits the request; nothing is sent that it would refuse.

    Raises:
        InvalidRequestError: A member breaks a limit; the error names it and says what to do instead. It
            never quotes the value.
    """
    for member in _MEMBERS:
        _check(member, getattr(request, member.field))
    _check_payload(request)


def check_members(members: Mapping[str, object]) -> None:
    """Return if SageMaker's model admits these members of a request, which is not complete yet.

    Args:
        members: By their names in `InvocationRequest`; others are ignored, as is None.

    Raises:
        InvalidRequestError: As `check_request` does.
    """
    for member in _MEMBERS:
        _check(member, members.get(member.field))


def _check(member: _Member, value: object) -> None:
    if value is None:
        return
    if member.rule.pattern is None:
        _check_number(member, value)
    else:
        _check_text(member, member.rule.pattern, value)


def encode_request(request: InvocationRequest) -> EncodedRequest:
    """The request as HTTP. It must have passed `check_request`."""
    headers: dict[str, str] = {}
    for name, header in _HEADERS:
        value: object = getattr(request, name)
        if value is not None:
            # Not str(): that of a text enumeration is its name.
            headers[header] = str.__str__(value) if isinstance(value, str) else str(value)
    # No Content-Type: SageMaker takes the input's type from its own header, and other SDKs send none.
    return EncodedRequest(
        f"/endpoints/{request.endpoint_name}/async-invocations", headers, request.body or b""
    )


def decode_acceptance(status: int, headers: Mapping[str, str], body: bytes) -> Acceptance:
    """Read the answer to a request that SageMaker queued: 202, or the 200 of some stand-ins.

    Args:
        status: The HTTP status.
        headers: The answer's headers; the mapping ignores case.
        body: The answer's body, whole.

    Raises:
        AmbiguousError: This is no such answer, and no error of SageMaker's either.
    """
    inference_id = _inference_id(body) if status in {200, 202} else None
    if inference_id is None:
        raise AmbiguousError(
            f"InvokeEndpointAsync answered HTTP {status} without an InferenceId: the request may have been "
            "accepted or not. Look for a proxy that answers in SageMaker's place."
        )
    return Acceptance(
        inference_id,
        _location(headers.get("X-Amzn-SageMaker-OutputLocation")),
        _location(headers.get("X-Amzn-SageMaker-FailureLocation")),
    )


def _check_text(member: _Member, pattern: re.Pattern[str], value: object) -> None:
    if not isinstance(value, str):
        raise InvalidRequestError(member.field, "must be a str", "Convert it first.")
    if not member.least <= len(value) <= member.most:
        limit = f"takes {member.least} to {member.most} characters, {len(value)} given"
        raise InvalidRequestError(member.field, limit, "Shorten it." if value else "Leave it out instead.")
    if pattern.fullmatch(value) is None:
        raise InvalidRequestError(member.field, member.rule.limit, member.rule.remedy)


def _check_number(member: _Member, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidRequestError(member.field, member.rule.limit, member.rule.remedy)
    if not member.least <= value <= member.most:
        limit = f"takes {member.least} to {member.most} seconds"
        remedy = f"Give {member.least} or more." if value < member.least else f"Give {member.most} or less."
        raise InvalidRequestError(member.field, limit, remedy)


def _check_payload(request: InvocationRequest) -> None:
    """Exactly one of body and input_location, and a body that can be seen on the wire."""
    body = request.body
    if body is None:
        if request.input_location is None:
            raise InvalidRequestError("body", "there is no payload", "Give a body or an input_location.")
        return
    if not isinstance(body, bytes):
        raise InvalidRequestError("body", "must be bytes", "Encode it first.")
    if request.input_location is not None:
        limit = "excludes input_location, and both were given"
        raise InvalidRequestError("body", limit, "Give exactly one of the two.")
    if not body:
        limit = "is empty, which SageMaker cannot tell from no body at all"
        raise InvalidRequestError("body", limit, "Upload an empty object and give its input_location.")
    if len(body) > MAX_INLINE_BYTES:
        limit = f"takes at most {MAX_INLINE_BYTES:,} bytes, {len(body):,} given"
        raise InvalidRequestError("body", limit, "Upload it to S3 and give its input_location.")


def _inference_id(body: bytes) -> str | None:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found: object = document.get("InferenceId") if isinstance(document, dict) else None
    return found if isinstance(found, str) and found else None


def _location(text: str | None) -> S3Location | None:
    """A location that cannot be read is as good as none: notifications still tell."""
    if not text:
        return None
    try:
        return parse_location(text)
    except ValueError:
        return None
