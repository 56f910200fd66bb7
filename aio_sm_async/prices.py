"""What AWS asks for the calls of a client: an estimate, at the list prices of one region and one day.

The prices are those of us-east-1 in mid-2026, in US dollars a million, as public summaries of AWS's price
lists tell them: S3 Standard 5.00 for PUT, COPY, POST and LIST, 0.40 for GET and HEAD, nothing for DELETE; SQS
standard queues 0.40. Other regions differ. InvokeEndpointAsync has no price of its own: endpoints are paid by
the hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_S3_WRITE, _S3_READ, _SQS = 5.00, 0.40, 0.40

DOLLARS_PER_MILLION: Mapping[str, float] = MappingProxyType(
    {
        "PutObject": _S3_WRITE,
        "CreateMultipartUpload": _S3_WRITE,
        "UploadPart": _S3_WRITE,
        "CompleteMultipartUpload": _S3_WRITE,
        "ListObjectsV2": _S3_WRITE,
        "GetObject": _S3_READ,
        "HeadObject": _S3_READ,
        "DeleteObject": 0.0,
        "AbortMultipartUpload": 0.0,
        "ReceiveMessage": _SQS,
        "DeleteMessageBatch": _SQS,
        "ChangeMessageVisibilityBatch": _SQS,
        "GetQueueAttributes": _SQS,
        "InvokeEndpointAsync": 0.0,
    }
)
"""A million calls of each operation; one that is not here counts nothing."""


def estimate_dollars(calls: Mapping[str, int]) -> float:
    """What so many calls cost at list prices, in US dollars.

    Free tiers, storage, traffic, instances, SNS and requests above 64 KB to SQS, which count as several, are
    not in it.

    Args:
        calls: Calls by operation, as in `Statistics.calls`.
    """
    return sum(DOLLARS_PER_MILLION.get(operation, 0.0) * count for operation, count in calls.items()) / 1e6
