"""What a standard queue does with messages, receipts and waiting polls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.message_queue import Queue
from aio_sm_async.emulator.queue_message import Delivery
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.service import ServiceFault
from tests.emulator.hand_clock import HandClock

T = TypeVar("T")


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that the test advances."""
    return VirtualClock()


def make(clock: VirtualClock, attributes: Mapping[str, str] | None = None, **options: object) -> Queue:
    """A queue in a store of its own."""
    return QueueStore(clock, "000000000000", "us-east-1", **options).create("q", attributes)  # type: ignore[arg-type]


async def waiting(queue: Queue, **options: float) -> asyncio.Task[list[Delivery]]:
    """A long poll that waits."""
    poll = asyncio.create_task(queue.receive(10, **{"wait_seconds": 20.0, **options}))
    await asyncio.sleep(0)
    return poll


def bodies(deliveries: list[Delivery]) -> list[str]:
    """What was delivered."""
    return [delivery.message.body for delivery in deliveries]


async def test_messages_come_in_the_order_in_which_they_went(clock: VirtualClock) -> None:
    """First in, first out, ten at most."""
    queue = make(clock)
    for number in range(12):
        queue.send(str(number))

    assert bodies(await queue.receive(10)) == [str(number) for number in range(10)]
    assert bodies(await queue.receive(10)) == ["10", "11"]
    assert repr(queue).startswith("<Queue q: QueueStatistics(sent=12, visible=0, in_flight=12")


async def test_a_message_wakes_a_waiting_poll_at_once(clock: VirtualClock) -> None:
    """Without the clock moving."""
    queue = make(clock)
    poll = await waiting(queue)
    queue.send("x")

    assert bodies(await poll) == ["x"]


async def test_one_message_wakes_one_poll(clock: VirtualClock) -> None:
    """The one that has waited longest; the others go on waiting."""
    queue = make(clock)
    first, second = await waiting(queue), await waiting(queue)
    queue.send("x")

    assert bodies(await first) == ["x"]
    assert not second.done()

    queue.send("y")

    assert bodies(await second) == ["y"]


async def test_a_poll_ends_when_its_time_is_up(clock: VirtualClock) -> None:
    """With nothing, on the clock."""
    queue = make(clock)
    short, long = await waiting(queue, wait_seconds=5), await waiting(queue, wait_seconds=20)
    await clock.advance(5)

    assert await short == []
    assert not long.done()

    await clock.advance(15)

    assert await long == []


async def test_the_queues_own_wait_is_the_default(clock: VirtualClock) -> None:
    """ReceiveMessageWaitTimeSeconds applies to receives that name no wait."""
    queue = make(clock, {"ReceiveMessageWaitTimeSeconds": "7"})
    poll = asyncio.create_task(queue.receive())
    await clock.advance(6.9)

    assert not poll.done()

    await clock.advance(0.1)

    assert await poll == []


async def test_a_poll_that_comes_too_late_for_the_message_waits_on(clock: VirtualClock) -> None:
    """A message that another receive took first is not delivered twice."""
    queue = make(clock)
    poll = await waiting(queue)
    queue.send("x")

    assert bodies(await queue.receive()) == ["x"]

    await asyncio.sleep(0)

    assert not poll.done()

    queue.send("y")

    assert bodies(await poll) == ["y"]


async def test_a_message_comes_again_after_its_visibility_timeout(clock: VirtualClock) -> None:
    """And wakes the poll that waits for it, with a new receipt."""
    queue = make(clock, {"VisibilityTimeout": "10"})
    queue.send("x")
    (first,) = await queue.receive()
    poll = await waiting(queue)
    await clock.advance(9.9)

    assert not poll.done()

    await clock.advance(0.1)
    (second,) = await poll

    assert first.message is second.message
    assert first.receipt_handle != second.receipt_handle
    assert (first.receive_count, second.receive_count) == (1, 2)


async def test_a_released_message_wakes_a_poll(clock: VirtualClock) -> None:
    """A visibility timeout of 0 is now."""
    queue = make(clock)
    queue.send("x")
    (first,) = await queue.receive()
    poll = await waiting(queue)
    queue.change_visibility(first.receipt_handle, 0)

    assert bodies(await poll) == ["x"]


async def test_a_shortened_timeout_wakes_a_poll_in_time(clock: VirtualClock) -> None:
    """The new moment counts, although the poll began to wait for an older one."""
    queue = make(clock)
    queue.send("x")
    (first,) = await queue.receive()
    poll = await waiting(queue)
    queue.change_visibility(first.receipt_handle, 3)
    await clock.advance(3)

    assert bodies(await poll) == ["x"]


async def test_a_delayed_message_wakes_a_poll_in_time(clock: VirtualClock) -> None:
    """Its own delay counts, or else the queue's."""
    queue = make(clock, {"DelaySeconds": "8"})
    poll = await waiting(queue)
    queue.send("later")
    queue.send("sooner", delay_seconds=4)

    assert queue.statistics().delayed == 2

    await clock.advance(4)

    assert bodies(await poll) == ["sooner"]

    await clock.advance(4)

    assert bodies(await queue.receive()) == ["later"]


async def test_receiving_with_a_timeout_of_zero_hides_nothing(clock: VirtualClock) -> None:
    """The message is visible again at once, and a waiting poll gets it."""
    queue = make(clock)
    queue.send("x")
    await queue.receive(visibility_timeout_seconds=0)

    assert queue.depth == 1
    assert bodies(await (await waiting(queue))) == ["x"]


async def test_deleting_twice_is_harmless(clock: VirtualClock) -> None:
    """What is deleted stays deleted, beyond its visibility timeout."""
    queue = make(clock)
    queue.send("x")
    (got,) = await queue.receive()
    queue.delete(got.receipt_handle)
    queue.delete(got.receipt_handle)
    await clock.advance(60)

    assert queue.depth == 0
    assert queue.statistics().deleted == 1


async def test_the_latest_receipt_deletes_although_its_time_is_up(clock: VirtualClock) -> None:
    """As long as nobody else received the message meanwhile."""
    queue = make(clock)
    queue.send("x")
    (got,) = await queue.receive()
    await clock.advance(31)
    queue.delete(got.receipt_handle)

    assert queue.depth == 0


async def test_an_older_receipt_deletes_nothing(clock: VirtualClock) -> None:
    """Yet it succeeds, as documented; nor can it change the visibility."""
    queue = make(clock)
    queue.send("x")
    (old,) = await queue.receive()
    await clock.advance(31)
    await queue.receive()
    queue.delete(old.receipt_handle)

    assert queue.statistics().in_flight == 1
    with pytest.raises(ServiceFault, match="not available for visibility timeout change"):
        queue.change_visibility(old.receipt_handle, 0)


@pytest.mark.parametrize("handle", ["made-up", "", "YXxifGM=", "YXxi"])
async def test_what_is_no_receipt_is_refused(clock: VirtualClock, handle: str) -> None:
    """By delete and by change of visibility."""
    queue = make(clock)
    with pytest.raises(ServiceFault) as refused:
        queue.delete(handle)

    assert refused.value.code == "ReceiptHandleIsInvalid"


async def test_another_queues_receipt_is_refused(clock: VirtualClock) -> None:
    """Although it is well formed."""
    store = QueueStore(clock, "000000000000", "us-east-1")
    one, other = store.create("one"), store.create("other")
    one.send("x")
    (got,) = await one.receive()
    with pytest.raises(ServiceFault) as refused:
        other.delete(got.receipt_handle)

    assert refused.value.code == "ReceiptHandleIsInvalid"


async def test_visibility_is_changed_in_flight_only(clock: VirtualClock) -> None:
    """A visible message is not in flight, a deleted one is not there."""
    queue = make(clock)
    queue.send("x")
    (got,) = await queue.receive(visibility_timeout_seconds=0)
    with pytest.raises(ServiceFault) as visible:
        queue.change_visibility(got.receipt_handle, 5)
    queue.delete(got.receipt_handle)
    with pytest.raises(ServiceFault) as deleted:
        queue.change_visibility(got.receipt_handle, 5)

    assert (visible.value.code, deleted.value.code) == ("MessageNotInflight", "InvalidParameterValue")


async def test_a_message_is_hidden_for_twelve_hours_at_most(clock: VirtualClock) -> None:
    """Counted from its receive, whatever extensions there were."""
    queue = make(clock)
    queue.send("x")
    (got,) = await queue.receive(visibility_timeout_seconds=43_200)
    await clock.advance(10)
    queue.change_visibility(got.receipt_handle, 43_190)
    with pytest.raises(ServiceFault, match="beyond the limit"):
        queue.change_visibility(got.receipt_handle, 43_191)


async def test_a_message_received_too_often_is_dead_lettered(clock: VirtualClock) -> None:
    """When the next receive comes upon it; the poll at the dead-letter queue hears of it at once."""
    store = QueueStore(clock, "000000000000", "us-east-1")
    grave = store.create("grave")
    redrive = json.dumps({"deadLetterTargetArn": grave.arn, "maxReceiveCount": "2"})
    queue = store.create("q", {"RedrivePolicy": redrive, "VisibilityTimeout": "0"})
    sent = queue.send("x")
    queue.send("good")
    poll = await waiting(grave)
    for count in (1, 2):
        (got, _) = await queue.receive(2)
        assert got.receive_count == count

    assert queue.depth == 2
    assert await queue.receive(2) == []

    (dead, _) = await poll

    assert dead.message is sent
    assert dead.receive_count == 3
    assert dead.message.system["DeadLetterQueueSourceArn"] == queue.arn
    assert queue.statistics().dead_lettered == 2
    assert grave.statistics().sent == 2


async def test_without_its_dead_letter_queue_a_queue_goes_on_delivering(clock: VirtualClock) -> None:
    """The message is not lost because the queue is."""
    store = QueueStore(clock, "000000000000", "us-east-1")
    grave = store.create("grave")
    redrive = json.dumps({"deadLetterTargetArn": grave.arn, "maxReceiveCount": 1})
    queue = store.create("q", {"RedrivePolicy": redrive, "VisibilityTimeout": "0"})
    queue.send("x")
    await queue.receive()
    store.delete(grave)

    assert bodies(await queue.receive()) == ["x"]


async def test_messages_expire(clock: VirtualClock) -> None:
    """Wherever they are: visible, in flight or delayed."""
    queue = make(clock, {"MessageRetentionPeriod": "60"})
    queue.send("in flight")
    await queue.receive(visibility_timeout_seconds=600)
    queue.send("delayed", delay_seconds=900)
    queue.send("visible")
    await clock.advance(59)

    assert queue.statistics().expired == 0

    await clock.advance(1)

    assert queue.statistics().expired == 3
    assert await queue.receive() == []


async def test_over_the_limit_a_short_poll_is_refused(clock: VirtualClock) -> None:
    """And none gets more than the limit leaves."""
    queue = make(clock, in_flight_limit=3)
    for number in range(5):
        queue.send(str(number))

    assert len(await queue.receive(10)) == 3
    with pytest.raises(ServiceFault) as refused:
        await queue.receive()

    assert (refused.value.code, refused.value.status) == ("OverLimit", 403)


async def test_over_the_limit_a_long_poll_gets_nothing(clock: VirtualClock) -> None:
    """No error: it just waits, until something in flight is deleted."""
    queue = make(clock, in_flight_limit=1)
    queue.send("first")
    queue.send("second")
    (got,) = await queue.receive()
    silent = await waiting(queue, wait_seconds=5)
    await clock.advance(5)

    assert await silent == []

    poll = await waiting(queue)
    queue.delete(got.receipt_handle)

    assert bodies(await poll) == ["second"]


async def test_a_deserted_poll_swallows_the_next_message(clock: VirtualClock) -> None:
    """The message is in flight until its visibility timeout ends: nobody has its receipt."""
    queue = make(clock)
    gone = await waiting(queue)
    gone.cancel()
    await asyncio.wait([gone])
    queue.send("x")

    assert queue.statistics().in_flight == 1

    queue.send("y")

    assert bodies(await queue.receive()) == ["y"]

    await clock.advance(30)
    (again, _) = await queue.receive(2)

    assert (again.message.body, again.receive_count) == ("x", 2)


async def test_a_deserted_poll_swallows_nothing_after_its_time(clock: VirtualClock) -> None:
    """Nor does it stay in the line for ever."""
    queue = make(clock)
    gone = await waiting(queue, wait_seconds=5)
    gone.cancel()
    await asyncio.wait([gone])
    await clock.advance(5)
    poll = await waiting(queue, wait_seconds=1)

    assert len(queue._polls) == 1

    queue.send("x")

    assert bodies(await poll) == ["x"]


async def test_a_message_passes_over_a_poll_that_is_out_of_time(clock: VirtualClock) -> None:
    """A deserted one, of which nobody has been told yet that its time is up."""
    queue = make(clock)
    gone = await waiting(queue, wait_seconds=5)
    gone.cancel()
    await asyncio.wait([gone])
    await clock.advance(5)
    queue.send("x")

    assert queue.depth == 1


async def test_a_poll_deserted_as_it_wakes_swallows_too(clock: VirtualClock) -> None:
    """The answer was on its way to a client that had gone."""
    queue = make(clock)
    gone = await waiting(queue)
    queue.send("x")
    gone.cancel()
    await asyncio.wait([gone])

    assert queue.statistics().in_flight == 1


async def test_swallowing_can_be_turned_off(clock: VirtualClock) -> None:
    """Then a deserted poll leaves the line, and what woke it goes to the next."""
    queue = make(clock, swallow_on_disconnect=False)
    waits, woken, stays = await waiting(queue), await waiting(queue), await waiting(queue)
    waits.cancel()
    await asyncio.wait([waits])
    queue.send("x")
    woken.cancel()
    await asyncio.wait([woken])

    assert bodies(await stays) == ["x"]


async def test_deleting_a_queue_fails_its_polls(clock: VirtualClock) -> None:
    """They need not wait for their time to pass."""
    store = QueueStore(clock, "000000000000", "us-east-1")
    queue = store.create("q")
    poll, gone = await waiting(queue), await waiting(queue)
    gone.cancel()
    store.delete(queue)
    await asyncio.wait([gone])
    with pytest.raises(ServiceFault) as failed:
        await poll

    assert failed.value.code == "QueueDoesNotExist"


async def test_a_purge_takes_all(clock: VirtualClock) -> None:
    """Once a minute."""
    queue = make(clock)
    queue.send("x")
    await queue.receive()
    queue.send("y")
    queue.send("z", delay_seconds=5)
    queue.purge()

    assert queue.statistics().purged == 3
    with pytest.raises(ServiceFault) as refused:
        queue.purge()
    assert (refused.value.code, refused.value.status) == ("PurgeQueueInProgress", 403)

    await clock.advance(60)
    queue.purge()


async def test_deletes_can_be_made_to_fail(clock: VirtualClock) -> None:
    """As many as a test asks for."""
    queue = make(clock)
    queue.send("x")
    (got,) = await queue.receive()
    queue.deletes_to_fail = 1
    with pytest.raises(ServiceFault) as failed:
        queue.delete(got.receipt_handle)
    queue.delete(got.receipt_handle)

    assert failed.value.status == 500
    assert queue.statistics().deleted == 1


async def test_a_message_is_as_small_as_the_queue_asks(clock: VirtualClock) -> None:
    """Bytes count, not letters."""
    queue = make(clock, {"MaximumMessageSize": "1024"})
    queue.send("x" * 1024)
    with pytest.raises(ServiceFault, match="must be shorter than 1024 bytes"):
        queue.send("ü" * 513)


async def test_nothing_is_left_running_when_nobody_waits(clock: VirtualClock) -> None:
    """The clock is minded only while a poll waits."""
    queue = make(clock)
    queue.send("x", delay_seconds=5)
    poll = await waiting(queue, wait_seconds=1)
    await clock.advance(1)
    await poll

    assert asyncio.all_tasks() == {asyncio.current_task()}


def at_once(coroutine: Coroutine[object, object, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("it waited")


class MessagesAreNeverLost(RuleBasedStateMachine):
    """Whatever happens to a queue, each message that was sent is in exactly one place."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        store = QueueStore(self.clock, "000000000000", "us-east-1", in_flight_limit=6)
        self.grave = store.create("grave")
        redrive = json.dumps({"deadLetterTargetArn": self.grave.arn, "maxReceiveCount": 3})
        self.queue = store.create("q", {"RedrivePolicy": redrive, "MessageRetentionPeriod": "120"})
        self.sent = 0
        self.latest: dict[str, str] = {}
        self.old: list[str] = []
        self.deleted: set[str] = set()

    @rule(delay=st.sampled_from([0, 0, 0, 10]))
    def send(self, delay: int) -> None:
        """A producer sends."""
        self.queue.send(f"body {self.sent}", delay_seconds=delay)
        self.sent += 1

    @rule(limit=st.integers(1, 10), visibility=st.sampled_from([0, 5, 30]))
    def receive(self, limit: int, visibility: int) -> None:
        """A consumer receives."""
        if self.queue.statistics().in_flight >= 6:
            return
        for got in at_once(self.queue.receive(limit, visibility_timeout_seconds=visibility)):
            message_id = got.message.message_id
            assert message_id not in self.deleted
            assert got.receive_count <= 3
            if message_id in self.latest:
                self.old.append(self.latest[message_id])
            self.latest[message_id] = got.receipt_handle

    @precondition(lambda self: self.latest)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """The consumer is done with a message, if that is still there."""
        message_id = data.draw(st.sampled_from(sorted(self.latest)))
        before = self.queue.statistics().deleted
        self.queue.delete(self.latest.pop(message_id))
        if self.queue.statistics().deleted > before:
            self.deleted.add(message_id)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def delete_by_an_old_receipt(self, data: st.DataObject) -> None:
        """A consumer that was too slow changes nothing."""
        before = self.queue.statistics()
        self.queue.delete(data.draw(st.sampled_from(self.old)))
        assert before == self.queue.statistics()

    @precondition(lambda self: self.latest)
    @rule(data=st.data(), seconds=st.sampled_from([0, 20]))
    def change_visibility(self, data: st.DataObject, seconds: int) -> None:
        """The consumer extends or releases, if it still may."""
        handle = data.draw(st.sampled_from(sorted(self.latest.values())))
        before = self.queue.statistics()
        try:
            self.queue.change_visibility(handle, seconds)
        except ServiceFault:
            assert before == self.queue.statistics()

    @rule(seconds=st.sampled_from([1, 10, 45]))
    def pass_time(self, seconds: int) -> None:
        """Time passes."""
        self.clock.now += seconds

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        """The counts add up, and so do the dead letters."""
        now = self.queue.statistics()
        gone = now.deleted + now.dead_lettered + now.expired + now.purged
        assert self.sent == now.sent == now.visible + now.in_flight + now.delayed + gone
        assert now.dead_lettered == self.grave.statistics().sent
        assert now.deleted == len(self.deleted)


TestMessagesAreNeverLost = MessagesAreNeverLost.TestCase
TestMessagesAreNeverLost.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
