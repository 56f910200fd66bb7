"""The states of an invocation."""

from __future__ import annotations

import pytest

from aio_sm_async.protocol.invocation import TRANSITIONS, Invocation, State

FINAL = {State.REJECTED, State.COMPLETED, State.FAILED, State.EXPIRED, State.ABANDONED}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_only_what_is_in_the_table_can_happen(before: State, after: State) -> None:
    """A step of the table is taken; any other is an assertion, and leaves the state as it was."""
    invocation = Invocation("id", "endpoint", 60.0, state=before)
    if after in TRANSITIONS[before]:
        invocation.move_to(after)
    else:
        with pytest.raises(AssertionError, match="State"):
            invocation.move_to(after)

    assert invocation.state is (after if after in TRANSITIONS[before] else before)


def test_final_states_absorb() -> None:
    """Nothing follows the end, and everything else can still end."""
    assert {state for state in State if state.is_final} == FINAL
    assert all(TRANSITIONS[state] & FINAL for state in State if not state.is_final)


def test_two_invocations_are_never_equal() -> None:
    """A name may be given twice, one after the other; what happened to the first is not the second's."""
    assert Invocation("id", "endpoint", 60.0) != Invocation("id", "endpoint", 60.0)
