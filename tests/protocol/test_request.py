"""One InvokeEndpointAsync request: what is refused, what is sent, what comes back."""

from __future__ import annotations

import re
from enum import Enum, IntEnum
from functools import cache
from typing import Any

import pytest
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.errors import AmbiguousError, InvalidRequestError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.request import (
    MAX_INLINE_BYTES,
    Acceptance,
    EncodedRequest,
    InvocationRequest,
    check_request,
    decode_acceptance,
    encode_request,
)

MEMBERS = {
    "endpoint_name": "EndpointName",
    "body": "Body",
    "content_type": "ContentType",
    "accept": "Accept",
    "custom_attributes": "CustomAttributes",
    "inference_id": "InferenceId",
    "input_location": "InputLocation",
    "s3_output_path_extension": "S3OutputPathExtension",
    "filename": "Filename",
    "request_ttl_seconds": "RequestTTLSeconds",
    "invocation_timeout_seconds": "InvocationTimeoutSeconds",
}
header_texts = st.from_regex(r"[!-~]([ -~]{0,40}[!-~])?", fullmatch=True)
legal_members = st.fixed_dictionaries(
    {"endpoint_name": st.from_regex(r"[a-zA-Z0-9](-{0,3}[a-zA-Z0-9]){0,15}", fullmatch=True)},
    optional={
        "content_type": header_texts,
        "accept": header_texts,
        "custom_attributes": header_texts,
        "inference_id": header_texts,
        "s3_output_path_extension": st.from_regex(
            r"[a-z!_*'()-]{1,20}(/[A-Z0-9.]{3,20}){0,3}", fullmatch=True
        ),
        "filename": st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,15}(\.[a-z]{0,9})?", fullmatch=True),
        "request_ttl_seconds": st.integers(60, 21_600),
        "invocation_timeout_seconds": st.integers(1, 3_600),
    },
)


@cache
def model_members() -> dict[str, Any]:
    """The members that botocore's copy of the service model has; an old copy lacks the newest."""
    operation = Session().get_service_model("sagemaker-runtime").operation_model("InvokeEndpointAsync")
    return dict(operation.input_shape.members)


def refused(**members: object) -> InvalidRequestError:
    """The error that a request with these members meets."""
    whole = {"endpoint_name": "endpoint", "body": b"x"} | members
    with pytest.raises(InvalidRequestError) as caught:
        check_request(InvocationRequest(**whole))  # type: ignore[arg-type]
    return caught.value


def verdict(request: InvocationRequest) -> InvalidRequestError | None:
    """The error that this request meets, if it meets one."""
    try:
        check_request(request)
    except InvalidRequestError as error:
        return error
    return None


def admitted(**members: object) -> None:
    """Pass if a request with these members passes."""
    whole = {"endpoint_name": "endpoint", "body": b"x"} | members
    check_request(InvocationRequest(**whole))  # type: ignore[arg-type]


@given(legal_members)
def test_what_the_service_model_admits_passes(members: dict[str, object]) -> None:
    """No legal request is refused on this side."""
    admitted(**members)


@given(legal_members)
def test_each_member_travels_under_the_models_own_header(members: dict[str, object]) -> None:
    """The request on the wire is the one that AWS's model describes, no header more."""
    shape = model_members()
    encoded = encode_request(InvocationRequest(body=b"payload", **members))  # type: ignore[arg-type]

    expected = {
        shape[MEMBERS[name]].serialization["name"]: str(value)
        for name, value in members.items()
        if name != "endpoint_name" and MEMBERS[name] in shape
    }
    assert expected.items() <= encoded.headers.items()
    assert len(members) - 1 == len(encoded.headers)
    assert f"/endpoints/{members['endpoint_name']}/async-invocations" == encoded.path
    assert encoded.body == b"payload"


def test_a_whole_request_is_encoded_like_this() -> None:
    """One example to read, with every member in it."""
    encoded = encode_request(
        InvocationRequest(
            "endpoint",
            None,
            "s3://bucket/in.json",
            "application/json",
            "text/csv",
            "a=1",
            "worker.abc.def",
            "runs/7",
            "out.csv",
            600,
            60,
        )
    )

    expected = {
        "X-Amzn-SageMaker-Content-Type": "application/json",
        "X-Amzn-SageMaker-Accept": "text/csv",
        "X-Amzn-SageMaker-Custom-Attributes": "a=1",
        "X-Amzn-SageMaker-Inference-Id": "worker.abc.def",
        "X-Amzn-SageMaker-InputLocation": "s3://bucket/in.json",
        "X-Amzn-SageMaker-S3OutputPathExtension": "runs/7",
        "X-Amzn-SageMaker-Filename": "out.csv",
        "X-Amzn-SageMaker-RequestTTLSeconds": "600",
        "X-Amzn-SageMaker-InvocationTimeoutSeconds": "60",
    }
    assert EncodedRequest("/endpoints/endpoint/async-invocations", expected, b"") == encoded


def test_enumerations_travel_as_their_values() -> None:
    """A caller may name the media types and durations in use; their names stay at home."""

    class Media(str, Enum):  # noqa: UP042 - the kind whose str() is its name
        JSON = "application/json"

    class Seconds(IntEnum):
        MINUTE = 60

    request = InvocationRequest("e", b"x", accept=Media.JSON, request_ttl_seconds=Seconds.MINUTE)
    check_request(request)
    headers = encode_request(request).headers

    assert {"application/json", "60"} == set(headers.values())
    assert {str} == {type(value) for value in headers.values()}


@pytest.mark.parametrize(
    ("member", "longest"),
    [
        ("endpoint_name", 63),
        ("content_type", 1024),
        ("accept", 1024),
        ("custom_attributes", 1024),
        ("inference_id", 64),
        ("s3_output_path_extension", 512),
        ("filename", 32),
    ],
)
def test_a_text_may_be_as_long_as_the_model_says(member: str, longest: int) -> None:
    """Nothing is refused at the limit; one character more is, and so is the empty text."""
    admitted(**{member: "a" * longest})
    error = refused(**{member: "a" * (longest + 1)})

    assert member == error.field
    assert f"takes 1 to {longest} characters, {longest + 1} given" == error.limit
    assert refused(**{member: ""}).remedy == "Leave it out instead."


def test_an_input_location_may_be_as_long_as_the_model_says() -> None:
    """1024 characters, scheme and bucket among them."""
    longest = "s3://bucket/".ljust(1024, "k")
    admitted(body=None, input_location=longest)

    assert refused(body=None, input_location=longest + "k").field == "input_location"


@pytest.mark.parametrize("member", ["content_type", "accept", "custom_attributes", "inference_id"])
@pytest.mark.parametrize(
    "text", [" a", "a ", "\ta", "a\r\nb", "a\nb", "a\n", "a\x00", "a\tb", "café", "a\x7f", "\ud800", " "]
)
def test_a_header_that_would_not_arrive_as_it_was_given_is_refused(member: str, text: str) -> None:
    """HTTP loses white space at the ends, control characters forge headers, the model takes ASCII only."""
    error = refused(**{member: text})

    assert member == error.field
    assert "printable ASCII" in error.limit
    assert "base64" in error.remedy


@pytest.mark.parametrize(
    "text",
    ["-a", "a-", "a_b", "a/b", "a.b", "a b", "é", "a\n", "arn:aws:sagemaker:us-east-1:1:endpoint/a", "a?b"],
)
def test_an_endpoint_name_that_would_bend_the_path_is_refused(text: str) -> None:
    """What goes into the URL is a name and nothing else."""
    error = refused(endpoint_name=text)

    assert error.field == "endpoint_name"
    assert "not its ARN" in error.remedy


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "http://bucket/key",
        "s3://",
        "s3:///key",
        "s3:bucket",
        "s3://b/k\r\nX: y",
        "s3://b/k ",
        "S3://b/k",
    ],
)
def test_an_input_location_that_is_no_s3_uri_is_refused(text: str) -> None:
    """Neither another scheme nor a line end gets through."""
    error = refused(body=None, input_location=text)

    assert error.field == "input_location"
    assert "s3://bucket/key" in error.remedy


@pytest.mark.parametrize(
    "text", ["s3://b/k", "s3://b", "https://b.s3.amazonaws.com/k%20", "s3://b/a b/é(1).json"]
)
def test_an_input_location_may_name_any_object_that_exists(text: str) -> None:
    """Keys with spaces and foreign letters are legal in S3, and left alone."""
    admitted(body=None, input_location=text)


@pytest.mark.parametrize(
    "text",
    [
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        "a/..",
        "./a",
        "a/.",
        "/",
        "a b",
        "é",
        "a\n",
        "s3://b/k",
        "a:b",
        "a\\b",
    ],
)
def test_an_extension_that_leaves_its_place_is_refused(text: str) -> None:
    """The service's pattern admits '..' and empty segments, which some reader on the way would resolve."""
    error = refused(s3_output_path_extension=text)

    assert error.field == "s3_output_path_extension"
    assert "single slashes" in error.limit


@pytest.mark.parametrize("text", ["a", "a/b/c", "...", "a..b/.c", "it's!_.*'()-/x"])
def test_an_extension_may_use_all_characters_of_the_model(text: str) -> None:
    """Dots are only refused where they stand for a place."""
    admitted(s3_output_path_extension=text)


@pytest.mark.parametrize("text", ["a.b.c", ".a", "-a", "_a", "a/b", "a b", "é", "a\n", "a.b\n", "..", "."])
def test_a_filename_beyond_the_models_pattern_is_refused(text: str) -> None:
    """One dot at most, a letter or digit first, no slash."""
    error = refused(filename=text)

    assert error.field == "filename"
    assert "s3_output_path_extension" in error.remedy


@pytest.mark.parametrize(
    ("member", "least", "most"),
    [("request_ttl_seconds", 60, 21_600), ("invocation_timeout_seconds", 1, 3_600)],
)
def test_durations_keep_to_the_models_range(member: str, least: int, most: int) -> None:
    """Both ends are legal; beyond either nothing is sent."""
    admitted(**{member: least})
    admitted(**{member: most})
    low, high = refused(**{member: least - 1}), refused(**{member: most + 1})

    assert [member, member] == [low.field, high.field]
    assert f"takes {least} to {most} seconds" == low.limit == high.limit
    assert [f"Give {least} or more.", f"Give {most} or less."] == [low.remedy, high.remedy]


@pytest.mark.parametrize("member", ["request_ttl_seconds", "invocation_timeout_seconds"])
@pytest.mark.parametrize("value", [True, 60.0, "60"])
def test_durations_are_whole_numbers(member: str, value: object) -> None:
    """True is no number of seconds, and a fraction is not cut off in silence."""
    error = refused(**{member: value})

    assert member == error.field
    assert "whole number" in error.limit


@pytest.mark.parametrize("member", ["endpoint_name", "content_type", "inference_id", "filename"])
def test_texts_are_texts(member: str) -> None:
    """Bytes would arrive as b'...'."""
    assert refused(**{member: b"a"}).limit == "must be a str"


def test_a_body_may_have_128_000_bytes() -> None:
    """Bytes of the payload as sent, not characters."""
    admitted(body=b"x" * MAX_INLINE_BYTES)
    error = refused(body=b"x" * (MAX_INLINE_BYTES + 1))

    assert error.field == "body"
    assert error.limit == "takes at most 128,000 bytes, 128,001 given"
    assert "input_location" in error.remedy


def test_an_empty_body_is_refused() -> None:
    """On the wire it is no body at all, and SageMaker would miss its payload."""
    error = refused(body=b"")

    assert error.field == "body"
    assert "is empty" in error.limit
    assert "Upload" in error.remedy


@pytest.mark.parametrize("body", [b"x", b""])
def test_a_body_and_an_input_location_exclude_each_other(body: bytes) -> None:
    """Which of two payloads is meant is not guessed."""
    assert refused(body=body, input_location="s3://b/k").remedy == "Give exactly one of the two."


def test_a_request_needs_a_payload() -> None:
    """Neither body nor input location is refused."""
    assert refused(body=None).limit == "there is no payload"


@pytest.mark.parametrize("body", ["text", bytearray(b"x"), 1])
def test_a_body_is_bytes(body: object) -> None:
    """Whoever encodes the payload does so before this point."""
    assert refused(body=body).limit == "must be bytes"


@given(st.text(max_size=80), st.sampled_from(sorted(MEMBERS)))
def test_what_passes_can_be_sent_as_a_header(text: str, member: str) -> None:
    """Of any text at all, only what arrives unchanged gets through."""
    payload = {} if member == "input_location" else {"body": b"x"}
    request = InvocationRequest(**{"endpoint_name": "endpoint", **payload, member: text})  # type: ignore[arg-type]
    error = verdict(request)
    if error is not None:
        assert member == error.field
        return

    encoded = encode_request(request)
    for value in [*encoded.headers.values(), encoded.path]:
        assert value.encode()
        assert value == value.strip()
        assert not re.search(r"[\x00-\x1f\x7f]", value)


@pytest.mark.parametrize("member", sorted(MEMBERS))
@pytest.mark.parametrize("text", ["SECRET\n", "SECRET" * 400, b"SECRET"])
def test_an_error_never_quotes_the_value(member: str, text: object) -> None:
    """Whatever is wrong with it: it may be a secret, and errors are logged."""
    members = {member: text, **({"body": b"SECRET" * 30_000} if member == "body" else {})}

    assert "SECRET" not in str(refused(**members))


def test_a_request_keeps_its_payload_out_of_its_repr() -> None:
    """Payloads and custom attributes belong in no log."""
    request = InvocationRequest("endpoint", b"SECRET", custom_attributes="SECRET", content_type="text/csv")

    assert "SECRET" not in repr(request) + repr(EncodedRequest("/", {}, b"SECRET"))
    assert "text/csv" in repr(request)


@pytest.mark.parametrize("status", [200, 202])
def test_an_acceptance_tells_id_and_places(status: int) -> None:
    """SageMaker answers 202, and moto 200."""
    headers = {
        "X-Amzn-SageMaker-OutputLocation": "s3://bucket/out/1.out",
        "X-Amzn-SageMaker-FailureLocation": "https://bucket.s3.eu-west-2.amazonaws.com/err/1-error.out",
    }

    acceptance = decode_acceptance(status, headers, b'{"InferenceId": "a.b.c"}')

    expected = Acceptance("a.b.c", S3Location("bucket", "out/1.out"), S3Location("bucket", "err/1-error.out"))
    assert expected == acceptance


@pytest.mark.parametrize("text", ["", "nonsense", "http://bucket/key"])
def test_a_location_that_cannot_be_read_is_none(text: str) -> None:
    """The request was accepted all the same, and notifications still tell."""
    headers = {"X-Amzn-SageMaker-OutputLocation": text}

    assert Acceptance("a", None, None) == decode_acceptance(202, headers, b'{"InferenceId":"a"}')


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, b""),
        (202, b"<html>"),
        (202, b"\xff"),
        (202, b"[]"),
        (202, b"{}"),
        (202, b'{"InferenceId":""}'),
        (202, b'{"InferenceId":7}'),
        (200, b"[" * 100_000),
        (204, b'{"InferenceId":"a"}'),
        (302, b""),
    ],
)
def test_an_answer_that_shows_no_acceptance_is_ambiguous(status: int, body: bytes) -> None:
    """A proxy's page is neither SageMaker's yes nor its no."""
    with pytest.raises(AmbiguousError, match=f"HTTP {status}"):
        decode_acceptance(status, {}, body)
