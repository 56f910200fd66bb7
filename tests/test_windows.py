"""The windows that every invocation passes before it is sent."""

from __future__ import annotations

import asyncio

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.errors import ClientClosedError
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.windows import Windows


def invocation(endpoint_name: str = "e") -> Invocation:
    return Invocation("id", endpoint_name, 100.0)


def closed() -> ClientClosedError:
    return ClientClosedError("closed")


class Stage:
    """Windows, and invocations that wait for them in tasks of their own."""

    def __init__(self, *, start: int = 2, max_in_flight: int = 100) -> None:
        self.clock = VirtualClock(0.0)
        self.windows = Windows(max_in_flight, self.clock, start=start)
        self.inside: list[Invocation] = []

    def send(
        self, count: int, endpoint_name: str = "e", ttl: float | None = 60.0
    ) -> list[asyncio.Task[Invocation]]:
        return [asyncio.create_task(self._enter(endpoint_name, ttl)) for _ in range(count)]

    async def _enter(self, endpoint_name: str, ttl: float | None) -> Invocation:
        entering = invocation(endpoint_name)
        await self.windows.acquire(entering, ttl)
        self.inside.append(entering)
        return entering

    async def settle(self) -> int:
        """How many are inside once nothing moves any more."""
        for _ in range(5):
            await asyncio.sleep(0)
        return len(self.inside)

    def answer(self, count: int = 1) -> None:
        for answered in self.inside[:count]:
            self.windows.drained(answered)
            self.windows.release(answered)
        del self.inside[:count]

    async def end(self, *sent: list[asyncio.Task[Invocation]]) -> None:
        tasks = [task for each in sent for task in each]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_endpoint_has_its_own() -> None:
    """One that is full holds up none for another."""
    stage = Stage()
    sent = stage.send(3), stage.send(1, "f")

    assert 3 == await stage.settle()
    assert {"e": 2, "f": 2} == stage.windows.limits
    assert "<EndpointWindow 2 of 2, 1 waiting>" in repr(stage.windows)
    await stage.end(*sent)


async def test_answers_open_it() -> None:
    """Two answers in 5 s let so many in as come back in a fifth of the TTL and the time of one."""
    stage = Stage()
    sent = stage.send(20)
    await stage.settle()
    await stage.clock.advance(5.0)
    stage.answer(2)

    assert 7 == await stage.settle()
    assert {"e": 7} == stage.windows.limits  # 2 / 5 s * (12 s + 5 s)
    await stage.end(sent)


async def test_room_without_an_answer_proves_nothing() -> None:
    """A request that was abandoned lets in one other, no more."""
    stage = Stage()
    sent = stage.send(20)
    await stage.settle()
    await stage.clock.advance(5.0)
    stage.windows.release(stage.inside.pop())

    assert 2 == await stage.settle()
    assert {"e": 2} == stage.windows.limits
    await stage.end(sent)


async def test_first_come_first_served() -> None:
    """A request with a long TTL does not overtake one that waits because its TTL is short."""
    stage = Stage(start=1)
    first = stage.send(1)
    await stage.settle()
    await stage.clock.advance(60.0)
    stage.answer()
    await stage.settle()
    two, short, long = stage.send(2), stage.send(1), stage.send(1, ttl=None)

    assert 2 == await stage.settle()  # 1 / 60 s * (12 s + 60 s)
    assert not long[0].done()
    stage.windows.release(stage.inside.pop())
    await stage.settle()
    assert short[0].done()
    assert long[0].done()
    await stage.end(first, two, short, long)


async def test_who_gives_up_lets_those_behind_pass() -> None:
    """The head of the line had a short TTL; the next is content with the room that there is."""
    stage = Stage(start=1)
    first = stage.send(1)
    await stage.settle()
    await stage.clock.advance(60.0)
    stage.answer()
    inside, short, long = stage.send(2), stage.send(1), stage.send(1, ttl=None)
    await stage.settle()
    short[0].cancel()
    await stage.settle()

    assert long[0].done()
    await stage.end(first, inside, short, long)


async def test_who_gives_up_behind_others_is_forgotten() -> None:
    """An endpoint that answers nothing does not gather those who have left."""
    stage = Stage(start=1)
    first, waiting, leaving = stage.send(1), stage.send(1), stage.send(3)
    await stage.settle()
    for task in leaving:
        task.cancel()
    await stage.settle()

    assert "<EndpointWindow 1 of 1, 1 waiting>" in repr(stage.windows)
    await stage.end(first, waiting, leaving)


async def test_room_given_in_the_moment_of_a_cancel_is_passed_on() -> None:
    """It was let in and cancelled in one step: its room goes to the next."""
    stage = Stage(start=1)
    sent = stage.send(3)
    await stage.settle()
    stage.windows.release(stage.inside.pop())
    sent[1].cancel()

    assert 1 == await stage.settle()
    assert sent[2].done()
    await stage.end(sent)


async def test_a_cancelled_one_that_waits_for_the_client_gives_its_room_back() -> None:
    """The place at its endpoint is free again."""
    stage = Stage(start=2, max_in_flight=1)
    sent = stage.send(2)
    await stage.settle()
    sent[1].cancel()
    await stage.settle()

    assert "<EndpointWindow 1 of 2, 0 waiting>" in repr(stage.windows)
    assert {"e": 1} == stage.windows.limits  # no more than the client's own
    await stage.end(sent)


async def test_what_is_in_flight_already_comes_in() -> None:
    """It takes room, frees it when it ends, and tells nothing of the rate: nobody knows when it was sent."""
    stage = Stage(start=1)
    adopted = [invocation() for _ in range(3)]
    for each in adopted:
        stage.windows.enter_nowait(each)
    sent = stage.send(1)
    await stage.clock.advance(1.0)
    for each in adopted[:2]:
        stage.windows.drained(each)
        stage.windows.release(each)

    assert 0 == await stage.settle()
    assert {"e": 1} == stage.windows.limits
    stage.windows.release(adopted[2])
    assert 1 == await stage.settle()
    await stage.end(sent)


async def test_a_stranger_is_ignored() -> None:
    """What never came in cannot be answered."""
    stage = Stage()
    stage.windows.drained(invocation())

    assert {} == stage.windows.limits


async def test_closing_turns_away_who_waits_and_who_comes() -> None:
    """Each gets an error of its own; who is inside may still leave."""
    stage = Stage(start=1, max_in_flight=1)
    sent, other = stage.send(2), stage.send(1, "f")
    await stage.settle()
    sent.extend(stage.send(1))
    sent[2].cancel()
    stage.windows.close(closed)
    late = stage.send(1)
    await stage.settle()

    for task in (sent[1], *other, *late):
        assert isinstance(task.exception(), ClientClosedError)
    with pytest.raises(ClientClosedError):
        stage.windows.enter_nowait(invocation())
    stage.windows.release(stage.inside.pop())


async def test_what_holds_it() -> None:
    """The words name the limit that is in the way, and what to do."""
    stage = Stage(start=1, max_in_flight=2)
    sent = stage.send(1), stage.send(2, "f")
    await stage.settle()

    assert stage.windows.holding("e").startswith("e may hold 1 at its rate")
    assert stage.windows.holding("g").startswith("max_in_flight=2 were in flight")
    await stage.end(*sent)
