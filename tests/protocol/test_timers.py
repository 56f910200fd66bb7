"""Moments at which something is due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.timers import Timers


def test_what_is_due_is_popped_earliest_first() -> None:
    """Each name comes once, in the order of the moments, and those of one moment in the order of setting."""
    timers: Timers[str] = Timers()
    for name, when in (("late", 9.0), ("second", 2.0), ("third", 2.0), ("first", 1.0)):
        timers.set(name, when)

    assert timers.pop_due(2.0) == ["first", "second", "third"]
    assert timers.pop_due(2.0) == []
    assert (len(timers), timers.next()) == (1, 9.0)


def test_a_name_has_one_moment() -> None:
    """Set again it is due at the new moment alone, be that earlier or later."""
    timers: Timers[str] = Timers()
    timers.set("later", 1.0)
    timers.set("later", 5.0)
    timers.set("sooner", 9.0)
    timers.set("sooner", 2.0)

    assert timers.pop_due(4.0) == ["sooner"]
    assert timers.pop_due(9.0) == ["later"]


def test_a_cancelled_name_is_never_due() -> None:
    """It is forgotten; to cancel what is not set is no error."""
    timers: Timers[str] = Timers()
    timers.set("gone", 1.0)
    timers.cancel("gone")
    timers.cancel("gone")

    assert "gone" not in timers
    assert timers.next() is None
    assert timers.pop_due(9.0) == []


def test_cancelled_timers_do_not_stay_in_memory() -> None:
    """A million set and cancelled deadlines, hours ahead, leave nothing that grows."""
    timers: Timers[int] = Timers()
    for name in range(20_000):
        timers.set(name, 1e6)
        timers.cancel(name)

    assert len(timers._heap) <= 65


STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "cancel", "pop"]), st.integers(0, 5), st.integers(0, 20)), max_size=120
)


@given(STEPS)
def test_in_any_order_it_is_a_table_of_moments(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is set, cancelled and popped, a plain table says the same."""
    timers: Timers[int] = Timers()
    table: dict[int, float] = {}
    for deed, name, when in steps:
        match deed:
            case "set":
                timers.set(name, when)
                table[name] = when
            case "cancel":
                timers.cancel(name)
                table.pop(name, None)
            case _:
                due = timers.pop_due(when)

                assert set(due) == {each for each, moment in table.items() if moment <= when}
                assert [table[each] for each in due] == sorted(table[each] for each in due)
                for each in due:
                    del table[each]

    assert timers.next() == min(table.values(), default=None)
    assert {name for name in range(6) if name in timers} == set(table)
