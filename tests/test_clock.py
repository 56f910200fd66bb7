"""The machine's time, and a time that tests move."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from aio_sm_async.clock import Clock, SystemClock, VirtualClock

CLOCKS: list[type[SystemClock | VirtualClock]] = [SystemClock, VirtualClock]


class TestEitherClock:
    """What holds on every clock."""

    @pytest.mark.parametrize("kind", CLOCKS)
    async def test_a_moment_that_has_passed_is_not_slept_for(self, kind: type[Clock]) -> None:
        """Sleeping until now returns at once, yet lets other tasks run first."""
        clock, ran = kind(), []
        other = asyncio.create_task(asyncio.sleep(0))
        other.add_done_callback(ran.append)
        await clock.sleep_until(clock.monotonic() - 5)
        await other

        assert ran == [other]

    @pytest.mark.parametrize("kind", CLOCKS)
    async def test_a_timeout_that_has_passed_goes_off(self, kind: type[Clock]) -> None:
        """Its body is cancelled at its first wait, and TimeoutError is raised outside."""
        clock = kind()

        with pytest.raises(TimeoutError):
            async with clock.timeout_at(clock.monotonic() - 1):
                await asyncio.Event().wait()

    @pytest.mark.parametrize("kind", CLOCKS)
    async def test_a_timeout_without_a_moment_never_goes_off(self, kind: type[Clock]) -> None:
        """None means for ever."""
        async with kind().timeout_at(None):
            await asyncio.sleep(0)

    @pytest.mark.parametrize("kind", CLOCKS)
    def test_the_wall_clock_is_aware_and_in_utc(self, kind: type[Clock]) -> None:
        """Nobody has to guess a time zone."""
        assert kind().utc_now().tzinfo is UTC


class TestSystemClock:
    """The machine's own."""

    async def test_it_keeps_the_loops_time(self) -> None:
        """A deadline of this clock is one of the running loop's, so that both agree on what is over."""
        before = asyncio.get_running_loop().time()
        now = SystemClock().monotonic()

        assert before <= now <= asyncio.get_running_loop().time()

    async def test_it_sleeps(self) -> None:
        """It returns no sooner than asked."""
        clock = SystemClock()
        when = clock.monotonic() + 0.01
        await clock.sleep_until(when)

        assert clock.monotonic() >= when

    async def test_a_timeout_leaves_a_quick_body_alone(self) -> None:
        """What ends in time has nothing to do with it."""
        clock = SystemClock()
        async with clock.timeout_at(clock.monotonic() + 60):
            done = True

        assert done
        assert abs((clock.utc_now() - datetime.fromtimestamp(time.time(), UTC)).total_seconds()) < 60


class TestVirtualClock:
    """It stands still until it is moved."""

    async def test_it_stands_still(self) -> None:
        """Real time has no influence."""
        clock = VirtualClock(5.0)
        await asyncio.sleep(0.001)

        assert clock.monotonic() == 5.0
        assert repr(clock) == "<VirtualClock 5.000, 0 alarms>"

    async def test_the_wall_clock_moves_along(self) -> None:
        """Both clocks advance by the same seconds, whatever the wall clock said to begin with."""
        clock = VirtualClock(utc=datetime(2030, 5, 1, tzinfo=UTC))
        before = clock.monotonic()
        await clock.advance(90.5)

        assert clock.utc_now() == datetime(2030, 5, 1, tzinfo=UTC) + timedelta(seconds=90.5)
        assert clock.monotonic() == before + 90.5

    async def test_sleepers_wake_in_order_each_at_its_own_moment(self) -> None:
        """One long step is as good as many small ones: nobody sees a time other than his own."""
        clock, woken = VirtualClock(0.0), []

        async def sleeper(name: str, when: float) -> None:
            await clock.sleep_until(when)
            woken.append((name, clock.monotonic()))

        tasks = [
            asyncio.create_task(sleeper(name, when))
            for name, when in (("last", 9.0), ("first", 1.0), ("second", 4.0), ("with it", 4.0))
        ]
        await clock.advance(8.0)

        assert woken == [("first", 1.0), ("second", 4.0), ("with it", 4.0)]
        await clock.advance(1.0)
        await asyncio.gather(*tasks)
        assert woken[-1] == ("last", 9.0)

    async def test_who_sleeps_again_is_woken_again_in_the_same_step(self) -> None:
        """A loop that ticks once a second ticks five times in five seconds."""
        clock, ticks = VirtualClock(0.0), []

        async def tick() -> None:
            while len(ticks) < 5:
                await clock.sleep_until(clock.monotonic() + 1)
                ticks.append(clock.monotonic())

        ticking = asyncio.create_task(tick())
        await clock.advance(5.0)
        await ticking

        assert ticks == [1.0, 2.0, 3.0, 4.0, 5.0]

    async def test_a_cancelled_sleeper_is_not_missed(self) -> None:
        """Its alarm rings for nobody."""
        clock = VirtualClock(0.0)
        sleeping = asyncio.create_task(clock.sleep_until(5.0))
        await clock.advance(1.0)
        sleeping.cancel()
        await clock.advance(10.0)

        assert sleeping.cancelled()

    async def test_a_timeout_goes_off_at_its_moment(self) -> None:
        """Not before; the body is cancelled, and outside it is a TimeoutError."""
        clock = VirtualClock(0.0)

        async def impatient() -> float:
            try:
                async with clock.timeout_at(5.0):
                    await asyncio.Event().wait()
            except TimeoutError:
                pass
            return clock.monotonic()

        waiting = asyncio.create_task(impatient())
        await clock.advance(4.9)

        assert not waiting.done()
        await clock.advance(10.0)
        assert await waiting == 5.0

    async def test_a_timeout_whose_body_has_ended_does_nothing(self) -> None:
        """What follows the body is not hit when its moment comes."""
        clock = VirtualClock(0.0)

        async def quick() -> str:
            async with clock.timeout_at(5.0):
                await clock.sleep_until(1.0)
            await clock.sleep_until(9.0)
            return "untouched"

        running = asyncio.create_task(quick())
        await clock.advance(10.0)

        assert await running == "untouched"

    async def test_a_timeout_does_not_hide_a_cancel(self) -> None:
        """A body that is cancelled from outside ends as cancelled, not as timed out."""
        clock = VirtualClock(0.0)

        async def patient() -> None:
            async with clock.timeout_at(5.0):
                await asyncio.Event().wait()

        waiting = asyncio.create_task(patient())
        await clock.advance(1.0)
        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
