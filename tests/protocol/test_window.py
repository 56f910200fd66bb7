"""How far a fan-out may run ahead."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.window import Window


def test_items_close_the_window() -> None:
    """There is room until as many items are pulled as may be, and again once one was handed out."""
    window = Window(2, 100)
    window.enter()
    one = window.has_room
    window.enter()
    two = window.has_room
    window.exit()

    assert (True, False, True) == (one, two, window.has_room)


def test_bytes_close_the_window() -> None:
    """There is no room while as many bytes are held as may be."""
    window = Window(10, 100)
    window.hold(100)
    full = window.has_room
    window.hold(-1)

    assert (False, True) == (full, window.has_room)


def test_bytes_left_behind_close_it_too() -> None:
    """What was left behind holds up pulling, yet not what is held."""
    window = Window(10, 100)
    window.leave_behind(100)

    assert (False, True) == (window.has_room, window.fits(100))


def test_what_fits() -> None:
    """So many bytes fit as are wanting to the limit."""
    window = Window(10, 100)
    window.hold(60)

    assert (True, False) == (window.fits(40), window.fits(41))


def test_it_shows_its_state() -> None:
    """Its repr tells how full it is."""
    window = Window(10, 2000)
    window.enter()
    window.hold(1500)

    assert "<Window 1 of 10 items, 1,500 of 2,000 bytes>" == repr(window)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 5), st.integers(1, 100))
def test_whoever_asks_first_stays_within_it(sizes: list[int], max_items: int, max_bytes: int) -> None:
    """If only pulled while there is room, items keep to their limit, and bytes pass theirs by one item."""
    window = Window(max_items, max_bytes)
    inside: list[int] = []
    for size in sizes:
        while not window.has_room:
            window.hold(-inside[0])
            window.exit()
            inside.pop(0)
        window.enter()
        window.hold(size)
        inside.append(size)

        assert window.items == len(inside) <= max_items
        assert window.held_bytes == sum(inside)
        assert sum(inside[:-1]) < max_bytes
