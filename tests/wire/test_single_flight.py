"""One look-up for all who ask."""

from __future__ import annotations

import asyncio

import pytest

from aio_sm_async.wire.single_flight import SingleFlight


async def test_many_who_ask_at_once_share_one_look_up() -> None:
    """And who asks later gets what was kept."""
    flight: SingleFlight[str, int] = SingleFlight()
    looked_up: list[str] = []

    async def look_up() -> int:
        looked_up.append("a")
        await asyncio.sleep(0)
        return len(looked_up)

    assert flight.known("a") is None

    values = await asyncio.gather(*(flight.get("a", look_up) for _ in range(10)))

    assert values == [1] * 10
    assert await flight.get("a", look_up) == 1
    assert flight.known("a") == 1


async def test_a_look_up_that_failed_is_tried_again() -> None:
    """A failure is not kept, and neither is a cancellation."""
    flight: SingleFlight[str, int] = SingleFlight()
    outcomes: list[BaseException | int] = [OSError("once"), asyncio.CancelledError(), 7]

    async def look_up() -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    results = await asyncio.gather(*(flight.get("a", look_up) for _ in range(3)), return_exceptions=True)

    assert [OSError, asyncio.CancelledError, int] == [type(result) for result in results]
    with pytest.raises(IndexError):
        outcomes.pop(0)
