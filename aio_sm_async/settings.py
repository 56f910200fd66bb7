"""Everything that is chosen once, when a client is made."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aio_sm_async.clock import Clock, SystemClock
from aio_sm_async.completions.polling import S3Polling
from aio_sm_async.completions.sqs import SqsNotifications
from aio_sm_async.errors import ConfigurationError
from aio_sm_async.protocol.drain import START_IN_FLIGHT
from aio_sm_async.protocol.identifiers import check_client_id
from aio_sm_async.protocol.location import parse_location
from aio_sm_async.protocol.output_paths import OutputPaths
from aio_sm_async.uploads import S3Uploads

OnAmbiguous = Literal["resend", "wait", "raise"]
HttpLibrary = Literal["httptools", "aiohttp"]

_POSITIVE = (
    "max_concurrent_requests",
    "max_in_flight",
    "start_in_flight",
    "max_body_bytes",
    "resend_after_seconds",
    "request_timeout_seconds",
    "retry_timeout_seconds",
    "close_timeout_seconds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The settings of one client; `AsyncInferenceClient` says what each means.

    Raises:
        ConfigurationError: They cannot work.
        InvalidRequestError: ``client_id`` is no name that inference ids can begin with.
    """

    notifications: Sequence[SqsNotifications] = ()
    polling: S3Polling | None = field(default_factory=S3Polling)
    uploads: S3Uploads | None = None
    session: object | None = field(default=None, repr=False)
    region_name: str | None = None
    endpoint_urls: Mapping[str, str] | None = None
    client_id: str | None = None
    max_concurrent_requests: int = 64
    max_in_flight: int = 10_000
    start_in_flight: int = START_IN_FLIGHT
    max_submit_rate: float | None = None
    max_body_bytes: int = 16 * 1024 * 1024
    journal: str | os.PathLike[str] | None = None
    on_ambiguous: OnAmbiguous = "resend"
    resend_after_seconds: float = 60.0
    request_timeout_seconds: float = 30.0
    retry_timeout_seconds: float = 120.0
    close_timeout_seconds: float = 5.0
    endpoint_name: str | None = None
    output_path: str | None = None
    failure_path: str | None = None
    http_library: HttpLibrary = "httptools"
    clock: Clock = field(default_factory=SystemClock, repr=False)

    def __post_init__(self) -> None:
        if not all(isinstance(each, SqsNotifications) for each in self.notifications):
            raise ConfigurationError(
                'notifications takes SqsNotifications(queue_urls=["https://sqs..."]), or a list of them.'
            )
        if self.uploads is not None and not isinstance(self.uploads, S3Uploads):
            raise ConfigurationError('uploads takes S3Uploads("s3://bucket/in/").')
        if not self.notifications and self.polling is None:
            raise ConfigurationError(
                "notifications=None, polling=None: no completion would ever be noticed. Leave polling at its "
                "default, or name the queue: notifications=SqsNotifications(queue_urls=[...])."
            )
        if self.on_ambiguous not in ("resend", "wait", "raise"):
            raise ConfigurationError(
                f"on_ambiguous={self.on_ambiguous!r}: expected 'resend', 'wait' or 'raise'"
            )
        if self.http_library not in ("httptools", "aiohttp"):
            raise ConfigurationError(f"http_library={self.http_library!r}: expected 'httptools' or 'aiohttp'")
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name}={getattr(self, name)!r}: must be above 0")
        self._check_paths()
        if self.max_submit_rate is not None and not 0 < self.max_submit_rate < math.inf:
            raise ConfigurationError(
                f"max_submit_rate={self.max_submit_rate!r}: must be above 0, and a number. "
                "Leave it out for no limit."
            )
        if self.client_id is not None:
            check_client_id(self.client_id)

    @property
    def given_paths(self) -> Mapping[str, OutputPaths]:
        """What the caller said of where the client's own endpoint writes."""
        if self.endpoint_name is None or (self.output_path is None and self.failure_path is None):
            return {}
        output, failure = (
            None if path is None else parse_location(path) for path in (self.output_path, self.failure_path)
        )
        return {self.endpoint_name: OutputPaths(output, failure)}

    def _check_paths(self) -> None:
        for name in ("output_path", "failure_path"):
            path = getattr(self, name)
            if path is None:
                continue
            if not isinstance(path, str) or re.fullmatch(r"s3://[^/\s]+(/\S*)?", path) is None:
                raise ConfigurationError(
                    f'{name}={path!r}: expected the endpoint\'s own, "s3://bucket/path".'
                )
            if self.endpoint_name is None:
                raise ConfigurationError(
                    f"{name} is that of the client's own endpoint. Name it: "
                    'AsyncInferenceClient("my-endpoint").'
                )
