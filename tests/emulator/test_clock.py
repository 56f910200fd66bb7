from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aio_sm_async.emulator.clock import SystemClock


async def test_system_clock():
    """The machine's clock tells both times, and sleeps no longer than until the time that it is given."""
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep_until(before - 1)
    await clock.sleep_until(before + 0.001)

    assert before + 0.001 <= clock.monotonic() < before + 5
    assert timedelta(seconds=5) > abs(datetime.now(UTC) - clock.utc_now())
