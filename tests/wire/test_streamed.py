"""Streams that flow, and streams that hardly drip."""

from __future__ import annotations

from aio_sm_async.wire.streamed import MIN_STREAM_BYTES, Pace


def test_a_stream_that_flows_may_take_as_long_as_it_needs() -> None:
    """Many times its timeout."""
    pace = Pace(30)

    assert not any(pace.is_dripping(10, MIN_STREAM_BYTES // 3 + 1) for _ in range(1000))


def test_a_stream_that_hardly_drips_is_told_after_its_timeout() -> None:
    """Although each chunk is in time."""
    pace = Pace(30)

    assert [pace.is_dripping(10, 1) for _ in range(6)] == [False, False, True, False, False, True]


def test_what_came_long_ago_does_not_count() -> None:
    """Each timeout must bring its share."""
    pace = Pace(30)

    assert [pace.is_dripping(30, MIN_STREAM_BYTES), pace.is_dripping(30, 1)] == [False, True]
