"""A queue URL, taken apart: where to send, and the region to sign for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from aio_sm_async.errors import ConfigurationError
from aio_sm_async.wire.addresses import secure_url

# sqs.<region>…, sqs-fips.<region>…, vpce-….sqs.<region>.vpce…; and the legacy <region>.queue….
_REGION = re.compile(
    r"(?:.+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws|api|amazonwebservices)\..+"
)
_LEGACY_REGION = re.compile(r"(?:([a-z0-9-]+)\.)?queue\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """Where a queue is spoken to.

    Attributes:
        queue_url: The URL that names the queue.
        endpoint: Where requests go.
        region: The region to sign for.
    """

    queue_url: str
    endpoint: str
    region: str


def parse_queue_url(queue_url: str, *, default_region: str) -> QueueAddress:
    """Read a queue URL as SQS gives it.

    Args:
        queue_url: The URL.
        default_region: The region of a host that does not tell.

    Raises:
        ConfigurationError: It is no queue URL, plain http to another machine, or a FIFO queue's.
    """
    url = secure_url(queue_url, named="The queue URL")
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    if len(segments) < 2 or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{queue_url} is no queue URL. Take it from SQS as it is: https://sqs.region.amazonaws.com/account/name."
        )
    if segments[-1].endswith(".fifo"):
        raise ConfigurationError(
            f"{segments[-1]} is a FIFO queue, and SageMaker's topics are standard ones, which cannot deliver "
            "to it. Use a standard queue."
        )
    return QueueAddress(
        url, f"{parts.scheme}://{parts.netloc}/", _region(parts.hostname or "", default_region)
    )


def _region(host: str, default: str) -> str:
    if named := _REGION.fullmatch(host):
        return named[1]
    if legacy := _LEGACY_REGION.fullmatch(host):
        return legacy[1] or "us-east-1"
    return default
