"""Gates, and the permits that throttling lowers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aio_sm_async.clock import VirtualClock
from aio_sm_async.errors import ClientClosedError
from aio_sm_async.flow import Gate, Quiet, SubmitPermits
from aio_sm_async.protocol.even_rate import EvenRate


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Visitor:
    """Someone who goes through a gate, and stays until told to leave."""

    def __init__(self, gate: Gate) -> None:
        self.is_inside = False
        self._may_leave = asyncio.Event()
        self.task = asyncio.create_task(self._visit(gate))

    async def _visit(self, gate: Gate) -> None:
        async with gate:
            self.is_inside = True
            try:
                await self._may_leave.wait()
            finally:
                self.is_inside = False

    def leave(self) -> None:
        self._may_leave.set()


def inside(visitors: list[Visitor]) -> list[int]:
    return [number for number, visitor in enumerate(visitors) if visitor.is_inside]


async def send_home(visitors: list[Visitor]) -> None:
    for visitor in visitors:
        visitor.task.cancel()
    await asyncio.gather(*(visitor.task for visitor in visitors), return_exceptions=True)


class TestGate:
    """A semaphore whose limit may change while it is in use."""

    async def test_first_come_first_served(self) -> None:
        """Whoever leaves lets in the one who has waited longest."""
        gate = Gate(2)
        visitors = [Visitor(gate) for _ in range(5)]
        await settle()

        assert inside(visitors) == [0, 1]
        assert repr(gate) == "<Gate 2 of 2 inside, 3 waiting>"
        visitors[1].leave()
        await settle()
        assert inside(visitors) == [0, 2]
        assert (gate.inside, gate.limit) == (2, 2)
        await send_home(visitors)
        assert gate.inside == 0

    async def test_nobody_overtakes_who_waits(self) -> None:
        """Room that was given to a waiter is not taken by a newcomer, even before the waiter has run."""
        gate = Gate(1)
        await gate.acquire()
        waiting = asyncio.create_task(gate.acquire())
        await settle()
        gate.release()
        newcomer = asyncio.create_task(gate.acquire())
        await settle()

        assert waiting.done()
        assert not newcomer.done()
        gate.release()
        await newcomer

    async def test_a_raised_limit_lets_in_at_once(self) -> None:
        """As many as there is room for now, no more."""
        gate = Gate(1)
        visitors = [Visitor(gate) for _ in range(5)]
        await settle()
        gate.limit = 3
        await settle()

        assert inside(visitors) == [0, 1, 2]
        await send_home(visitors)

    async def test_a_lowered_limit_sends_nobody_out(self) -> None:
        """It lets nobody in until enough have left."""
        gate = Gate(3)
        visitors = [Visitor(gate) for _ in range(5)]
        await settle()
        gate.limit = 1
        visitors[0].leave()
        visitors[1].leave()
        await settle()

        assert inside(visitors) == [2]
        visitors[2].leave()
        await settle()
        assert inside(visitors) == [3]
        await send_home(visitors)

    async def test_a_cancelled_waiter_takes_no_room(self) -> None:
        """The next one has its turn."""
        gate = Gate(1)
        visitors = [Visitor(gate) for _ in range(3)]
        await settle()
        visitors[1].task.cancel()
        visitors[0].leave()
        await settle()

        assert inside(visitors) == [2]
        await send_home(visitors)

    async def test_room_given_in_the_moment_of_a_cancel_is_passed_on(self) -> None:
        """The waiter was let in and cancelled in one step: its room goes to the next."""
        gate = Gate(1)
        visitors = [Visitor(gate) for _ in range(3)]
        await settle()
        visitors[0].leave()
        await asyncio.sleep(0)  # it has left, and room was given to the next, who has not run since
        gave_room = gate.inside == 1 and not visitors[1].is_inside
        visitors[1].task.cancel()
        await settle()

        assert gave_room
        assert inside(visitors) == [2]
        await send_home(visitors)
        assert gate.inside == 0

    async def test_a_closed_gate_lets_nobody_in(self) -> None:
        """Who waits and who comes gets an error, each one of its own; who is inside may leave."""
        gate = Gate(1)
        visitors = [Visitor(gate) for _ in range(3)]
        await settle()
        visitors[1].task.cancel()
        gate.close(lambda: ClientClosedError("the client is closed; open a new one"))
        await settle()
        waited = visitors[2].task.exception()

        with pytest.raises(ClientClosedError) as came:
            await gate.acquire()
        assert isinstance(waited, ClientClosedError)
        assert waited is not came.value
        assert visitors[1].task.cancelled()
        visitors[0].leave()
        await visitors[0].task
        assert gate.inside == 0

    async def test_a_close_in_the_moment_of_a_cancel(self) -> None:
        """The waiter ends as cancelled, its error is not reported as never retrieved, and no room is lost."""
        gate = Gate(1)
        visitors = [Visitor(gate) for _ in range(2)]
        await settle()
        gate.close(lambda: ClientClosedError("the client is closed; open a new one"))
        visitors[1].task.cancel()
        await settle()

        assert visitors[1].task.cancelled()
        assert gate.inside == 1
        await send_home(visitors)


DEEDS = st.lists(
    st.one_of(
        st.just(("come", 0)),
        st.tuples(st.sampled_from(["leave", "cancel"]), st.integers(0, 9)),
        st.tuples(st.just("limit"), st.integers(1, 4)),
        st.just(("step", 0)),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(st.integers(1, 3), DEEDS)
def test_no_room_is_lost_or_given_twice(limit: int, deeds: list[tuple[str, int]]) -> None:
    """Whoever comes, leaves, is cancelled, in whatever step: the limit holds, and all are let in in turn."""

    async def play() -> None:
        gate, visitors, highest = Gate(limit), list[Visitor](), limit
        for deed, number in deeds:
            match deed:
                case "come":
                    visitors.append(Visitor(gate))
                case "leave" if visitors:
                    visitors[number % len(visitors)].leave()
                case "cancel" if visitors:
                    visitors[number % len(visitors)].task.cancel()
                case "limit":
                    gate.limit = number
                    highest = max(number, len(inside(visitors)))
                case "step":
                    await asyncio.sleep(0)
            assert len(inside(visitors)) <= gate.inside <= max(highest, limit)
        await settle()
        here = [visitor for visitor in visitors if not visitor.task.done()]

        assert inside(here) == list(range(len(inside(here))))  # those who came first
        assert len(inside(here)) >= min(gate.limit, len(here))
        await send_home(visitors)
        assert gate.inside == 0

    asyncio.run(play())


class TestQuiet:
    """Waits until everybody who entered has left."""

    async def test_with_nobody_inside_it_is_quiet(self) -> None:
        """There is nothing to wait for."""
        await Quiet().wait()

    async def test_it_waits_for_the_last(self) -> None:
        """Not for the first to leave, and again if somebody enters again."""
        quiet = Quiet()
        quiet.enter()
        with quiet:
            waiting = asyncio.create_task(quiet.wait())
            await settle()
        await settle()

        assert not waiting.done()
        quiet.leave()
        await waiting


class Server:
    """Refuses everything for a while, takes ten milliseconds for each request, and counts."""

    def __init__(self, clock: VirtualClock, *, refuses_for: float) -> None:
        self.calls = 0
        self._clock = clock
        self._opens_at = clock.monotonic() + refuses_for

    async def accepts(self) -> bool:
        self.calls += 1
        await self._clock.sleep_until(self._clock.monotonic() + 0.01)
        return self._clock.monotonic() >= self._opens_at


async def submit(permits: SubmitPermits, server: Server, dice: Callable[[], float]) -> None:
    while True:
        async with permits:
            if await server.accepts():
                permits.succeeded()
                return
            permits.refused(dice())


class TestSubmitPermits:
    """The semaphore that every request to SageMaker passes."""

    @pytest.mark.parametrize("dice", [0.0, 0.5, 0.999])
    def test_a_refused_burst_is_not_amplified(self, dice: float) -> None:
        """2,000 requests at a server that refuses all for 5 s cost 1.2 times 2,000 calls at most."""

        async def play() -> tuple[int, int, SubmitPermits]:
            clock = VirtualClock()
            permits, server = SubmitPermits(64, clock), Server(clock, refuses_for=5.0)
            submitting = [asyncio.create_task(submit(permits, server, lambda: dice)) for _ in range(2000)]
            lowest = permits.limit
            while not all(task.done() for task in submitting):
                await clock.advance(0.1)
                lowest = min(lowest, permits.limit)
            return server.calls, lowest, permits

        calls, lowest, permits = asyncio.run(play())  # asyncio's debug mode would take twenty seconds for it

        assert calls <= 1.2 * 2000
        assert lowest < 16
        assert permits.limit > lowest
        assert permits.open == 0

    async def test_while_it_pauses_nobody_is_sent(self) -> None:
        """One refusal makes all wait, those who come later too, until the pause is over."""
        clock = VirtualClock(0.0)
        permits, server = SubmitPermits(4, clock), Server(clock, refuses_for=0.01)
        async with permits:
            permits.refused(0.0)
        submitting = [asyncio.create_task(submit(permits, server, lambda: 0.0)) for _ in range(2)]
        await clock.advance(0.149)
        before = server.calls
        await clock.advance(0.02)

        assert (before, server.calls) == (0, 2)
        assert repr(permits) == "<SubmitPermits 0 of 3 open>"  # two were accepted, so three may be
        await asyncio.gather(*submitting)

    async def test_refusals_of_one_burst_count_once(self) -> None:
        """Those that were under way when the first was refused lengthen no pause, and halve nothing twice."""
        clock = VirtualClock(0.0)
        permits = SubmitPermits(64, clock)
        for _ in range(64):
            permits.refused(0.5)
        entering = asyncio.create_task(permits.__aenter__())
        await clock.advance(0.18)

        assert entering.done()
        assert permits.limit == 32
        await permits.__aexit__()

    async def test_pauses_grow_until_something_is_accepted(self) -> None:
        """Each refusal after a pause lengthens the next, however the dice fall; a success begins anew."""
        clock, pauses = VirtualClock(0.0), []
        permits = SubmitPermits(1, clock)

        async def pause() -> float:
            before = clock.monotonic()
            permits.refused(0.5)
            async with permits:
                return clock.monotonic() - before

        for is_success in (False, False, True, False):
            if is_success:
                permits.succeeded()
            pausing = asyncio.create_task(pause())
            await clock.advance(5.0)
            pauses.append(round(await pausing, 3))

        assert pauses == [0.175, 0.25, 0.175, 0.25]

    async def test_who_is_cancelled_in_a_pause_gives_its_permit_back(self) -> None:
        """A cancelled submit leaves room for the next."""
        clock = VirtualClock(0.0)
        permits = SubmitPermits(1, clock)
        permits.refused(0.0)
        entering = asyncio.create_task(permits.__aenter__())
        await settle()
        held = permits.open
        entering.cancel()
        await settle()

        assert (held, permits.open) == (1, 0)

    async def test_hope_ends_only_after_nothing_but_refusals(self) -> None:
        """Refusals for the whole time end it; any other answer brings it back."""
        clock, seen = VirtualClock(0.0), []
        permits = SubmitPermits(4, clock, patience_seconds=10.0)
        seen.append(permits.is_hopeless)
        for _ in range(3):
            permits.refused(0.5)
            seen.append(permits.is_hopeless)
            await clock.advance(5.0)
        permits.answered()
        seen.append(permits.is_hopeless)

        assert [False, False, False, True, False] == seen


class TestRate:
    """So many requests a second, however many there are permits for."""

    @staticmethod
    async def _enter(permits: SubmitPermits, clock: VirtualClock, times: list[float]) -> None:
        async with permits:
            times.append(round(clock.monotonic(), 2))

    async def test_requests_begin_evenly(self) -> None:
        """Four a second: a quarter of a second apart, but for what the first had saved up."""
        clock, times = VirtualClock(0.0), []
        permits = SubmitPermits(64, clock, rate=EvenRate(4.0))
        entering = [asyncio.create_task(self._enter(permits, clock, times)) for _ in range(5)]
        await clock.advance(1.0)
        await asyncio.gather(*entering)

        assert [0.0, 0.15, 0.4, 0.65, 0.9] == times

    async def test_after_a_pause_they_do_not_come_all_at_once(self) -> None:
        """Turns that passed during a pause are not made up for."""
        clock, times = VirtualClock(0.0), []
        permits = SubmitPermits(64, clock, rate=EvenRate(4.0))
        async with permits:
            permits.refused(0.5)
        await clock.advance(0.1)
        entering = [asyncio.create_task(self._enter(permits, clock, times)) for _ in range(3)]
        await clock.advance(1.0)
        await asyncio.gather(*entering)

        assert [0.18, 0.4, 0.65] == times

    async def test_who_is_cancelled_takes_no_turn(self) -> None:
        """The next has it, and the permit is free."""
        clock, times = VirtualClock(0.0), []
        permits = SubmitPermits(64, clock, rate=EvenRate(1.0))
        entering = [asyncio.create_task(self._enter(permits, clock, times)) for _ in range(3)]
        await settle()
        entering[1].cancel()
        await clock.advance(1.0)
        await asyncio.gather(*entering, return_exceptions=True)

        assert [0.0, 0.9] == times
        assert 0 == permits.open


async def test_who_cannot_be_kept_outside_comes_in() -> None:
    """Entering without waiting takes room that others must then wait for, and is refused once closed."""
    gate = Gate(1)
    gate.enter_nowait()
    gate.enter_nowait()
    visitor = Visitor(gate)
    await settle()
    gate.release()
    await settle()

    assert 1 == gate.inside
    assert not visitor.is_inside

    gate.release()
    await settle()

    assert visitor.is_inside

    gate.close(lambda: ClientClosedError("closed"))
    with pytest.raises(ClientClosedError):
        gate.enter_nowait()
    await send_home([visitor])
