"""What inferences cost, and how their calls are counted."""

from __future__ import annotations

import asyncio
import time

import pytest

from benchmarks.bill import Bill, message_bytes, polled
from benchmarks.cost import INFERENCE_SECONDS, PACES, bill, bills_table, computed, count, document
from benchmarks.server import EMPTY_RECEIVE
from benchmarks.warped_loop import WarpedClock, WarpedLoop, run_warped


def test_a_bill_adds_up() -> None:
    """Empty polls are paid for, but are no calls that did something; SNS and the filter come on top."""
    calls = {"InvokeEndpointAsync": 1.0, "ReceiveMessage": 0.1, EMPTY_RECEIVE: 0.4, "DeleteMessageBatch": 0.1}
    found = Bill(calls, notified=True, uploaded=False, message_bytes=2000)

    assert found.calls_per_inference == pytest.approx(1.2)
    assert found.empty_per_inference == pytest.approx(0.4)
    assert found.own_dollars == pytest.approx(0.6 * 0.40)
    assert found.others_dollars == pytest.approx(0.50 + 0.09 * 2)
    assert found.dollars == pytest.approx(0.24 + 0.68)


def test_an_uploaded_input_is_read_by_sagemaker() -> None:
    """Without SNS nothing is published, and the input's own read is what is left."""
    found = Bill({"PutObject": 1.0}, notified=False, uploaded=True, message_bytes=2000)

    assert found.dollars == pytest.approx(5.40)


def test_polls_of_a_sleeper() -> None:
    """The first look is at once, and the one that finds it comes when it is there, or just after."""
    assert [polled(60, 15), polled(60, 1), polled(59, 15)] == [5, 61, 4]


def test_a_long_notification_is_published_in_pieces_of_64_kb() -> None:
    """SNS counts by 64 KB, and base64 makes a response a third longer."""
    found = bill("ours-inline", {})
    large = Bill({}, notified=True, uploaded=False, message_bytes=message_bytes(102_400, inline=True))

    assert found.message_bytes == 700 + 1368 + 130
    assert large.others_dollars == pytest.approx(3 * 0.50 + 0.09 * large.message_bytes / 1e3)


@pytest.mark.parametrize(("name", "looks"), [("boto3-threads", 61), ("async-predictor", 6)])
def test_sleepers_are_computed(name: str, looks: int) -> None:
    """One upload, one request, and the looks at S3."""
    calls = computed(name)

    assert calls.pop("PutObject") == calls.pop("InvokeEndpointAsync") == 1
    assert sum(calls.values()) == looks


def test_time_is_jumped_over() -> None:
    """An hour of waiting passes at once, on the loop's clock and on the client's."""

    async def main(loop: WarpedLoop) -> tuple[float, float]:
        clock = WarpedClock()
        started, day = loop.time(), clock.utc_now()
        await clock.sleep_until(clock.monotonic() + 1800)
        await asyncio.sleep(1800)
        with pytest.raises(TimeoutError):
            async with clock.timeout_at(clock.monotonic() + 60):
                await asyncio.sleep(3600)
        return loop.time() - started, (clock.utc_now() - day).total_seconds()

    began = time.monotonic()
    passed, told = run_warped(main)

    assert passed == pytest.approx(3660)
    assert told == pytest.approx(3660)
    assert time.monotonic() - began < 30


def test_threads_are_waited_for() -> None:
    """The clock stands still while a worker thread does something."""

    async def main(loop: WarpedLoop) -> float:
        started = loop.time()
        other = loop.call_later(3600, lambda: None)
        await asyncio.to_thread(time.sleep, 0.01)
        other.cancel()
        return loop.time() - started

    assert run_warped(main) == 0


def test_calls_are_counted_on_the_real_client() -> None:
    """One after the other, each is one request, one message and its deletion, whatever waiting takes."""
    calls = run_warped(lambda loop: count("ours-inline", PACES[1], 3, loop))

    assert calls["InvokeEndpointAsync"] == 1
    assert calls["ReceiveMessage"] == 1
    # The last poll may end, or be answered, at the very moment at which the inference does.
    assert calls[EMPTY_RECEIVE] in {INFERENCE_SECONDS // 20 - 1, INFERENCE_SECONDS // 20}


def test_bills_are_told_as_json_and_as_a_table() -> None:
    """Dollars of each contender by pace, and how they compare with the AsyncPredictor's."""
    found = {name: bill(name, computed(name)) for name in ("boto3-threads", "async-predictor")}

    assert document({"busy": found})["busy"]["async-predictor"] == {  # type: ignore[index]
        "calls": {"PutObject": 1, "InvokeEndpointAsync": 1, "HeadObject": 5, "GetObject": 1},
        "dollars_per_million": 7.8,
    }
    assert "| boto3-threads   | 63.00 |" in bills_table(found)
