"""Everything that can go wrong, as one tree.

::

    AsyncInferenceError
    ├── InvalidRequestError          (ValueError)    refused before anything was sent
    ├── ConfigurationError           (ValueError)    the client, its session or its queue is set up wrongly
    ├── ClientClosedError                            the client was closed, or never opened
    ├── ServiceError                                 AWS answered with an error
    │   ├── ValidationError                          SageMaker: 400, the request is wrong
    │   ├── InternalFailure                          SageMaker: 500
    │   ├── ServiceUnavailable                       SageMaker: 503
    │   ├── ThrottledError                           too many requests, retries used up
    │   ├── AccessDeniedError                        a permission is missing
    │   ├── CredentialsError                         credentials missing, expired or wrong
    │   └── NotFoundError                            no such bucket, key or queue
    ├── NotSentError                 (ConnectionError)  no connection could be made: certainly not accepted
    ├── AmbiguousError               (ConnectionError)  sent, and nobody knows whether it was accepted
    ├── InferenceError                               the invocation ended without a result
    │   ├── InferenceFailedError                     the model, or SageMaker on its behalf, failed
    │   ├── ExpiredError                             told so by SageMaker: queued or processed for too long
    │   ├── DeadlinePassedError                      told nothing, found nothing, and the last deadline passed
    │   └── AbandonedError                           abandon() was called
    ├── ResultError                                  there is a result, but it could not be delivered
    │   ├── RowCountError                            a pack of rows was answered with another number of rows
    │   ├── DecodeError                              no codec could read it; the raw bytes are kept
    │   └── BodyTooLargeError                        larger than fits in memory as configured
    ├── JournalError                                 the journal on disk cannot be opened, read or written
    ├── TooManyFailuresError                         a fan-out was ended: its model is broken
    ├── WaitTimeoutError             (TimeoutError)  the caller's patience ended; the invocation may go on
    └── UnreadableNotification                       a message that is not a SageMaker notification

Facts are attributes; the sentence is built from them, and ends with what to do next.
"""

from __future__ import annotations


class AsyncInferenceError(Exception):
    """The root of every error that this package raises on purpose."""


class InvalidRequestError(AsyncInferenceError, ValueError):
    """A request was refused before anything was sent.

    Attributes:
        field: The parameter at fault, in this package's spelling (``request_ttl_seconds``).
        limit: The rule that it broke, in words.
        remedy: What to do instead.
    """

    def __init__(self, field: str, limit: str, remedy: str) -> None:
        super().__init__(field, limit, remedy)
        self.field = field
        self.limit = limit
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.field}: {self.limit}. {self.remedy}"


class ConfigurationError(AsyncInferenceError, ValueError):
    """The client, its session or one of its sources is set up in a way that cannot work."""


class ClientClosedError(AsyncInferenceError):
    """The client is not open.

    Attributes:
        token: Names the invocation that was still pending, for another client to wait for it; None
            where there was none.
    """

    def __init__(self, message: str, *, token: str | None = None) -> None:
        super().__init__(message)
        self.token = token


class ServiceError(AsyncInferenceError):
    """AWS answered a call with an error.

    Attributes:
        operation: The AWS operation, such as ``InvokeEndpointAsync``.
        code: AWS's error code, such as ``ThrottlingException``.
        message: AWS's own words.
        status: The HTTP status.
        request_id: AWS's request id, for a support case; None where it sent none.
        remedy: What to do next.
    """

    default_remedy = "Look the code up in the AWS documentation of this operation."

    def __init__(
        self,
        operation: str,
        code: str,
        message: str,
        *,
        status: int,
        request_id: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(operation, code, message)
        self.operation = operation
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.remedy = remedy or self.default_remedy

    def __str__(self) -> str:
        message = _one_line(self.message, limit=1000) or "it gave no message"
        return f"{self.operation} answered {self.code} (HTTP {self.status}): {message}. {self.remedy}"


class ValidationError(ServiceError):
    """SageMaker found the request wrong (``ValidationError``, HTTP 400). Sending it again cannot help."""

    default_remedy = "Correct the request; check the endpoint's name, its region and its account."


class InternalFailure(ServiceError):  # noqa: N818 - AWS's own name
    """SageMaker failed inside (``InternalFailure``, HTTP 500)."""

    default_remedy = "Try again; if it lasts, open a support case with the request id."


class ServiceUnavailable(ServiceError):  # noqa: N818 - AWS's own name
    """SageMaker was not available (``ServiceUnavailable``, HTTP 503), and the retries are used up."""

    default_remedy = "Try again later."


class ThrottledError(ServiceError):
    """AWS refused the call as one too many, and the retries are used up."""

    default_remedy = "Lower max_concurrent_requests, or ask AWS for a higher quota."


class AccessDeniedError(ServiceError):
    """The caller has no permission for the call."""

    default_remedy = "Add the permission to the caller's IAM policy."


class CredentialsError(ServiceError):
    """Credentials are missing, expired or wrong, or the clock of this machine is."""

    default_remedy = "Check the AWS profile, the environment and this machine's clock."


class NotFoundError(ServiceError):
    """The bucket, key or queue does not exist."""

    default_remedy = "Check its name and its region."


class NotSentError(AsyncInferenceError, ConnectionError):
    """No connection could be made, so the request was certainly not accepted."""


class AmbiguousError(AsyncInferenceError, ConnectionError):
    """The request was sent and its answer is lost: nobody knows whether it was accepted.

    Attributes:
        inference_id: The invocation; None for other calls than InvokeEndpointAsync.
        token: Names the invocation, so that any process can look it up later; None like that.
    """

    inference_id: str | None = None
    token: str | None = None


class InferenceError(AsyncInferenceError):
    """The invocation ended without a result.

    Attributes:
        inference_id: The invocation.
        endpoint_name: Its endpoint.
        reason: The cause, in the words of whoever told it.
    """

    summary = "ended without a result"
    remedy = "See the endpoint's log in CloudWatch."

    def __init__(self, inference_id: str, endpoint_name: str, reason: str) -> None:
        super().__init__(inference_id, endpoint_name, reason)
        self.inference_id = inference_id
        self.endpoint_name = endpoint_name
        self.reason = reason

    def __repr__(self) -> str:
        facts = (self.inference_id, self.endpoint_name, _one_line(self.reason))
        return f"{type(self).__name__}{facts!r}"

    def __str__(self) -> str:
        said = "".join(f"{sentence}. " for sentence in self._sentences())
        return f"{self.inference_id} on {self.endpoint_name} {self.summary}: {said}{self.remedy}"

    def _sentences(self) -> list[str]:
        return [_one_line(self.reason) or "no reason was given"]


class InferenceFailedError(InferenceError):
    """The model, or SageMaker on its behalf, failed.

    Attributes:
        response: What the container answered, verbatim; None where SageMaker kept nothing of it.
    """

    summary = "failed"

    def __init__(
        self, inference_id: str, endpoint_name: str, reason: str, *, response: bytes | None = None
    ) -> None:
        super().__init__(inference_id, endpoint_name, reason)
        self.response = response
        self.remedy = f"See the endpoint's log in CloudWatch: /aws/sagemaker/Endpoints/{endpoint_name}."

    def _sentences(self) -> list[str]:
        words = _one_line(self.response.decode("utf-8", "replace")) if self.response else ""
        return [*super()._sentences(), *([f"The container said: {words}"] if words else [])]


class ExpiredError(InferenceError):
    """SageMaker told that the invocation expired, in its queue or while it was processed."""

    summary = "expired"
    remedy = "Give it a longer request_ttl_seconds, or the endpoint more instances."


class DeadlinePassedError(InferenceError):
    """Nothing was told and nothing was found until the last deadline passed."""

    summary = "was given up"
    remedy = "See whether the endpoint still exists, and its metrics ExpiredRequests and InvocationFailures."


class AbandonedError(InferenceError):
    """``abandon()`` was called. SageMaker has no cancel: the inference may still run, and be paid for."""

    summary = "was abandoned"
    remedy = "Its result, if there comes one, is in S3."


class ResultError(AsyncInferenceError):
    """There is a result, but it could not be delivered as asked."""


class DecodeError(ResultError):
    """The body could not be decoded.

    Attributes:
        body: The raw bytes.
        content_type: The type that it was sent with; None where none was told.
    """

    def __init__(self, message: str, *, body: bytes, content_type: str | None) -> None:
        super().__init__(message)
        self.body = body
        self.content_type = content_type


class RowCountError(ResultError):
    """A pack of rows was answered with another number of rows: nobody can tell which answers which.

    Attributes:
        inference_id: The invocation.
        sent: How many rows were sent.
        received: How many came back.
    """

    def __init__(self, inference_id: str, *, sent: int, received: int) -> None:
        super().__init__(inference_id, sent, received)
        self.inference_id = inference_id
        self.sent = sent
        self.received = received

    def __str__(self) -> str:
        return (
            f"{self.inference_id} was sent {self.sent} rows and answered with {self.received}. "
            "Let the model answer each row with one, in order, or do not pack."
        )


class BodyTooLargeError(ResultError):
    """The body is larger than may be held in memory.

    Attributes:
        size_bytes: Its size.
        limit_bytes: The limit in force.
    """

    def __init__(self, message: str, *, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(message)
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class TooManyFailuresError(AsyncInferenceError):
    """So many items of a fan-out failed that nothing more was pulled. All outcomes were handed out before.

    The error of the item that failed last is its cause.

    Attributes:
        failures: How many items failed.
        limit: The ``stop_after_failures`` in force.
    """

    def __init__(self, failures: int, *, limit: int) -> None:
        super().__init__(failures, limit)
        self.failures = failures
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"{self.failures} items failed, and stop_after_failures is {self.limit}: nothing more was "
            "pulled. See the cause for the last of them; mend the model, or raise the limit."
        )


class WaitTimeoutError(AsyncInferenceError, TimeoutError):
    """The caller's time ran out before the invocation ended. It may go on, and be paid for.

    Attributes:
        token: Names the invocation, so that any process can look it up later; None where it was
            certainly not sent.
        inference_id: The invocation; None where more than one was waited for.
    """

    def __init__(self, message: str, *, token: str | None = None, inference_id: str | None = None) -> None:
        super().__init__(message)
        self.token = token
        self.inference_id = inference_id


class JournalError(AsyncInferenceError):
    """The journal cannot be opened, read or written. What was committed before stays.

    Attributes:
        path: The journal's file.
    """

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class UnreadableNotification(AsyncInferenceError):  # noqa: N818 - it names the thing, not the act
    """A message that is not a SageMaker notification."""


def _one_line(text: str, limit: int = 300) -> str:
    """Foreign text made safe for a log line: no control characters, no novel."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    short = printable if len(printable) <= limit else printable[:limit] + "…"
    return short.strip().rstrip(".")
