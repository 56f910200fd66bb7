"""In which order outcomes are handed out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.turns import FirstDone, InOrder, Turns


def hand_out(turns: Turns[str]) -> list[str]:
    """Everything whose turn it is."""
    out = []
    while (first := turns.first()) is not None:
        out.append(first)
        turns.pop()
    return out


def test_in_order_waits_for_the_first() -> None:
    """What has come waits until all before it have."""
    turns: InOrder[str] = InOrder()
    turns.add(1, "b")
    before = (turns.first(), turns.is_next(0), turns.is_next(1), len(turns))
    turns.add(0, "a")

    assert (None, True, False, 1) == before
    assert ["a", "b"] == hand_out(turns)
    assert turns.is_next(2)


def test_first_done_is_handed_out_first() -> None:
    """What came first is handed out first, wherever it stood in the source."""
    turns: FirstDone[str] = FirstDone()
    alone = turns.is_next(9)
    turns.add(1, "b")
    turns.add(0, "a")

    assert (True, False, 2) == (alone, turns.is_next(2), len(turns))
    assert ["b", "a"] == hand_out(turns)
    assert turns.first() is None


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_any_order(order: list[int], pauses: set[int]) -> None:
    """Whenever the consumer comes, it gets each once: in order by the one, as they came by the other."""
    in_order: InOrder[str] = InOrder()
    first_done: FirstDone[str] = FirstDone()
    taken_in_order, taken_first_done = [], []
    for step, index in enumerate(order):
        in_order.add(index, str(index))
        first_done.add(index, str(index))
        if step in pauses:
            taken_in_order += hand_out(in_order)
            taken_first_done += hand_out(first_done)

    assert [str(index) for index in range(12)] == taken_in_order + hand_out(in_order)
    assert [str(index) for index in order] == taken_first_done + hand_out(first_done)
