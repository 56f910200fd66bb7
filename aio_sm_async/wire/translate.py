"""AWS's errors in our classes, by one table: which class, and what to do next.

Three things are wanted of an error: whose fault it is (its class), whether the call may be sent again
(`is_retry_safe`, `is_ambiguous`), and a sentence that helps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

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
from aio_sm_async.wire.object_xml import parse_xml

_CODES: dict[type[ServiceError], str] = {
    ValidationError: "ValidationError ValidationException",
    InternalFailure: "InternalFailure InternalError InternalServerError InternalServerException "
    "InternalServiceError",
    ServiceUnavailable: "ServiceUnavailable ServiceUnavailableException ServiceUnavailableError",
    ThrottledError: "Throttling ThrottlingException ThrottledException RequestThrottled "
    "RequestThrottledException TooManyRequests TooManyRequestsException RequestLimitExceeded SlowDown "
    "BandwidthLimitExceeded LimitExceededException PriorRequestNotComplete KmsThrottled "
    "KMS.ThrottlingException",
    AccessDeniedError: "AccessDenied AccessDeniedException AuthorizationError AuthorizationErrorException "
    "NotAuthorized UnauthorizedOperation AllAccessDisabled AccountProblem KmsAccessDenied "
    "KMS.AccessDeniedException",
    CredentialsError: "UnrecognizedClientException InvalidClientTokenId InvalidSignatureException "
    "SignatureDoesNotMatch IncompleteSignature IncompleteSignatureException ExpiredToken "
    "ExpiredTokenException InvalidToken InvalidAccessKeyId InvalidSecurity RequestTimeTooSkewed "
    "RequestExpired MissingAuthenticationToken MissingAuthenticationTokenException",
    NotFoundError: "NotFound NoSuchKey NoSuchBucket NoSuchUpload NoSuchVersion NoSuchAccessPoint "
    "QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue ResourceNotFoundException",
}
_CLASS_OF_CODE = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
_CLASS_OF_STATUS: dict[int, tuple[type[ServiceError], str]] = {
    301: (ServiceError, "PermanentRedirect"),
    401: (CredentialsError, "Unauthorized"),
    403: (AccessDeniedError, "Forbidden"),
    404: (NotFoundError, "NotFound"),
    412: (ServiceError, "PreconditionFailed"),
    416: (ServiceError, "InvalidRange"),
    429: (ThrottledError, "TooManyRequests"),
    500: (InternalFailure, "InternalFailure"),
    503: (ServiceUnavailable, "ServiceUnavailable"),
}
_ACTIONS = {
    "InvokeEndpointAsync": "sagemaker:InvokeEndpointAsync",
    "DescribeEndpoint": "sagemaker:DescribeEndpoint",
    "DescribeEndpointConfig": "sagemaker:DescribeEndpointConfig",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
}
_READS = frozenset({"GetObject", "HeadObject", "ReceiveMessage"})

_DENIED = re.compile(r"not authorized to perform:? (\S+?:\S+?)(?: on resource:? (\S+))?[\s,.]", re.IGNORECASE)
_KMS_KEY = re.compile(r"arn:[\w-]*:kms:[\w:/-]+")
_NO_ENDPOINT = re.compile(r"Endpoint (\S+) of account (\S+) not found", re.IGNORECASE)
_SKEWED_SECONDS = 240  # AWS refuses from five minutes on; the answer was under way, too


@dataclass(frozen=True, slots=True)
class _Said:
    """What an answer says of an error; empty where it says nothing."""

    code: str = ""
    message: str = ""
    request_id: str | None = None


def translate(
    operation: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    region: str = "",
    now: datetime | None = None,
) -> ServiceError:
    """The error that an answer stands for; raise it.

    Args:
        operation: The AWS operation, such as ``GetObject``.
        status: The HTTP status.
        headers: The answer's headers; the mapping ignores case.
        body: The answer's body; HEAD has none.
        region: The region that was asked, for the remedy's words.
        now: The wall clock, which the answer's ``Date`` is measured against.
    """
    said = _said(headers, body)
    said_by_status = _CLASS_OF_STATUS.get(status)
    code = said.code or (said_by_status[1] if said_by_status else f"HTTP{status}")
    message = said.message or "it gave no message"
    kind = _CLASS_OF_CODE.get(code) or (said_by_status[0] if said_by_status else ServiceError)
    remedy = _remedy(kind, operation, code, message, region)
    if kind is CredentialsError and now is not None:
        remedy = _skew_remedy(headers.get("Date", ""), now) or remedy
    return kind(operation, code, message, status=status, request_id=said.request_id, remedy=remedy)


def is_retry_safe(error: BaseException) -> bool:
    """Whether the call was certainly not carried out, so that sending it again cannot do it twice."""
    if isinstance(error, ServiceError) and error.status == 503:
        return True
    return isinstance(error, NotSentError | ThrottledError | ServiceUnavailable)


def is_ambiguous(error: BaseException) -> bool:
    """Whether the call may have been carried out, or may not."""
    if is_retry_safe(error):
        return False
    if isinstance(error, ServiceError):
        return error.status >= 500 or isinstance(error, InternalFailure) or error.code == "RequestTimeout"
    return isinstance(error, AmbiguousError)


def _said(headers: Mapping[str, str], body: bytes) -> _Said:
    request_id = headers.get("x-amzn-RequestId") or headers.get("x-amz-request-id")
    in_header = headers.get("x-amzn-ErrorType", "").partition(":")[0].rpartition("#")[2]
    queried = headers.get("x-amzn-query-error", "").partition(";")[0]
    in_body = _said_in_xml(body) if body.lstrip()[:1] == b"<" else _said_in_json(body)
    return _Said(
        in_header.strip() or in_body.code or queried, in_body.message, request_id or in_body.request_id
    )


def _said_in_xml(body: bytes) -> _Said:
    try:
        texts = parse_xml(body)
    except ValueError:  # a proxy's page, say
        return _Said()
    return _Said(texts.get("Code", ""), texts.get("Message", ""), texts.get("RequestId"))


def _said_in_json(body: bytes) -> _Said:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return _Said()
    if not isinstance(fields, dict):
        return _Said()
    code = _first_text(fields, "__type", "code", "Code")
    return _Said(
        code.partition(":")[0].rpartition("#")[2], _first_text(fields, "message", "Message", "errorMessage")
    )


def _first_text(fields: dict[str, object], *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _remedy(kind: type[ServiceError], operation: str, code: str, message: str, region: str) -> str | None:
    """What to do next; None leaves it to the class."""
    if kind is AccessDeniedError:
        return _permission_remedy(operation, code, message)
    if kind is ValidationError and (found := _NO_ENDPOINT.search(message)):
        where = f" in {region}" if region else ""
        return (
            f"There is no endpoint {found[1]}{where} in account {found[2]}: check name, region and account."
        )
    if kind is ThrottledError and operation != "InvokeEndpointAsync":
        return "Do less at once, or ask AWS for a higher quota."
    if code in {"PermanentRedirect", "AuthorizationHeaderMalformed"}:
        return "The bucket lies in another region, or behind another endpoint: check the endpoint URL of s3."
    return None


def _permission_remedy(operation: str, code: str, message: str) -> str:
    denied = _DENIED.search(f"{message} ")
    action = denied[1] if denied else _ACTIONS.get(operation, operation)
    resource = denied[2] if denied and denied[2] else ""
    if "kms" in f"{action}{code}".lower() or _KMS_KEY.search(message):
        key = _KMS_KEY.search(message)
        default = "kms:Decrypt" if operation in _READS else "kms:GenerateDataKey"
        wanted = action if action.lower().startswith("kms:") else default
        return f"Allow {wanted} on {key[0] if key else 'the KMS key in use'}, in the key's policy and in IAM."
    return f"Allow {action}{f' on {resource}' if resource else ''} in the caller's IAM policy."


def _skew_remedy(date: str, now: datetime) -> str | None:
    try:
        ahead = (now - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):  # missing, unreadable, or without a time zone
        return None
    if abs(ahead) < _SKEWED_SECONDS:
        return None
    direction = "ahead of" if ahead > 0 else "behind"
    return f"This machine's clock is {abs(ahead):.0f} seconds {direction} AWS's: set it right."
