"""How long to wait before a retry, and whether there may be one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.backoff import RetryBudget, full_jitter

dice = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10**6), dice)
def test_a_wait_lies_between_none_and_the_doubling_ceiling(attempt: int, rolled: float) -> None:
    """However often it failed, nobody waits longer than the cap, or less than nothing."""
    waited = full_jitter(attempt, rolled)

    assert 0 <= waited <= min(20.0, 0.1 * 2.0 ** min(attempt - 1, 20))


@given(st.integers(1, 60), dice, st.floats(0.001, 10), st.floats(0.001, 1000))
def test_waits_grow_with_attempts_until_the_cap(
    attempt: int, rolled: float, base_seconds: float, cap_seconds: float
) -> None:
    """With the same dice a later attempt never waits less, and doubles while the cap is far."""
    now = full_jitter(attempt, rolled, base_seconds=base_seconds, cap_seconds=cap_seconds)
    after = full_jitter(attempt + 1, rolled, base_seconds=base_seconds, cap_seconds=cap_seconds)

    assert now <= after
    if base_seconds * 2.0**attempt <= cap_seconds:
        assert pytest.approx(2 * now) == after


@given(st.integers(1, 100), dice, dice)
def test_waits_follow_the_dice(attempt: int, one: float, other: float) -> None:
    """The whole range is used, so that clients which failed together do not come back together."""
    assert (one <= other) == (
        full_jitter(attempt, one) <= full_jitter(attempt, other)
    ) or one == pytest.approx(other)
    assert full_jitter(attempt, 0.0) == 0.0


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_are_counted_from_one(attempt: int) -> None:
    """A wait before anything failed is a mistake of the caller's."""
    with pytest.raises(ValueError, match="first failed attempt is 1"):
        full_jitter(attempt, 0.5)


def test_a_fresh_budget_pays_for_a_hundred_retries() -> None:
    """While nothing succeeds retries come to an end, so that an outage is not made worse."""
    budget = RetryBudget()

    allowed = [budget.try_withdraw() for _ in range(150)]

    assert allowed == [True] * 100 + [False] * 50


def test_five_successes_pay_for_one_retry() -> None:
    """An emptied budget comes back at the pace at which calls succeed."""
    budget = RetryBudget(capacity=5)
    budget.try_withdraw()
    for _ in range(4):
        budget.success()
    refused = budget.try_withdraw()
    budget.success()

    assert not refused
    assert budget.try_withdraw()


@given(st.lists(st.booleans(), max_size=200), st.integers(0, 50), st.integers(1, 9), st.integers(0, 9))
def test_a_budget_never_pays_more_than_it_held_and_earned(
    facts: list[bool], capacity: int, retry_cost: int, success_refund: int
) -> None:
    """In any order of facts: never below nothing, never above the capacity, never on credit."""
    budget = RetryBudget(capacity, retry_cost, success_refund)
    retries = 0
    for succeeded in facts:
        before = budget.tokens
        if succeeded:
            budget.success()
        elif budget.try_withdraw():
            retries += 1
            assert before - retry_cost == budget.tokens
        else:
            assert before == budget.tokens
        assert 0 <= budget.tokens <= capacity

    assert retries * retry_cost <= capacity + facts.count(True) * success_refund
