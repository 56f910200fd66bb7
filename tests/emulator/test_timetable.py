"""The table that says whose moment comes next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.emulator.timetable import Timetable


def test_the_earliest_due_key_comes_first() -> None:
    """Keys come off in the order of their moments, and only once these have come."""
    table = Timetable()
    for key, moment in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        table.put(key, moment)

    assert [table.pop_due(2.0), table.pop_due(2.0), table.pop_due(2.0)] == ["a", "b", None]
    assert repr(table) == "<Timetable 1 keys, next at 3.0>"


def test_at_one_moment_the_first_put_comes_first() -> None:
    """Whatever the keys are called."""
    table = Timetable()
    for key in "bca":
        table.put(key, 1.0)

    assert [table.pop_due(1.0) for _ in range(3)] == ["b", "c", "a"]


def test_a_moved_key_has_one_moment() -> None:
    """Moving a key there and back leaves it in the table once."""
    table = Timetable()
    for moment in (1.0, 5.0, 1.0, 1.0):
        table.put("a", moment)

    assert len(table) == 1
    assert [table.pop_due(9.0), table.pop_due(9.0)] == ["a", None]


def test_a_struck_key_never_comes() -> None:
    """Striking a key that is not there says so."""
    table = Timetable()
    table.put("a", 1.0)

    assert table.strike("a")
    assert not table.strike("a")
    assert table.next_moment() is None


def test_the_dead_do_not_pile_up() -> None:
    """Keys that are struck long before their moment take no room."""
    table = Timetable()
    for number in range(2_000):
        table.put(str(number), 43_200.0 + number)
        table.strike(str(number))

    assert len(table._heap) <= 65


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 20))), max_size=25))
def test_it_agrees_with_a_plain_dictionary(steps: list[tuple[str, int | None]]) -> None:
    """Whatever was put and struck, keys come off as if the table were searched from end to end."""
    table = Timetable()
    plain: dict[str, int] = {}
    for key, moment in steps:
        plain.pop(key, None)
        if moment is None:
            table.strike(key)
        else:
            table.put(key, moment)
            plain[key] = moment
    got = [table.pop_due(10) for _ in range(len(plain) + 1)]
    due = sorted((key for key in plain if plain[key] <= 10), key=lambda key: plain[key])

    assert got == due + [None] * (len(got) - len(due))
