"""How far a fan-out has come."""

from __future__ import annotations

import logging

import pytest

from aio_sm_async.fanout.progress import FanOutProgress, Tally


def test_each_change_is_told() -> None:
    """The listener gets a snapshot of every change."""
    told: list[FanOutProgress] = []
    tally = Tally(told.append)
    tally.submitted()
    tally.submitted()
    tally.done(was_submitted=True, failed=False)
    tally.done(was_submitted=False, failed=True)
    tally.done(was_submitted=True, failed=False)
    tally.failed_late()

    assert [(1, 1, 0, 0), (2, 2, 0, 0), (2, 1, 1, 0), (2, 1, 2, 1), (2, 0, 3, 1), (2, 0, 3, 2)] == [
        (now.submitted, now.in_flight, now.done, now.failed) for now in told
    ]
    assert told[-1] == tally.now


def test_nobody_needs_to_listen() -> None:
    """Without a listener the numbers can be asked for."""
    tally = Tally(None)
    tally.submitted()

    assert FanOutProgress(submitted=1, in_flight=1, done=0, failed=0) == tally.now


def test_a_listener_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A listener that raises is logged and called no more; the counting goes on."""
    calls: list[FanOutProgress] = []

    def broken(now: FanOutProgress) -> None:
        calls.append(now)
        raise RuntimeError("the bar is broken")

    tally = Tally(broken)
    with caplog.at_level(logging.ERROR, "aio_sm_async"):
        tally.submitted()
        tally.submitted()

    assert (1, 1, 2) == (len(calls), len(caplog.records), tally.now.submitted)


def test_closing(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever shows the numbers is told once that it is over; if that fails, it is logged."""
    closed: list[str] = []
    tally = Tally(None, lambda: closed.append("x"))
    tally.close()
    tally.close()
    Tally(None).close()
    with caplog.at_level(logging.ERROR, "aio_sm_async"):
        Tally(None, lambda: 1 // 0).close()

    assert (["x"], 1) == (closed, len(caplog.records))
