"""What AWS asks for an inference: the client's calls, and what its way to hear of results makes others do.

List prices of us-east-1 in US dollars, as public summaries told them in mid-2026; those of the calls are in
`aio_sm_async.prices`. The price of filtering by message body is remembered from AWS's announcement, and was
not found confirmed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aio_sm_async.prices import estimate_dollars
from benchmarks.server import EMPTY_RECEIVE

PRICES_OF = "mid-2026"
SNS_PUBLISH = 0.50
"""A million publishes; delivery to SQS is free."""
SNS_FILTER_PER_GB = 0.09
"""A GB of message bodies that a subscription's filter policy looks at."""
S3_READ = 0.40
"""A million reads: SageMaker's own, of inputs that were uploaded."""
S3_WRITE = 5.00
"""A million writes: SageMaker's own, of outputs, which are the same whoever waits for them."""

NOTIFICATION_BYTES = 700
"""A notification without a response, about."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a million inferences cost.

    Attributes:
        calls: Calls for each inference, by operation.
        notified: Whether SNS tells of each.
        uploaded: Whether each input lies in S3.
        message_bytes: How long a notification is.
    """

    calls: Mapping[str, float]
    notified: bool
    uploaded: bool
    message_bytes: int

    @property
    def calls_per_inference(self) -> float:
        """Calls that did something for an inference."""
        return sum(count for operation, count in self.calls.items() if operation != EMPTY_RECEIVE)

    @property
    def empty_per_inference(self) -> float:
        """Polls of a queue that brought nothing: what waiting costs, whoever waits."""
        return self.calls.get(EMPTY_RECEIVE, 0.0)

    @property
    def own_dollars(self) -> float:
        """For the client's calls."""
        calls = {name: round(count * 1e9) for name, count in self.calls.items() if name != EMPTY_RECEIVE}
        calls["ReceiveMessage"] = calls.get("ReceiveMessage", 0) + round(self.empty_per_inference * 1e9)
        return estimate_dollars(calls) / 1e3

    @property
    def others_dollars(self) -> float:
        """For what SNS and SageMaker do because this client wants it so."""
        publish = SNS_PUBLISH * -(-self.message_bytes // 65_536) if self.notified else 0.0
        scanned = SNS_FILTER_PER_GB * self.message_bytes * 1e6 / 1e9 if self.notified else 0.0
        return publish + scanned + (S3_READ if self.uploaded else 0.0)

    @property
    def dollars(self) -> float:
        """For both."""
        return self.own_dollars + self.others_dollars


def polled(inference_seconds: float, delay_seconds: float) -> int:
    """How often something that is there after ``inference_seconds`` is asked for, the first time at once."""
    return int(inference_seconds // delay_seconds) + 1


def message_bytes(payload_bytes: int, *, inline: bool) -> int:
    """How long a notification is, the response in base64 included if it comes along."""
    return NOTIFICATION_BYTES + (-(-payload_bytes // 3) * 4 + 130 if inline else 0)
