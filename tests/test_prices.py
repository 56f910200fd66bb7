"""What calls cost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import aio_sm_async
from aio_sm_async.prices import DOLLARS_PER_MILLION, estimate_dollars
from aio_sm_async.statistics import Statistics

WIRE = Path(aio_sm_async.__file__).parent / "wire"


@pytest.mark.parametrize(
    ("calls", "dollars"),
    [
        ({}, 0.0),
        ({"InvokeEndpointAsync": 10**9, "DeleteObject": 7}, 0.0),
        ({"PutObject": 1_000_000, "GetObject": 500_000}, 5.2),
        ({"ReceiveMessage": 100_000, "DeleteMessageBatch": 100_000}, 0.08),
        ({"SomethingNew": 10**9}, 0.0),
    ],
)
def test_estimate(calls: dict[str, int], dollars: float) -> None:
    """Each call counts its list price; one without a price counts nothing."""
    assert dollars == pytest.approx(estimate_dollars(calls))


def test_every_operation_has_its_price() -> None:
    """No call that the wire can make is left out of the sum."""
    text = "".join(path.read_text("utf-8") for path in WIRE.glob("*.py"))
    verbs = "Invoke|Put|Get|Head|List|Delete|Create|Upload|Complete|Abort|Receive|Change"
    made = set(re.findall(rf'"((?:{verbs})[A-Z][A-Za-z0-9]+)"', text)) - {"UploadId", "ListBucketResult"}

    assert made == set(DOLLARS_PER_MILLION)


def test_statistics() -> None:
    """A snapshot tells what its own calls cost."""
    now = Statistics(
        submitted=0,
        in_flight=0,
        completed=0,
        failed=0,
        expired=0,
        deadline_passed=0,
        rejected=0,
        abandoned=0,
        ambiguous=0,
        resent=0,
        throttled=0,
        pumps_restarted=0,
        max_concurrent_requests=1,
        notifications_flow=True,
        calls={"ListObjectsV2": 200_000},
    )

    assert 1.0 == pytest.approx(now.dollars)
