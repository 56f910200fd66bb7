"""How many requests may be open at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.limiter import AdaptiveLimit


def test_it_begins_at_the_ceiling() -> None:
    """Nobody is slowed down before there was a reason."""
    limit = AdaptiveLimit(64)

    assert limit.limit == 64
    assert repr(limit) == "<AdaptiveLimit 64 of 1..64>"


def test_a_burst_of_throttles_halves_once() -> None:
    """All the requests that were refused together are one piece of news."""
    limit = AdaptiveLimit(64)
    for _ in range(50):
        limit.throttled(10.0)
    limit.throttled(10.99)

    assert limit.limit == 32


def test_throttling_that_lasts_halves_again() -> None:
    """Once the hold is over a throttle is news again."""
    limit = AdaptiveLimit(64)
    for second in (10.0, 11.0, 12.0):
        limit.throttled(second)

    assert limit.limit == 8


def test_throttling_stops_at_the_floor() -> None:
    """There is always someone who finds out whether it is over."""
    limit = AdaptiveLimit(64, floor=3)
    for second in range(20):
        limit.throttled(float(second))

    assert limit.limit == 3


def test_as_many_successes_as_are_open_raise_by_one() -> None:
    """From four up to five takes four successes, from there to six five more."""
    limit = AdaptiveLimit(8)
    limit.throttled(0.0)
    seen = []
    for _ in range(9):
        limit.succeeded(0.5)
        seen.append(limit.limit)

    assert seen == [4, 4, 4, 5, 5, 5, 5, 5, 6]


def test_a_throttle_forgets_the_successes_before_it() -> None:
    """Successes count from the last change only."""
    limit = AdaptiveLimit(8)
    limit.throttled(0.0)
    for _ in range(3):
        limit.succeeded(0.5)
    limit.throttled(2.0)
    limit.succeeded(2.5)

    assert limit.limit == 2


def test_successes_at_the_ceiling_are_not_saved_up() -> None:
    """Long luck does not undo the next throttle."""
    limit = AdaptiveLimit(4)
    for _ in range(100):
        limit.succeeded(0.0)
    limit.throttled(1.0)
    limit.succeeded(1.0)

    assert limit.limit == 2


@pytest.mark.parametrize(("ceiling", "floor"), [(0, 1), (4, 0), (4, 5), (-1, -1)])
def test_bounds_that_admit_nothing_are_refused(ceiling: int, floor: int) -> None:
    """A limit that no request could pass is a mistake, not a setting."""
    with pytest.raises(ValueError, match="floor"):
        AdaptiveLimit(ceiling, floor)


@given(
    st.integers(1, 100),
    st.data(),
    st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=100),
)
def test_the_limit_keeps_its_bounds_in_any_order_of_facts(
    ceiling: int, data: st.DataObject, facts: list[tuple[bool, float]]
) -> None:
    """It moves by halving or by one, never past its bounds, and never falls twice within a hold."""
    floor = data.draw(st.integers(1, ceiling))
    limit = AdaptiveLimit(ceiling, floor)
    now, fell_at = 0.0, -100.0
    for succeeded, passed in facts:
        now += passed
        before = limit.limit
        if succeeded:
            limit.succeeded(now)
            assert limit.limit in {before, before + 1}
        else:
            limit.throttled(now)
            assert limit.limit in {before, max(floor, before // 2)}
        if limit.limit < before:
            assert now - fell_at >= limit.hold_seconds
            fell_at = now
        assert floor <= limit.limit <= ceiling
