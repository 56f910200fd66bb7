"""AWS's errors in our classes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from multidict import CIMultiDict

from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    CredentialsError,
    InternalFailure,
    NotFoundError,
    NotSentError,
    ServiceError,
    ServiceUnavailable,
    ThrottledError,
    ValidationError,
)
from aio_sm_async.wire.translate import is_ambiguous, is_retry_safe, translate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _translate(
    status: int,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    operation: str = "GetObject",
    region: str = "",
) -> ServiceError:
    return translate(operation, status, CIMultiDict(headers or {}), body, region=region, now=NOW)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amzn-ErrorType": "ValidationError"}, b'{"Message": "wrong"}'),
        ({"X-Amzn-Errortype": "ValidationError:http://internal.amazon.com/coral/"}, b'{"message": "wrong"}'),
        ({}, b'{"__type": "com.amazon.coral#ValidationError", "message": "wrong"}'),
        ({}, b'{"code": "ValidationError", "errorMessage": "wrong"}'),
        ({}, b'{"Code": "ValidationError", "Message": "wrong", "__type": 7}'),
        ({}, b'\n<?xml version="1.0"?><Error><Code>ValidationError</Code><Message>wrong</Message></Error>'),
    ],
)
def test_the_code_and_the_words_are_found_in_every_protocol(headers: dict[str, str], body: bytes) -> None:
    """In the header, in JSON of every spelling, in S3's XML."""
    error = _translate(400, body, headers)

    assert type(error) is ValidationError
    assert (error.code, error.message, error.status) == ("ValidationError", "wrong", 400)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"<html>", b"<html><body/></html>", b"<!DOCTYPE html><a/>", b"\xff\xfe", b"9" * 5000],
)
def test_an_answer_that_says_nothing_is_judged_by_its_status(body: bytes) -> None:
    """HEAD has no body, and a proxy's page means nothing."""
    error = _translate(404, body)

    assert type(error) is NotFoundError
    assert (error.code, error.message) == ("NotFound", "it gave no message")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (301, ServiceError, "PermanentRedirect"),
        (400, ServiceError, "HTTP400"),
        (401, CredentialsError, "Unauthorized"),
        (403, AccessDeniedError, "Forbidden"),
        (412, ServiceError, "PreconditionFailed"),
        (416, ServiceError, "InvalidRange"),
        (418, ServiceError, "HTTP418"),
        (429, ThrottledError, "TooManyRequests"),
        (500, InternalFailure, "InternalFailure"),
        (502, ServiceError, "HTTP502"),
        (503, ServiceUnavailable, "ServiceUnavailable"),
    ],
)
def test_a_status_alone_has_its_class(status: int, kind: type[ServiceError], code: str) -> None:
    """One for each that AWS or a load balancer answers."""
    error = _translate(status)

    assert type(error) is kind
    assert error.code == code


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ThrottlingException", ThrottledError),
        (400, "Throttling", ThrottledError),
        (400, "TooManyRequestsException", ThrottledError),
        (403, "RequestThrottled", ThrottledError),
        (400, "RequestLimitExceeded", ThrottledError),
        (503, "SlowDown", ThrottledError),
        (429, "Whatever", ThrottledError),
        (403, "AccessDenied", AccessDeniedError),
        (400, "AccessDeniedException", AccessDeniedError),
        (400, "KMS.AccessDeniedException", AccessDeniedError),
        (403, "UnrecognizedClientException", CredentialsError),
        (403, "InvalidSignatureException", CredentialsError),
        (403, "SignatureDoesNotMatch", CredentialsError),
        (400, "ExpiredToken", CredentialsError),
        (403, "ExpiredTokenException", CredentialsError),
        (403, "InvalidAccessKeyId", CredentialsError),
        (403, "RequestTimeTooSkewed", CredentialsError),
        (403, "MissingAuthenticationToken", CredentialsError),
        (404, "NoSuchKey", NotFoundError),
        (404, "NoSuchBucket", NotFoundError),
        (400, "QueueDoesNotExist", NotFoundError),
        (400, "AWS.SimpleQueueService.NonExistentQueue", NotFoundError),
        (500, "InternalError", InternalFailure),
        (503, "ServiceUnavailable", ServiceUnavailable),
        (400, "InvalidParameterValue", ServiceError),
    ],
)
def test_a_code_has_its_class(status: int, code: str, kind: type[ServiceError]) -> None:
    """Whatever the status says."""
    error = _translate(status, f'{{"__type": "{code}", "message": "m"}}'.encode())

    assert type(error) is kind
    assert str(error).startswith(f"GetObject answered {code} (HTTP {status}): m. ")


def test_a_queues_older_code_is_read_where_there_is_no_other() -> None:
    """SQS tells both."""
    headers = {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}
    older = _translate(400, b"{}", headers)
    newer = _translate(400, b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}', headers)

    assert (older.code, newer.code) == ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
    assert type(older) is type(newer) is NotFoundError


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amzn-RequestId": "r-1"}, b""),
        ({"X-Amz-Request-Id": "r-1"}, b""),
        ({}, b"<Error><RequestId>r-1</RequestId></Error>"),
    ],
)
def test_the_request_id_is_kept(headers: dict[str, str], body: bytes) -> None:
    """For a support case."""
    assert _translate(500, body, headers).request_id == "r-1"
    assert _translate(500).request_id is None


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("InvokeEndpointAsync", "sagemaker:InvokeEndpointAsync"),
        ("GetObject", "s3:GetObject"),
        ("HeadObject", "s3:GetObject"),
        ("ListObjectsV2", "s3:ListBucket"),
        ("UploadPart", "s3:PutObject"),
        ("ReceiveMessage", "sqs:ReceiveMessage"),
        ("DeleteMessageBatch", "sqs:DeleteMessage"),
        ("ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
        ("SomethingElse", "SomethingElse"),
    ],
)
def test_a_missing_permission_is_named(operation: str, action: str) -> None:
    """From the operation, where AWS does not tell."""
    error = _translate(403, operation=operation)

    assert error.remedy == f"Allow {action} in the caller's IAM policy."


def test_a_missing_permission_that_aws_names_is_believed() -> None:
    """With its resource."""
    message = (
        "User: arn:aws:iam::1:user/me is not authorized to perform: s3:GetObjectVersion on resource: "
        "arn:aws:s3:::b/k because no identity-based policy allows it"
    )
    error = _translate(403, f'{{"__type": "AccessDeniedException", "message": "{message}"}}'.encode())

    assert error.remedy == "Allow s3:GetObjectVersion on arn:aws:s3:::b/k in the caller's IAM policy."


KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234-abcd"


@pytest.mark.parametrize(
    ("operation", "message", "action"),
    [
        (
            "GetObject",
            f"User: me is not authorized to perform: kms:Decrypt on resource: {KEY}.",
            "kms:Decrypt",
        ),
        ("GetObject", f"The ciphertext refers to {KEY}.", "kms:Decrypt"),
        ("PutObject", f"Denied ({KEY})", "kms:GenerateDataKey"),
    ],
)
def test_a_key_that_is_denied_is_named(operation: str, message: str, action: str) -> None:
    """The object may be read; its key may not be used."""
    body = f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>".encode()
    error = _translate(403, body, operation=operation)

    assert isinstance(error, AccessDeniedError)
    assert error.remedy == f"Allow {action} on {KEY}, in the key's policy and in IAM."


def test_a_key_that_is_not_told_is_the_one_in_use() -> None:
    """Only the code speaks of KMS."""
    error = _translate(400, b'{"__type": "KMS.AccessDeniedException"}', operation="ReceiveMessage")

    assert error.remedy == "Allow kms:Decrypt on the KMS key in use, in the key's policy and in IAM."


@pytest.mark.parametrize(("region", "where"), [("eu-west-1", " in eu-west-1"), ("", "")])
def test_an_unknown_endpoint_is_told_where_it_was_looked_for(region: str, where: str) -> None:
    """Name, region and account."""
    error = _translate(
        400,
        b'{"Message": "Endpoint my-endpoint of account 123456789012 not found."}',
        {"x-amzn-ErrorType": "ValidationError"},
        operation="InvokeEndpointAsync",
        region=region,
    )

    assert isinstance(error, ValidationError)
    assert error.remedy == (
        f"There is no endpoint my-endpoint{where} in account 123456789012: check name, region and account."
    )


def test_only_invocations_are_advised_on_their_limit() -> None:
    """The client's limit does not slow down S3."""
    assert "max_concurrent_requests" in _translate(429, operation="InvokeEndpointAsync").remedy
    assert "max_concurrent_requests" not in _translate(503, b"<Error><Code>SlowDown</Code></Error>").remedy


def test_a_bucket_elsewhere_is_told() -> None:
    """Where following S3's word once was not enough."""
    assert "another region" in _translate(301).remedy


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (timedelta(minutes=20), "1200 seconds behind AWS's"),
        (timedelta(minutes=-20), "1200 seconds ahead of AWS's"),
        (timedelta(seconds=10), "this machine's clock."),
    ],
)
def test_a_wrong_clock_is_measured(skew: timedelta, words: str) -> None:
    """Against the answer's own date."""
    headers = {"Date": format_datetime(NOW + skew, usegmt=True)}
    error = _translate(403, b"<Error><Code>RequestTimeTooSkewed</Code></Error>", headers)

    assert words in str(error)


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 01 Jan 2026 00:20:00 -0000"])
def test_without_a_date_nothing_is_measured(date: str) -> None:
    """And without a clock neither."""
    body = b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
    unmeasured = translate("GetObject", 403, CIMultiDict(), body)

    assert (
        _translate(403, body, {"Date": date}).remedy == unmeasured.remedy == CredentialsError.default_remedy
    )


@pytest.mark.parametrize(
    ("error", "safe", "ambiguous"),
    [
        (NotSentError("n"), True, False),
        (AmbiguousError("a"), False, True),
        (ThrottledError("o", "c", "m", status=400), True, False),
        (ServiceUnavailable("o", "c", "m", status=503), True, False),
        (ServiceError("o", "c", "m", status=503), True, False),
        (InternalFailure("o", "c", "m", status=500), False, True),
        (InternalFailure("o", "c", "m", status=200), False, True),
        (ServiceError("o", "c", "m", status=502), False, True),
        (ServiceError("o", "c", "m", status=504), False, True),
        (ServiceError("o", "RequestTimeout", "m", status=400), False, True),
        (ValidationError("o", "c", "m", status=400), False, False),
        (NotFoundError("o", "c", "m", status=404), False, False),
        (OSError(), False, False),
    ],
)
def test_whether_to_send_again_is_told_by_the_error(error: Exception, safe: bool, ambiguous: bool) -> None:
    """Certainly not carried out, perhaps carried out, or certainly refused."""
    assert (is_retry_safe(error), is_ambiguous(error)) == (safe, ambiguous)
