"""Many moments, one task."""

from __future__ import annotations

import asyncio

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.schedule import Schedule


async def test_things_are_done_at_their_moment_in_the_order_of_moments() -> None:
    """Whatever the order in which they were entered."""
    clock = VirtualClock(now=0)
    schedule = Schedule(clock)
    done: list[str] = []
    schedule.at(30, lambda: done.append("third"))
    schedule.at(10, lambda: done.append("first"))
    schedule.after(20, lambda: done.append("second"))
    await clock.advance(20)

    assert done == ["first", "second"]
    assert repr(schedule) == "<Schedule 1 pending>"

    await clock.advance(10)
    await schedule.aclose()

    assert done == ["first", "second", "third"]


async def test_what_is_cancelled_is_never_done() -> None:
    """Cancelling twice, or after it was done, is harmless."""
    clock = VirtualClock(now=0)
    schedule = Schedule(clock)
    done: list[str] = []
    early = schedule.at(1, lambda: done.append("early"))
    late = schedule.at(2, lambda: done.append("late"))
    late.cancel()
    late.cancel()
    await clock.advance(5)
    early.cancel()
    late.perform()

    assert done == ["early"]
    assert not early.pending
    assert len(schedule) == 0

    schedule.at(6, lambda: done.append("again"))
    await clock.advance(5)
    await schedule.aclose()

    assert done == ["early", "again"]


async def test_what_is_done_may_enter_more_even_for_a_moment_gone_by() -> None:
    """A deed may call for the next one, and a missed moment is made up for at once."""
    clock = VirtualClock(now=0)
    schedule = Schedule(clock)
    done: list[str] = []

    def first() -> None:
        done.append("first")
        schedule.at(0.5, lambda: done.append("missed"))
        schedule.at(2, lambda: done.append("second"))

    schedule.at(1, first)
    await clock.advance(1)
    await clock.advance(1)
    await schedule.aclose()

    assert done == ["first", "missed", "second"]


async def test_the_cancelled_do_not_pile_up() -> None:
    """Time limits that were never reached leave no trace, however many there were."""
    schedule = Schedule(VirtualClock())
    for _ in range(10_000):
        schedule.after(900, list).cancel()

    assert len(schedule._heap) < 1000
    assert len(schedule) == 0

    await schedule.aclose()


async def test_nothing_is_done_after_closing() -> None:
    """What was entered before is forgotten, and what comes later is never entered."""
    clock = VirtualClock(now=0)
    schedule = Schedule(clock)
    done: list[str] = []
    before = schedule.at(1, lambda: done.append("before"))
    await schedule.aclose()
    schedule.at(2, lambda: done.append("after"))
    before.cancel()
    await clock.advance(5)
    await schedule.aclose()
    await asyncio.sleep(0)

    assert done == []
