"""What SageMaker publishes when an invocation ends."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.errors import UnreadableNotification
from aio_sm_async.protocol.completion import Completed, Expired, Failed
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.notification import TestNotification, parse_notification

RECEIVED = datetime(2026, 1, 25, 22, 46, 0, 455_000, tzinfo=UTC)
FINISHED = datetime(2026, 1, 25, 22, 46, 0, 608_000, tzinfo=UTC)
CONTAINER_FAILED = (
    "ClientError: Received client error (400) from model. "
    "See the SageMaker Endpoint logs in your account for more information."
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


def outcome(status: str, **changes: Any) -> dict[str, Any]:
    """A notification as SageMaker publishes it, with changes; None takes a field out."""
    document = {
        "awsRegion": "us-east-1",
        "eventTime": "2026-01-25T22:46:00.608Z",
        "receivedTime": "2026-01-25T22:46:00.455Z",
        "invocationStatus": status,
        "requestParameters": {"endpointName": "endpoint", "inputLocation": "s3://bucket/in/1.csv"},
        "responseParameters": {"contentType": "text/csv", "outputLocation": "s3://bucket/out/1.out"},
        "inferenceId": "worker.abc.def",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    return {key: value for key, value in (document | changes).items() if value is not None}


def failure(reason: str | None = CONTAINER_FAILED, **changes: Any) -> dict[str, Any]:
    """A failure, without response parameters unless they are given."""
    return outcome("Failed", failureReason=reason, **({"responseParameters": None} | changes))


def enveloped(document: object) -> dict[str, Any]:
    """What SNS makes of it without raw delivery."""
    return {
        "Type": "Notification",
        "MessageId": "1b2c",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:success",
        "Message": json.dumps(document),
        "Timestamp": "2026-01-25T22:46:00.612Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/x.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    }


def parsed(document: object) -> Completed | Failed | Expired | TestNotification:
    """What the document means when it is delivered raw."""
    return parse_notification(json.dumps(document))


def test_a_success_carries_all_that_was_told() -> None:
    """Id, endpoint, place, type and both times."""
    expected = Completed(
        "worker.abc.def",
        "endpoint",
        S3Location("bucket", "out/1.out"),
        None,
        "text/csv",
        RECEIVED,
        FINISHED,
    )

    assert expected == parsed(outcome("Completed"))


@pytest.mark.parametrize("document", [outcome("Completed"), failure(), {"eventName": "TestNotification"}])
def test_envelope_raw_text_and_bytes_say_the_same(document: dict[str, Any]) -> None:
    """However the topic delivers it, the notification is the same."""
    envelope = json.dumps(enveloped(document))
    forms: list[str | bytes] = [
        json.dumps(document),
        json.dumps(document).encode(),
        envelope,
        envelope.encode(),
    ]

    assert len({parse_notification(form) for form in forms}) == 1


@given(st.binary(min_size=1, max_size=500))
def test_a_response_that_came_along_is_exact(body: bytes) -> None:
    """Whatever the model answered, byte for byte."""
    response = {"content": base64.b64encode(body).decode(), "message": "Check S3", "encoding": "BASE64"}

    assert body == parsed(outcome("Completed", responseBody=response)).body  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "response",
    [
        {"content": "not base64!", "encoding": "BASE64"},
        {"content": "YQ=", "encoding": "BASE64"},
        {"content": "YQ==é", "encoding": "BASE64"},
        {"content": "YQ\n==", "encoding": "BASE64"},
        {"content": "", "encoding": "BASE64"},
        {"content": "\ud800"},
        {"content": None, "encoding": "BASE64"},
        {"content": 7},
        {"encoding": "BASE64"},
        "YQ==",
        [],
    ],
)
def test_a_response_that_cannot_be_read_is_left_to_s3(response: object) -> None:
    """A doubtful body is never delivered where the real one can be fetched."""
    completed = parsed(outcome("Completed", responseBody=response))

    assert isinstance(completed, Completed)
    assert completed.body is None


def test_a_response_without_encoding_is_text() -> None:
    """Only what says that it is base64 is decoded."""
    completed = parsed(outcome("Completed", responseBody={"content": "YQ== é"}))

    assert "YQ== é".encode() == completed.body  # type: ignore[union-attr]


def test_an_empty_response_counts_where_there_is_no_s3_path() -> None:
    """On such endpoints the message is the only copy."""
    completed = parsed(
        outcome("Completed", responseParameters={}, responseBody={"content": "", "encoding": "BASE64"})
    )

    assert isinstance(completed, Completed)
    assert (completed.output_location, completed.body) == (None, b"")


def test_a_failure_without_response_parameters_is_a_failure() -> None:
    """As endpoints without a failure path send it."""
    expected = Failed("worker.abc.def", CONTAINER_FAILED, "endpoint", None, None, RECEIVED, FINISHED)

    assert expected == parsed(failure())


@pytest.mark.parametrize(
    "changes",
    [
        {"responseParameters": {"failureLocation": "s3://bucket/err/1-error.out"}},
        {"failureLocation": "https://s3.eu-west-2.amazonaws.com/bucket/err/1-error.out"},
        {"failureLocation": "s3://bucket/err/1-error.out", "responseParameters": {"failureLocation": 1}},
    ],
)
def test_a_failure_location_is_found_where_it_may_stand(changes: dict[str, Any]) -> None:
    """Among the response parameters or at the top."""
    failed = parsed(failure(**changes))

    assert S3Location("bucket", "err/1-error.out") == failed.failure_location  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ({"content": "no such column"}, b"no such column"),
        ({"content": "bm8=", "encoding": "BASE64"}, b"no"),
        ({"content": "no!", "encoding": "BASE64"}, b"no!"),
        ({"content": "no \ud800"}, b"no ?"),
        ({"content": ""}, b""),
        ({"content": 7}, None),
        (None, None),
    ],
)
def test_a_failure_keeps_the_containers_words(response: object, words: bytes | None) -> None:
    """Plain text or base64; for people, so better garbled than missing."""
    assert words == parsed(failure(responseBody=response)).body  # type: ignore[union-attr]


def test_a_failure_without_a_reason_says_so() -> None:
    """The reason is never empty."""
    assert parsed(failure(None)).reason == "SageMaker told no reason"  # type: ignore[union-attr]


def test_an_expiry_told_by_its_status_is_expired() -> None:
    """With the reason if there is one."""
    expired = parsed(outcome("Expired", failureReason="too long in the queue"))

    assert Expired("worker.abc.def", "too long in the queue", "endpoint", RECEIVED, FINISHED) == expired
    assert Expired("worker.abc.def", "SageMaker told no reason", "endpoint", RECEIVED, FINISHED) == parsed(
        outcome("Expired")
    )


@pytest.mark.parametrize(
    "reason", ["Request expired.", "The request has EXPIRED in the queue", "expired: TTL of 60 s"]
)
def test_an_expiry_told_by_its_reason_is_expired(reason: str) -> None:
    """A request that ran out of time is told from a model that failed."""
    assert Expired("worker.abc.def", reason, "endpoint", RECEIVED, FINISHED) == parsed(failure(reason))


@pytest.mark.parametrize(
    "reason",
    [
        CONTAINER_FAILED,
        "ServerError: Received server error (500) from model with message 'cache entry expired'.",
        "The security token included in the request is expired",
        "Expired credentials",
        "The certificate has expired",
        "lock unexpired",
        "Amazon SageMaker could not get a response from the endpoint.",
    ],
)
def test_a_reason_that_tells_of_something_else_is_a_failure(reason: str) -> None:
    """The word alone does not make an expiry of the container's words, or of a token's end."""
    failed = parsed(failure(reason))

    assert isinstance(failed, Failed)
    assert reason == failed.reason


def test_a_test_notification_is_told_apart() -> None:
    """SageMaker sends it when the endpoint is created; it settles nothing."""
    document = {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}

    assert TestNotification() == parsed(document)


@given(
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(0, 9),
    st.sampled_from(["Z", "+00:00", "+02:30", ""]),
)
def test_times_are_utc_with_any_number_of_digits(moment: datetime, digits: int, zone: str) -> None:
    """Zero to nine digits of a second, of which microseconds are kept; without a zone it is UTC."""
    fraction = f"{moment.microsecond:06d}000"[:digits]
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + zone
    finished = parsed(outcome("Completed", eventTime=text)).finished_time  # type: ignore[union-attr]

    expected = moment.replace(microsecond=int(fraction[:6].ljust(6, "0")), tzinfo=UTC)
    assert finished is not None
    assert (expected - timedelta(minutes=150) if zone == "+02:30" else expected) == finished
    assert timedelta(0) == finished.utcoffset()


@pytest.mark.parametrize(
    "text", ["", "yesterday", 1674661560, None, "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+05:00"]
)
def test_a_time_that_cannot_be_read_is_none(text: object) -> None:
    """The outcome counts without it."""
    completed = parsed(outcome("Completed", eventTime=text))

    assert isinstance(completed, Completed)
    assert completed.finished_time is None


@pytest.mark.parametrize("text", ["", "nonsense", "http://bucket/key", 7, None, []])
def test_an_output_location_that_cannot_be_read_is_none(text: object) -> None:
    """The outcome counts without it."""
    completed = parsed(outcome("Completed", responseParameters={"outputLocation": text}))

    assert isinstance(completed, Completed)
    assert completed.output_location is None


@given(st.dictionaries(st.text(max_size=10).map("x-".__add__), json_values, max_size=3))
def test_unknown_fields_change_nothing(unknown: dict[str, object]) -> None:
    """SageMaker may add fields, a bridge may add its own."""
    assert parsed(outcome("Completed")) == parsed(outcome("Completed") | unknown)
    assert parsed(failure()) == parsed(enveloped(failure()) | unknown)


def test_a_raw_outcome_may_have_fields_named_like_the_envelopes() -> None:
    """Only both together, as SNS writes them, are an envelope."""
    assert parsed(outcome("Completed")) == parsed(outcome("Completed", Type="Notification", Message=7))
    assert parsed(outcome("Completed")) == parsed(outcome("Completed", Type="Other", Message="text"))


@given(
    st.sampled_from(["Completed", "Failed", "Expired"]),
    st.dictionaries(
        st.sampled_from(
            [
                "eventTime",
                "receivedTime",
                "failureReason",
                "failureLocation",
                "requestParameters",
                "responseParameters",
                "responseBody",
            ]
        ),
        json_values
        | st.dictionaries(st.sampled_from(["content", "encoding", "outputLocation"]), json_values),
    ),
)
def test_optional_fields_of_any_type_leave_an_outcome(status: str, changes: dict[str, object]) -> None:
    """Numbers, nulls and lists where texts belong count as absent."""
    completion = parsed(outcome(status) | changes)

    assert isinstance(completion, Completed | Failed | Expired)
    assert completion.inference_id == "worker.abc.def"


@pytest.mark.parametrize(
    ("message", "described"),
    [
        ("", "not a JSON object"),
        ("SECRET", "not a JSON object"),
        ('"SECRET"', "not a JSON object"),
        ('["SECRET"]', "not a JSON object"),
        (b"\xff\xfeSECRET", "not a JSON object"),
        ("[" * 200_000, "not a JSON object"),
        ('{"SECRET":' * 200_000, "not a JSON object"),
        ('{"SECRET":' + "9" * 10_000 + "}", "not a JSON object"),
        (json.dumps({"Type": "Notification", "Message": "SECRET"}), "not a JSON object"),
        ('{"SECRET": 1}', "neither an outcome nor a TestNotification"),
        (json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}), "neither an outcome"),
        (json.dumps({"Type": "SubscriptionConfirmation", "SubscribeURL": "SECRET"}), "subscription message"),
        (json.dumps(outcome("SECRET")), "unknown invocationStatus"),
        (json.dumps(outcome("Completed", invocationStatus=["SECRET"])), "unknown invocationStatus"),
        (json.dumps(outcome("Completed", inferenceId=7)), "without an inferenceId"),
        (json.dumps(outcome("Completed", inferenceId="")), "without an inferenceId"),
        (json.dumps(outcome("Completed", inferenceId=None)), "without an inferenceId"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_notification_is_named_without_its_text(message: str | bytes, described: str) -> None:
    """The error says what was wrong; what the message held appears neither in it nor behind it."""
    with pytest.raises(UnreadableNotification, match=described) as caught:
        parse_notification(message)

    assert "SECRET" not in str(caught.value)
    assert caught.value.__context__ is None


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_message_is_read_or_refused(message: bytes) -> None:
    """Nobody who can write to the queue can stop whoever reads it."""
    with pytest.raises(UnreadableNotification):
        parse_notification(message)
