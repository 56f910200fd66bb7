"""The asyncio SDK for Amazon SageMaker Asynchronous Inference.

Submit → wait → resolve::

    client          the public methods: invoke, submit, map, as_completed, drain, statistics
    fanout          many payloads in one call, pulled lazily and sent within bounds
    drafts          a payload becomes a checked request
    dispatch        it is uploaded where it must be, and sent under the semaphore (submission, flow)
    completions     notifications from SQS, and polling of S3
    engine          carries out what protocol.registry decides of all these
    resolution      bodies are fetched; outcome makes results and errors of them
    protocol        all that is decided without I/O          wire    all that speaks to AWS
"""

from aio_sm_async.client import AsyncInferenceClient
from aio_sm_async.codecs import JSONLines, RowCodec
from aio_sm_async.completions.polling import S3Polling
from aio_sm_async.completions.sqs import SqsNotifications
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
from aio_sm_async.fanout import (
    Attempt,
    FanOut,
    FanOutOptions,
    FanOutProgress,
    InferenceOutcome,
    InferenceRequest,
    Pack,
    RetryFailed,
    RowResult,
    is_transient,
)
from aio_sm_async.future import InferenceFuture
from aio_sm_async.options import InvocationOptions, RequestOptions
from aio_sm_async.prices import estimate_dollars
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.results import InferenceResult
from aio_sm_async.statistics import Statistics
from aio_sm_async.status import InvocationStatus
from aio_sm_async.uploads import S3Uploads
from aio_sm_async.version import __version__

__all__ = [
    "AbandonedError",
    "AccessDeniedError",
    "AmbiguousError",
    "AsyncInferenceClient",
    "AsyncInferenceError",
    "Attempt",
    "BodyTooLargeError",
    "ClientClosedError",
    "ConfigurationError",
    "CredentialsError",
    "DeadlinePassedError",
    "DecodeError",
    "ExpiredError",
    "FanOut",
    "FanOutOptions",
    "FanOutProgress",
    "InferenceError",
    "InferenceFailedError",
    "InferenceFuture",
    "InferenceOutcome",
    "InferenceRequest",
    "InferenceResult",
    "InternalFailure",
    "InvalidRequestError",
    "InvocationOptions",
    "InvocationStatus",
    "JSONLines",
    "JournalError",
    "NotFoundError",
    "NotSentError",
    "Pack",
    "RequestOptions",
    "ResultError",
    "RetryFailed",
    "RowCodec",
    "RowCountError",
    "RowResult",
    "S3Location",
    "S3Polling",
    "S3Uploads",
    "ServiceError",
    "ServiceUnavailable",
    "SqsNotifications",
    "Statistics",
    "ThrottledError",
    "TooManyFailuresError",
    "UnreadableNotification",
    "ValidationError",
    "WaitTimeoutError",
    "__version__",
    "estimate_dollars",
    "is_transient",
]
