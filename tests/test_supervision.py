"""The client's own set of tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.supervision import Supervisor


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def supervisor(clock: VirtualClock) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(clock)
    yield supervisor
    await supervisor.aclose()


class Pump:
    """Runs for ever, after it has died as often as it is told to.

    Attributes:
        starts: When it was started.
        lives: How long it lives before each death.
    """

    def __init__(self, clock: VirtualClock, *deaths: BaseException | None, lives: float = 0.0) -> None:
        self.starts: list[float] = []
        self.lives = lives
        self._clock = clock
        self._deaths = list(deaths)

    async def __call__(self) -> None:
        self.starts.append(self._clock.monotonic())
        if not self._deaths:
            await asyncio.Event().wait()
        if self.lives:
            await self._clock.sleep_until(self._clock.monotonic() + self.lives)
        death = self._deaths.pop(0)
        if death is not None:
            raise death

    @property
    def pauses(self) -> list[float]:
        ends = [start + self.lives for start in self.starts]
        return [start - end for start, end in zip(self.starts[1:], ends, strict=False)]


async def test_a_task_runs_beside_everything_else(supervisor: Supervisor) -> None:
    """It has its name, and is forgotten once it has ended."""
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    task = supervisor.spawn(work(), name="errand")
    seen = repr(supervisor)
    await task

    assert done.is_set()
    assert "errand" == task.get_name()
    assert "<Supervisor 1 tasks, 0 restarts>" == seen
    assert "<Supervisor 0 tasks, 0 restarts>" == repr(supervisor)


async def test_a_task_that_fails_is_told_of(supervisor: Supervisor, caplog: pytest.LogCaptureFixture) -> None:
    """Its error stands in the log with its name, and is not "never retrieved"."""

    async def work() -> None:
        raise RuntimeError("broken")

    task = supervisor.spawn(work(), name="errand")
    await asyncio.wait([task])
    await asyncio.sleep(0)

    assert [("aio_sm_async", logging.ERROR, "errand failed")] == caplog.record_tuples
    assert "RuntimeError: broken" in caplog.text


async def test_a_task_that_was_cancelled_is_no_failure(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever cancelled it knows."""
    task = supervisor.spawn(asyncio.Event().wait(), name="errand")  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)

    assert [] == caplog.record_tuples


async def test_a_pump_that_dies_is_started_anew(
    supervisor: Supervisor, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The death is counted, and logged with its cause."""
    pump = Pump(clock, RuntimeError("broken"))
    supervisor.keep_running(pump, name="sqs poller")
    await clock.advance(1)

    assert 2 == len(pump.starts)
    assert 1 == supervisor.restarts
    assert "sqs poller died and is started anew" in caplog.messages
    assert "RuntimeError: broken" in caplog.text


async def test_a_pump_that_ends_is_started_anew_too(
    supervisor: Supervisor, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A pump has no end; one that returns is as dead as one that raises."""
    pump = Pump(clock, None)
    supervisor.keep_running(pump, name="sqs poller")
    await clock.advance(1)

    assert 2 == len(pump.starts)
    assert ["sqs poller ended though it should not, and is started anew"] == caplog.messages


async def test_a_pump_survives_a_cancel_that_was_not_meant_for_it(
    supervisor: Supervisor, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It waited for a task that somebody else cancelled: its own work goes on."""
    pump = Pump(clock, asyncio.CancelledError())
    supervisor.keep_running(pump, name="sqs poller")
    await clock.advance(1)

    assert 2 == len(pump.starts)
    assert 1 == supervisor.restarts
    assert "sqs poller waited for something that was cancelled, and is started anew" in caplog.messages


async def test_deaths_in_a_row_are_answered_ever_later(supervisor: Supervisor, clock: VirtualClock) -> None:
    """A pump that cannot live does not burn the processor; the pause doubles, up to half a minute."""
    pump = Pump(clock, *[RuntimeError("broken")] * 12)
    supervisor.keep_running(pump, name="poller")
    await clock.advance(300)

    assert pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30], rel=0.01) == pump.pauses


async def test_a_pump_that_lived_long_is_started_anew_quickly(
    supervisor: Supervisor, clock: VirtualClock
) -> None:
    """A death an hour after the last one is a first death."""
    pump = Pump(clock, *[RuntimeError("broken")] * 5, lives=3600.0)
    supervisor.keep_running(pump, name="poller")
    await clock.advance(6 * 3601)

    assert pytest.approx([0.1] * 5, rel=0.01) == pump.pauses


async def test_closing_ends_all(clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> None:
    """Errands, pumps and pumps that pause are over when it returns, and nothing is logged of it."""
    supervisor = Supervisor(clock)
    errand = supervisor.spawn(asyncio.Event().wait(), name="errand")  # type: ignore[arg-type]
    running, pausing = Pump(clock), Pump(clock, None)
    supervisor.keep_running(running, name="running")
    supervisor.keep_running(pausing, name="pausing")
    await clock.advance(0)
    caplog.clear()
    await supervisor.aclose()
    await clock.advance(60)

    assert errand.cancelled()
    assert 1 == len(pausing.starts)
    assert "<Supervisor 0 tasks, 1 restarts>" == repr(supervisor)
    assert [] == caplog.messages


async def test_closing_ends_what_has_not_begun(clock: VirtualClock) -> None:
    """A task that had no turn yet never gets one."""
    supervisor = Supervisor(clock)
    begun: list[str] = []

    async def work() -> None:
        begun.append("work")

    task = supervisor.spawn(work(), name="errand")
    await supervisor.aclose()

    assert task.cancelled()
    assert [] == begun


async def test_closing_ends_what_is_started_while_it_closes(clock: VirtualClock) -> None:
    """A task that starts another on its way out leaves nothing behind."""
    supervisor = Supervisor(clock)
    late: list[asyncio.Task[None]] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            late.append(supervisor.spawn(asyncio.Event().wait(), name="late"))  # type: ignore[arg-type]

    supervisor.spawn(work(), name="errand")
    await asyncio.sleep(0)
    await supervisor.aclose()

    assert [True] == [task.cancelled() for task in late]


async def test_closing_waits_for_clean_up(clock: VirtualClock) -> None:
    """A task may take its time to end; closing is over when it has."""
    supervisor = Supervisor(clock)
    cleaned = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await clock.sleep_until(clock.monotonic() + 1)
            cleaned.set()

    supervisor.spawn(work(), name="errand")
    await asyncio.sleep(0)
    closing = asyncio.create_task(supervisor.aclose())
    await clock.advance(0.5)
    was_done = closing.done()
    await clock.advance(0.5)
    await closing

    assert not was_done
    assert cleaned.is_set()


async def test_closing_twice_is_fine(clock: VirtualClock) -> None:
    """The second time there is nothing to end."""
    supervisor = Supervisor(clock)
    supervisor.keep_running(Pump(clock), name="pump")
    await supervisor.aclose()
    await supervisor.aclose()

    assert "<Supervisor 0 tasks, 0 restarts>" == repr(supervisor)


async def test_an_error_while_it_closes_is_told_of(
    clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Clean-up that fails does not keep the others from ending, and does not go unheard."""
    supervisor = Supervisor(clock)

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("clean-up failed")

    supervisor.spawn(work(), name="errand")
    other = supervisor.spawn(asyncio.Event().wait(), name="other")  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await supervisor.aclose()

    assert ["errand failed"] == caplog.messages
    assert other.cancelled()
