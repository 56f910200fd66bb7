"""Acknowledgements and releases on their way to SQS."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.clock import VirtualClock
from aio_sm_async.completions.outbox import BATCH_ENTRIES, MAX_ATTEMPTS, Outbox
from aio_sm_async.errors import NotSentError
from aio_sm_async.wire.queue import BatchFailure

LINGER_SECONDS = 0.5


@dataclass
class Queue:
    """Takes batches, and refuses what it is told to.

    Attributes:
        batches: What was sent, in order.
        answers: What becomes of the next batches: an error, or a code for each handle that is refused.
        gate: Calls wait for it where it is set.
    """

    batches: list[tuple[str, ...]] = field(default_factory=list)
    answers: list[Exception | dict[str, bool]] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def send(self, entries: Sequence[str]) -> list[BatchFailure]:
        self.batches.append(tuple(entries))
        answer = self.answers.pop(0) if self.answers else {}
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return [
            BatchFailure(entry, "Refused", "no", sender_fault=answer[entry])
            for entry in entries
            if entry in answer
        ]


def outbox_to(queue: Queue, clock: VirtualClock) -> Outbox[str]:
    return Outbox(queue.send, lambda entry: entry, clock, linger_seconds=LINGER_SECONDS)


def handles(count: int) -> list[str]:
    return [f"receipt-{number}" for number in range(count)]


@asynccontextmanager
async def pumping(outbox: Outbox[str], clock: VirtualClock) -> AsyncIterator[None]:
    pump = asyncio.create_task(outbox.pump())
    await clock.advance(0)
    yield
    pump.cancel()
    await asyncio.wait([pump])

    assert pump.cancelled()


async def test_ten_are_sent_at_once() -> None:
    """A full batch waits for nobody."""
    clock, queue = VirtualClock(), Queue()
    outbox = outbox_to(queue, clock)
    async with pumping(outbox, clock):
        for handle in handles(10):
            outbox.put(handle)
        await clock.advance(0)

        assert [tuple(handles(10))] == queue.batches
        assert len(outbox) == 0


async def test_few_wait_a_moment_for_company() -> None:
    """A smaller batch goes when the first of it has waited long enough, and not before."""
    clock, queue = VirtualClock(), Queue()
    outbox = outbox_to(queue, clock)
    async with pumping(outbox, clock):
        outbox.put("first")
        await clock.advance(LINGER_SECONDS * 0.9)
        outbox.put("second")
        sent_early = list(queue.batches)
        await clock.advance(LINGER_SECONDS * 0.1)

        assert [] == sent_early
        assert [("first", "second")] == queue.batches


async def test_nothing_is_sent_while_there_is_nothing() -> None:
    """An idle outbox makes no calls."""
    clock, queue = VirtualClock(), Queue()
    async with pumping(outbox_to(queue, clock), clock):
        await clock.advance(3600)

        assert [] == queue.batches


async def test_the_pump_goes_on_after_a_batch() -> None:
    """What comes later is sent later."""
    clock, queue = VirtualClock(), Queue()
    outbox = outbox_to(queue, clock)
    async with pumping(outbox, clock):
        for handle in ("first", "second"):
            outbox.put(handle)
            await clock.advance(LINGER_SECONDS)

        assert [("first",), ("second",)] == queue.batches


async def test_flush_sends_all_in_batches_of_ten() -> None:
    """A flush waits for no company, and no batch is larger than SQS takes."""
    queue = Queue()
    outbox = outbox_to(queue, VirtualClock())
    for handle in handles(23):
        outbox.put(handle)

    await outbox.flush()

    assert [10, 10, 3] == [len(batch) for batch in queue.batches]
    assert handles(23) == [handle for batch in queue.batches for handle in batch]


async def test_batches_go_side_by_side() -> None:
    """A slow answer to one batch does not hold up the others."""
    queue = Queue(gate=asyncio.Event())
    assert queue.gate is not None
    outbox = outbox_to(queue, VirtualClock())
    for handle in handles(30):
        outbox.put(handle)
    flushing = asyncio.create_task(outbox.flush())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    under_way = len(queue.batches)
    queue.gate.set()
    await flushing

    assert 3 == under_way


async def test_an_entry_is_sent_once_however_often_it_is_put() -> None:
    """A duplicate of a receipt would make SQS refuse the batch."""
    queue = Queue()
    outbox = outbox_to(queue, VirtualClock())
    outbox.put("same")
    outbox.put("same")

    await outbox.flush()

    assert [("same",)] == queue.batches


async def test_what_sqs_refuses_for_the_moment_is_sent_again() -> None:
    """Only the refused entry goes again, after the usual wait."""
    clock, queue = VirtualClock(), Queue(answers=[{"b": False}])
    outbox = outbox_to(queue, clock)
    async with pumping(outbox, clock):
        for handle in "abc":
            outbox.put(handle)
        await clock.advance(3 * LINGER_SECONDS)

        assert [("a", "b", "c"), ("b",)] == queue.batches


async def test_what_sqs_will_never_take_is_dropped() -> None:
    """An expired receipt is of no use: the message comes again."""
    queue = Queue(answers=[{"b": True}])
    outbox = outbox_to(queue, VirtualClock())
    outbox.put("b")

    await outbox.flush()

    assert 0 == len(outbox)


async def test_an_unreachable_queue_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """The whole batch goes again, and the log tells why."""
    caplog.set_level(logging.INFO, "aio_sm_async.sqs")
    clock, queue = VirtualClock(), Queue(answers=[NotSentError("no route to host")])
    outbox = outbox_to(queue, clock)
    async with pumping(outbox, clock):
        outbox.put("a")
        outbox.put("b")
        await clock.advance(3 * LINGER_SECONDS)

        assert [("a", "b"), ("a", "b")] == queue.batches
        assert "no route to host" in caplog.text


async def test_a_receipt_is_given_up_after_five_attempts(caplog: pytest.LogCaptureFixture) -> None:
    """An outage ends in a warning, not in endless calls."""
    clock, queue = VirtualClock(), Queue(answers=[NotSentError("down")] * 100)
    outbox = outbox_to(queue, clock)
    async with pumping(outbox, clock):
        outbox.put("a")
        await clock.advance(100 * LINGER_SECONDS)

        assert [("a",)] * MAX_ATTEMPTS == queue.batches
        assert 0 == len(outbox)
        assert "gave up on a message's receipt after 5 attempts" in caplog.text


async def test_a_cancelled_flush_loses_nothing() -> None:
    """What was answered is done; what was not is sent by the next flush."""
    queue = Queue(gate=asyncio.Event())
    assert queue.gate is not None
    outbox = outbox_to(queue, VirtualClock())
    for handle in handles(15):
        outbox.put(handle)
    flushing = asyncio.create_task(outbox.flush())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    flushing.cancel()
    await asyncio.wait([flushing])
    kept = len(outbox)
    queue.gate.set()
    await outbox.flush()

    assert 15 == kept
    assert flushing.cancelled()
    assert set(handles(15)) == {handle for batch in queue.batches[2:] for handle in batch}


async def test_a_flush_that_is_cancelled_before_it_sends_loses_nothing() -> None:
    """Batches that had no turn yet are put back too."""
    queue = Queue()
    outbox = outbox_to(queue, VirtualClock())
    for handle in handles(15):
        outbox.put(handle)
    flushing = asyncio.create_task(outbox.flush())
    await asyncio.sleep(0)
    flushing.cancel()
    await asyncio.wait([flushing])

    assert [] == queue.batches
    assert 15 == len(outbox)


async def test_a_cancel_spares_the_batch_that_was_answered() -> None:
    """An acknowledged message is not acknowledged a second time."""
    first_answered = asyncio.Event()
    held = asyncio.Event()

    async def send(entries: Sequence[str]) -> list[BatchFailure]:
        if len(entries) == BATCH_ENTRIES:
            first_answered.set()
        else:
            await held.wait()
        return []

    outbox = Outbox(send, lambda entry: entry, VirtualClock(), linger_seconds=LINGER_SECONDS)
    for handle in handles(12):
        outbox.put(handle)
    flushing = asyncio.create_task(outbox.flush())
    await first_answered.wait()
    await asyncio.sleep(0)
    flushing.cancel()
    await asyncio.wait([flushing])

    assert 2 == len(outbox)


_answers = st.one_of(
    st.just(NotSentError("down")), st.dictionaries(st.sampled_from(handles(25)), st.booleans(), max_size=25)
)


@given(count=st.integers(0, 25), answers=st.lists(_answers, max_size=20))
def test_every_receipt_is_sent_until_it_is_taken_or_given_up(
    count: int, answers: list[Exception | dict[str, bool]]
) -> None:
    """Whatever SQS answers, nothing is left, nothing is sent without need, and no batch is too large."""
    queue = Queue(answers=list(answers))
    outbox = outbox_to(queue, VirtualClock())
    for handle in handles(count):
        outbox.put(handle)

    async def flush_all() -> None:
        for _ in range(MAX_ATTEMPTS):
            await outbox.flush()

    asyncio.run(flush_all())
    attempts = Counter(handle for batch in queue.batches for handle in batch)

    assert 0 == len(outbox)
    assert set(handles(count)) == set(attempts)
    assert all(attempt <= MAX_ATTEMPTS for attempt in attempts.values())
    assert all(1 <= len(batch) <= BATCH_ENTRIES for batch in queue.batches)
