"""When the next request may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.even_rate import BURST_SECONDS, EvenRate


def test_each_keeps_its_distance() -> None:
    """Two a second go half a second apart, but for what the first of them had saved up."""
    rate, now, gone = EvenRate(2.0), 10.0, []
    for _ in range(4):
        now = max(now, rate.ready_at(now))
        rate.take(now)
        gone.append(round(now, 3))

    assert [10.0, 10.4, 10.9, 11.4] == gone
    assert "<EvenRate 2 a second>" == repr(rate)


def test_a_rest_is_not_saved_up() -> None:
    """After an hour of nothing no more go at once than after a second."""
    rate, gone = EvenRate(25.0), 0
    rate.take(0.0)
    while rate.ready_at(3_600.0) <= 3_600.0:
        rate.take(3_600.0)
        gone += 1

    assert 3 == gone


@pytest.mark.parametrize("per_second", [0.0, -1.0, float("nan")])
def test_a_rate_that_lets_nobody_go_is_refused(per_second: float) -> None:
    """It is a mistake, not a setting."""
    with pytest.raises(ValueError, match="above 0"):
        EvenRate(per_second)


@given(st.floats(0.1, 1_000), st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_no_stretch_of_time_holds_more(per_second: float, gaps: list[float]) -> None:
    """Whenever they come: never more in any stretch than the rate and one burst allow, and none too late."""
    rate, now, gone = EvenRate(per_second), 0.0, []
    for gap in gaps:
        now += gap
        ready = rate.ready_at(now)
        assert ready <= max([now, *(last + 1 / per_second for last in gone[-1:])]) + 1e-6
        now = max(now, ready)
        rate.take(now)
        gone.append(now)

    for first, start in enumerate(gone):
        for count, end in enumerate(gone[first:], start=1):
            assert count <= per_second * (end - start + BURST_SECONDS) + 1 + 1e-3
