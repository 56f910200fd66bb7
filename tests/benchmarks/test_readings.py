"""What is said of measurements."""

from __future__ import annotations

import pytest

from benchmarks.readings import Cell, Reading, Round, ratio, size

CELL = Cell("asyncio", tls=False, payload_bytes=1024)


def _reading(name: str, *cpu_us: float) -> Reading:
    rounds = [Round(100, wall_seconds=each / 5e3, cpu_seconds=each / 1e4) for each in cpu_us]
    return Reading(name, CELL, {"threads": 4}, rounds, {"PutObject": 200, "GetObject": 100}, 100)


def test_a_reading_is_the_median_of_its_rounds() -> None:
    """One round that was disturbed moves neither the CPU nor the rate, only the spread."""
    reading = _reading("ours-inline", 100, 110, 900)

    assert reading.cpu_us == pytest.approx(110)
    assert reading.per_second == pytest.approx(100 / 0.022)
    assert reading.spread == pytest.approx(790 / 110)


def test_a_reading_as_json() -> None:
    """The members that scripts rely on are there, in the units that their names say."""
    document = _reading("ours-s3", 250).document()

    assert document["name"] == "ours-s3"
    assert document["loop"] == "asyncio"
    assert document["tls"] is False
    assert document["payload_bytes"] == 1024
    assert document["cpu_us_per_inference"] == pytest.approx(250)
    assert document["per_second"] == pytest.approx(2000)
    assert document["calls_per_inference"] == pytest.approx(3)
    assert document["calls"] == {"PutObject": 2, "GetObject": 1}


def test_a_ratio_needs_both() -> None:
    """A ratio is of two contenders of one cell; where one of them is missing there is none."""
    readings = [_reading("ours-inline", 200), _reading("floor-inline", 100)]

    assert ratio(readings, "ours-inline", "floor-inline") == pytest.approx(2)
    assert ratio(readings, "ours-inline", "boto3-threads") is None


@pytest.mark.parametrize(
    ("count", "words"), [(10, "10 B"), (1024, "1 KB"), (102400, "100 KB"), (5 << 20, "5 MB")]
)
def test_sizes_read_well(count: int, words: str) -> None:
    """Sizes are told in the unit that people use."""
    assert size(count) == words
