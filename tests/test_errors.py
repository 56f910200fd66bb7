"""The sentences of errors."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async import errors
from aio_sm_async.errors import (
    AbandonedError,
    AccessDeniedError,
    AmbiguousError,
    AsyncInferenceError,
    BodyTooLargeError,
    ClientClosedError,
    ConfigurationError,
    CredentialsError,
    DeadlinePassedError,
    DecodeError,
    ExpiredError,
    InferenceError,
    InferenceFailedError,
    InternalFailure,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    NotSentError,
    ResultError,
    RowCountError,
    ServiceError,
    ServiceUnavailable,
    ThrottledError,
    TooManyFailuresError,
    UnreadableNotification,
    ValidationError,
    WaitTimeoutError,
)
from aio_sm_async.protocol.completion import Completed, Failed
from aio_sm_async.results import ResponseBody

SERVICE_ERRORS = (
    ServiceError,
    ValidationError,
    InternalFailure,
    ServiceUnavailable,
    ThrottledError,
    AccessDeniedError,
    CredentialsError,
    NotFoundError,
)
INFERENCE_ERRORS = (
    InferenceError,
    InferenceFailedError,
    ExpiredError,
    DeadlinePassedError,
    AbandonedError,
)
TREE = {
    InvalidRequestError: (AsyncInferenceError, ValueError),
    ConfigurationError: (AsyncInferenceError, ValueError),
    ClientClosedError: (AsyncInferenceError,),
    ServiceError: (AsyncInferenceError,),
    **dict.fromkeys(SERVICE_ERRORS[1:], (ServiceError,)),
    NotSentError: (AsyncInferenceError, ConnectionError),
    AmbiguousError: (AsyncInferenceError, ConnectionError),
    InferenceError: (AsyncInferenceError,),
    **dict.fromkeys(INFERENCE_ERRORS[1:], (InferenceError,)),
    ResultError: (AsyncInferenceError,),
    DecodeError: (ResultError,),
    RowCountError: (ResultError,),
    BodyTooLargeError: (ResultError,),
    JournalError: (AsyncInferenceError,),
    TooManyFailuresError: (AsyncInferenceError,),
    WaitTimeoutError: (AsyncInferenceError, TimeoutError),
    UnreadableNotification: (AsyncInferenceError,),
}


def public_errors() -> set[type[Exception]]:
    return {
        member
        for _, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, AsyncInferenceError) and member is not AsyncInferenceError
    }


def test_the_tree_has_one_root() -> None:
    """One except clause catches all of them, and the built-in kin of some catch those."""
    assert set(TREE) == public_errors()
    assert {kind: kind.__bases__ for kind in TREE} == TREE


def test_the_tree_is_drawn_as_it_is() -> None:
    """Each error stands in the picture at the head of the module."""
    drawn = errors.__doc__ or ""

    assert [] == [kind.__name__ for kind in TREE if f"─ {kind.__name__} " not in drawn]


def test_a_timeout_is_asyncios_too() -> None:
    """Code that catches asyncio.TimeoutError catches ours."""
    assert issubclass(WaitTimeoutError, asyncio.TimeoutError)


def test_a_refused_request_says_field_rule_and_remedy() -> None:
    """Which parameter, what is wrong with it, and what to do."""
    error = InvalidRequestError("request_ttl_seconds", "takes 60 to 21600, 5 given", "Raise it.")

    assert "request_ttl_seconds: takes 60 to 21600, 5 given. Raise it." == str(error)
    assert ("request_ttl_seconds", "takes 60 to 21600, 5 given", "Raise it.") == (
        error.field,
        error.limit,
        error.remedy,
    )


def test_an_error_of_aws_says_what_was_asked_and_what_was_answered() -> None:
    """Operation, code, status and AWS's words stand in the sentence, the request id beside it."""
    error = ThrottledError(
        "InvokeEndpointAsync", "ThrottlingException", "Rate exceeded", status=400, request_id="1-2"
    )

    assert (
        "InvokeEndpointAsync answered ThrottlingException (HTTP 400): Rate exceeded. "
        "Lower max_concurrent_requests, or ask AWS for a higher quota." == str(error)
    )
    assert "1-2" == error.request_id


def test_a_remedy_that_knows_more_takes_the_place_of_the_usual_one() -> None:
    """Who raises the error may know exactly which permission is missing."""
    error = AccessDeniedError("GetObject", "AccessDenied", "no", status=403, remedy="Allow s3:GetObject.")

    assert "GetObject answered AccessDenied (HTTP 403): no. Allow s3:GetObject." == str(error)


@pytest.mark.parametrize("kind", SERVICE_ERRORS)
@pytest.mark.parametrize("words", ["no", "no.", "no...", " no \n", ""])
def test_each_error_of_aws_ends_with_a_remedy(kind: type[ServiceError], words: str) -> None:
    """However AWS ends its sentence, ours has one full stop, and goes on with what to do."""
    error = kind("GetObject", "Code", words, status=418)
    said = words.strip(" .\n") or "it gave no message"

    assert f"GetObject answered Code (HTTP 418): {said}. {error.remedy}" == str(error)
    assert error.remedy.endswith(".")
    assert error.remedy[0].isupper()


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (InferenceError, "id-1 on digits ended without a result: why. See the endpoint's log"),
        (InferenceFailedError, "id-1 on digits failed: why. See the endpoint's log"),
        (ExpiredError, "id-1 on digits expired: why. Give it a longer request_ttl_seconds"),
        (DeadlinePassedError, "id-1 on digits was given up: why. See whether the endpoint still exists"),
        (AbandonedError, "id-1 on digits was abandoned: why. Its result, if there comes one, is in S3"),
    ],
)
def test_an_invocation_that_ended_badly_says_which_why_and_what_now(
    kind: type[InferenceError], sentence: str
) -> None:
    """The facts are attributes, and the sentence holds them."""
    error = kind("id-1", "digits", "why.")

    assert str(error).startswith(sentence)
    assert str(error).endswith(f" {error.remedy}")
    assert ("id-1", "digits", "why.") == (error.inference_id, error.endpoint_name, error.reason)


@pytest.mark.parametrize("kind", INFERENCE_ERRORS)
def test_no_reason_is_called_so(kind: type[InferenceError]) -> None:
    """An empty reason leaves no hole in the sentence."""
    error = kind("id-1", "digits", " ")

    assert f"id-1 on digits {kind.summary}: no reason was given. {error.remedy}" == str(error)


def test_the_containers_words_stand_before_the_remedy() -> None:
    """What the model answered is quoted in short, and kept whole."""
    error = InferenceFailedError("id-1", "digits", "500", response=b'{"error": "no such digit"}\n')

    assert (
        'id-1 on digits failed: 500. The container said: {"error": "no such digit"}. '
        "See the endpoint's log in CloudWatch: /aws/sagemaker/Endpoints/digits." == str(error)
    )
    assert b'{"error": "no such digit"}\n' == error.response


@pytest.mark.parametrize("response", [None, b"", b" \n "])
def test_a_container_that_said_nothing_is_not_quoted(response: bytes | None) -> None:
    """There is no "the container said" without words."""
    assert "container" not in str(InferenceFailedError("id-1", "digits", "500", response=response))


def test_bytes_that_are_no_text_do_not_break_the_sentence() -> None:
    """A container may answer an image."""
    error = InferenceFailedError("id-1", "digits", "500", response=b"\xff\xd8\xff\x00")

    assert str(error).isprintable()


@given(st.text())
def test_foreign_words_cannot_forge_log_lines(text: str) -> None:
    """Line breaks and other control characters of the model, or of AWS, do not reach a terminal."""
    for error in (
        InferenceFailedError("id-1", "digits", text, response=text.encode("utf-8", "replace")),
        ExpiredError("id-1", "digits", text),
        ServiceError("GetObject", "Code", text, status=500),
    ):
        assert str(error).isprintable()


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x00", "\x7f", "\x85", "\u2028", "\u202e"])
def test_control_characters_become_spaces(character: str) -> None:
    """Escape sequences, line separators and a switch of direction are taken out; the words stay."""
    error = ExpiredError("id-1", "digits", f"one{character}two")

    assert "expired: one two. " in str(error)
    assert f"one{character}two" == error.reason


def test_a_novel_is_cut() -> None:
    """A sentence stays readable whatever a container wrote; the attribute keeps it all."""
    error = InferenceFailedError("id-1", "digits", "x" * 5000, response=b"y" * 50_000)

    assert len(str(error)) < 1000
    assert "x" * 300 + "…. The container said: " + "y" * 300 + "…. See" in str(error)
    assert "x" * 5000 == error.reason


def test_a_long_message_of_aws_is_cut_later() -> None:
    """AWS's denials name long ARNs, which are worth reading."""
    error = AccessDeniedError("GetObject", "AccessDenied", "a" * 3000, status=403)

    assert "a" * 1000 + "…. " in str(error)
    assert "a" * 1001 not in str(error)


@pytest.mark.parametrize("kind", [ClientClosedError, WaitTimeoutError])
def test_what_is_still_pending_can_be_found_again(
    kind: type[ClientClosedError | WaitTimeoutError],
) -> None:
    """The token lies beside the sentence, and is None where there is nothing to find."""
    assert ("closed", "{…}") == (str(kind("closed", token="{…}")), kind("closed", token="{…}").token)
    assert kind("closed").token is None


def test_an_undecodable_body_is_kept_and_not_quoted() -> None:
    """The bytes are an attribute: a payload does not belong into a log."""
    error = DecodeError("not JSON. Its bytes are in .body.", body=b"secret", content_type="text/html")

    assert "not JSON. Its bytes are in .body." == str(error)
    assert (b"secret", "text/html") == (error.body, error.content_type)
    assert "secret" not in repr(error)


def test_a_body_that_is_too_large_tells_both_sizes() -> None:
    """The caller can raise the limit, or stream."""
    error = BodyTooLargeError("2 of 1 bytes. Stream it.", size_bytes=2, limit_bytes=1)

    assert (2, 1, "2 of 1 bytes. Stream it.") == (error.size_bytes, error.limit_bytes, str(error))


@pytest.mark.parametrize("kind", INFERENCE_ERRORS)
def test_the_repr_of_a_failure_is_no_novel(kind: type[InferenceError]) -> None:
    """A container's traceback of many lines stays one short line in logs."""
    error = kind("id-1", "digits", "line\n" * 1000)

    assert len(repr(error)) < 400
    assert repr(error).startswith(f"{kind.__name__}('id-1', 'digits', 'line line ")
    assert 5000 == len(error.reason)


@pytest.mark.parametrize(
    "holder",
    [
        Completed("id-1", body=b"secret"),
        Failed("id-1", "why", body=b"secret"),
        ResponseBody(b"secret", "text/plain", 6),
        InferenceFailedError("id-1", "digits", "why", response=b"secret"),
        DecodeError("no codec reads it", body=b"secret", content_type=None),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_no_repr_shows_a_payload(holder: object) -> None:
    """What models are sent and answer may be private, and reprs end in logs."""
    assert "secret" not in repr(holder)
