"""How the client grows: that it is measured, not how well it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.pending import pending
from benchmarks.processes import Server, serving
from benchmarks.scale import growth, lag


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that takes its time for what nobody is told of."""
    async with serving(str(tmp_path), None, "--gather-seconds", "0") as running:
        yield running


async def test_runs_grow_and_lags_are_taken(server: Server) -> None:
    """Each run is a row, and a lag is a time after the moment at which the notification could be had."""
    rows = await growth(server, [10, 20], warm_up=5)
    found = await lag(server, 100.0, 0.2, name="test")

    assert [row["inferences"] for row in rows] == [10, 20]
    assert 0 < float(found["p50_ms"]) <= float(found["p999_ms"])


async def test_what_is_in_flight_is_counted(server: Server) -> None:
    """So many are in flight at the end, and closing does not wait for them."""
    found = await pending(server, 30, warm_up=5, watch_seconds=0.01)

    assert found["in_flight"] == 30
    assert found["s3_calls_per_second"] >= 0
