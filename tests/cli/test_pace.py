"""How fast, and how long still."""

from __future__ import annotations

import pytest

from aio_sm_async.cli.pace import HORIZON_SECONDS, Pace, clock_face


def test_a_steady_pace() -> None:
    """So many a second, and the rest takes as long as that tells."""
    pace = Pace(100.0)
    for second in range(1, 11):
        pace.observe(100.0 + second, 5 * second)

    assert 5.0 == pace.per_second
    assert 20.0 == pace.seconds_left(100)


def test_it_follows_the_last_half_minute() -> None:
    """What was long ago does not count: a model that came up late is judged by what it does now."""
    pace = Pace(0.0)
    for second in range(1, 1000):
        pace.observe(second, 0)
    for second in range(1000, 1000 + int(HORIZON_SECONDS) + 1):
        pace.observe(second, 10 * (second - 999))

    assert pace.per_second == pytest.approx(10)


def test_nothing_moves() -> None:
    """While nothing is done nobody knows how long it takes."""
    pace = Pace(0.0)

    assert (0.0, None) == (pace.per_second, pace.seconds_left(5))


def test_spans() -> None:
    """Minutes and hours as a clock shows them."""
    assert ["0:07", "12:30", "3:05:00"] == [clock_face(seconds) for seconds in (7.4, 750, 11_100)]
