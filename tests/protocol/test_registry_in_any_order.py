"""The registry's promises, held over any order of facts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aio_sm_async.errors import AccessDeniedError
from aio_sm_async.protocol.completion import Completed, Completion, Expired, Failed
from aio_sm_async.protocol.identifiers import ClientIdentity, Ownership, output_filename
from aio_sm_async.protocol.invocation import Delivery, Invocation, State
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import (
    KEPT_RECEIPTS,
    Acknowledge,
    Action,
    Fetch,
    Look,
    Registry,
    Release,
    Resend,
    Settle,
    Undeliverable,
)

ME = ClientIdentity("worker", "abcd1234")
OTHERS = {
    ClientIdentity("worker", "zyxw9876").mint(b"0123456789ab"): Ownership.KIN,
    ClientIdentity("somebody", "abcd1234").mint(b"0123456789ab"): Ownership.STRANGER,
    "order-8151": Ownership.STRANGER,
}
# One endpoint honours our names, one does not, one has neither output nor failure path.
NAMED, PLAIN, MUTE = "named", "plain", "mute"
EXTENSION = "worker/abcd1234/0"
EVIL = S3Location("evil", "out/1.out")
DENIED = AccessDeniedError("GetObject", "AccessDenied", "no", status=403)

PLACES = st.integers(0, 7)
ANSWERS = st.sampled_from(["accept", "lose_answer", "refuse"])
TRUTHS = st.sampled_from(["body", "no body", "no body", "failed", "failed with words", "expired"])
SPOOFS = st.sampled_from(["wrong endpoint", "wrong place", "wrong failure place"])


def output_of(invocation: Invocation) -> S3Location | None:
    match invocation.endpoint_name:
        case "named":
            return S3Location("bucket", f"out/{EXTENSION}/{invocation.filename}")
        case "plain":
            return S3Location("bucket", f"plain/uuid-of-{invocation.inference_id}.out")
        case _:
            return None


def failure_of(invocation: Invocation) -> S3Location | None:
    is_named = invocation.endpoint_name == NAMED
    return S3Location("bucket", f"bad/{invocation.inference_id}-error.out") if is_named else None


def completion_of(invocation: Invocation, kind: str) -> Completion:
    inference_id, endpoint, output = invocation.inference_id, invocation.endpoint_name, output_of(invocation)
    match kind:
        case "body":
            return Completed(inference_id, endpoint, output, body=b"true")
        case "no body":
            return Completed(inference_id, endpoint, output)
        case "failed":
            return Failed(inference_id, "oops", endpoint)
        case "failed with words":
            return Failed(inference_id, "oops", endpoint, failure_of(invocation), body=b"true")
        case "expired":
            return Expired(inference_id, "too long", endpoint)
        case "wrong endpoint":
            return Completed(inference_id, "forged", output, body=b"spoof")
        case "wrong failure place":
            return Failed(inference_id, "spoof", endpoint, EVIL)
        case _:
            return Completed(inference_id, endpoint, EVIL)


@dataclass(eq=False)
class Message:
    """A receipt, and what has become of it."""

    inference_id: str
    fates: list[str] = field(default_factory=list)

    def acknowledge(self) -> None:
        self.fates.append("acknowledged")

    def release(self, ownership: Ownership) -> None:
        self.fates.append(f"released to {ownership.name}")


class AnyOrder(RuleBasedStateMachine):
    """A caller, SageMaker, SQS, S3 and time, each doing what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry(ME)
        self.now = 100.0
        self.pending: dict[str, Invocation] = {}
        self.ended: list[Invocation] = []
        self.settled: list[Invocation] = []
        self.learned: set[str] = set()
        self.messages: list[Message] = []
        self.fetching: list[Fetch] = []
        self.looking: list[Look] = []
        self.resending: list[Resend] = []

    @initialize(resend_after=st.sampled_from([60.0, None, 5000.0]))
    def begin(self, resend_after: float | None) -> None:
        self.registry = Registry(ME, resend_after_seconds=resend_after)

    def chosen(self, place: int) -> Invocation:
        """One that is pending, or has ended not long ago."""
        among = [*self.pending.values(), *self.ended[-2:]]
        return among[place % len(among)]

    # The caller

    @rule(
        endpoint_name=st.sampled_from([NAMED, NAMED, PLAIN, MUTE]),
        own_choice=st.sampled_from([None, None, None, "order-4711"]),
        answer=st.sampled_from(["accept", "lose_answer", None]),
    )
    def submit(self, endpoint_name: str, own_choice: str | None, answer: str | None) -> None:
        number = len(self.pending) + len(self.ended)
        inference_id = own_choice or ME.mint(number.to_bytes(12, "big"))
        if inference_id in self.pending:
            return
        filename = output_filename(f"{number}")
        invocation = Invocation(inference_id, endpoint_name, 1000.0, extension=EXTENSION, filename=filename)
        self.pending[inference_id] = invocation
        self.registry.register(invocation)
        if answer is not None:
            self.answer_for(invocation, answer)

    @precondition(lambda self: self.pending or self.ended)
    @rule(place=PLACES, is_meant=st.booleans())
    def abandon_or_take(self, place: int, is_meant: bool) -> None:
        invocation = self.chosen(place)
        if not is_meant or self.pending.get(invocation.inference_id) is not invocation:
            self.perform(self.registry.consumed(invocation.inference_id))
            return
        self.end(invocation)
        self.perform(self.registry.abandoned(invocation.inference_id))

    # SageMaker

    @precondition(lambda self: self.pending or self.ended)
    @rule(place=PLACES, answer=ANSWERS)
    def answer(self, place: int, answer: str) -> None:
        self.answer_for(self.chosen(place), answer)

    @precondition(lambda self: self.resending)
    @rule(answer=ANSWERS)
    def answer_resend(self, answer: str) -> None:
        self.answer_for(self.resending.pop().invocation, answer)

    def answer_for(self, invocation: Invocation, answer: str) -> None:
        inference_id = invocation.inference_id
        is_pending = self.pending.get(inference_id) is invocation
        if not is_pending and inference_id in self.pending:
            return  # the name was given again, and this is the answer to its former bearer
        match answer:
            case "accept":
                output, failure = output_of(invocation), failure_of(invocation)
                if is_pending and output is not None:
                    self.learned.add(invocation.endpoint_name)
                self.perform(
                    self.registry.accepted(
                        inference_id, self.now, output_location=output, failure_location=failure
                    )
                )
            case "lose_answer":
                self.perform(self.registry.ambiguous(inference_id, self.now))
            case _:
                if is_pending and invocation.state is State.REGISTERED:
                    self.end(invocation)
                self.perform(self.registry.rejected(inference_id))

    # SQS, and S3 polling

    @precondition(lambda self: self.pending or self.ended)
    @rule(place=PLACES, kind=TRUTHS)
    def notify(self, place: int, kind: str) -> None:
        self.deliver(self.chosen(place), kind, is_message=True)

    @precondition(lambda self: self.pending or self.ended)
    @rule(place=PLACES, kind=SPOOFS)
    def spoof(self, place: int, kind: str) -> None:
        self.deliver(self.chosen(place), kind, is_message=True)

    @precondition(lambda self: self.pending)
    @rule(place=PLACES, kind=st.sampled_from(["body", "no body", "failed with words"]))
    def find_by_polling(self, place: int, kind: str) -> None:
        self.deliver(self.chosen(place), kind, is_message=False)

    @rule(inference_id=st.sampled_from(tuple(OTHERS)))
    def notify_others(self, inference_id: str) -> None:
        message = self.message(inference_id)
        self.perform(self.registry.delivered(Delivery(Completed(inference_id), "sqs", message)))

    def deliver(self, invocation: Invocation, kind: str, *, is_message: bool) -> None:
        source = "sqs" if is_message else "polling"
        message = self.message(invocation.inference_id) if is_message else None
        self.perform(self.registry.delivered(Delivery(completion_of(invocation, kind), source, message)))

    # S3

    @precondition(lambda self: self.fetching)
    @rule(place=PLACES, ending=st.sampled_from(["found", "missing", "denied"]))
    def end_fetch(self, place: int, ending: str) -> None:
        fetch = self.fetching.pop(place % len(self.fetching))
        match ending:
            case "missing":
                self.perform(self.registry.missing(fetch.invocation, self.now))
            case "denied":
                outcome = Undeliverable(fetch.invocation.inference_id, DENIED)
                self.perform(self.registry.resolved(fetch.invocation, outcome, "sqs"))
            case _:
                self.perform(self.registry.resolved(fetch.invocation, fetch.delivery.completion, "sqs"))

    @precondition(lambda self: self.looking)
    @rule(is_there=st.booleans())
    def end_look(self, is_there: bool) -> None:
        look = self.looking.pop(0)
        if is_there:
            self.deliver(look.invocation, "body", is_message=False)
        if look.is_last:
            self.perform(self.registry.given_up(look.invocation, "nothing came"))

    # Time

    @rule(seconds=st.sampled_from([1.0, 60.0, 1000.0, 1000.0]))
    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.perform(self.registry.due(self.now))

    # What is done with the actions

    def message(self, inference_id: str) -> Message:
        message = Message(inference_id)
        self.messages.append(message)
        return message

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Settle(invocation, outcome, source):
                    assert source != "deadline" or not invocation.is_resolving
                    self.settle(invocation, outcome)
                case Fetch(invocation, delivery, location):
                    assert location != EVIL or self.knows_nothing(invocation)
                    told = (output_of(invocation), failure_of(invocation))
                    assert location in told or invocation.state is State.AMBIGUOUS
                    assert delivery.completion.endpoint_name != "forged"
                    self.fetching.append(action)
                case Look():
                    self.looking.append(action)
                case Resend(invocation):
                    assert (invocation.state, invocation.resends) == (State.AMBIGUOUS, 1)
                    self.resending.append(action)
                case Acknowledge(receipt):
                    assert isinstance(receipt, Message)
                    assert receipt.inference_id not in OTHERS
                    assert receipt.inference_id not in self.pending
                    receipt.acknowledge()
                case Release(receipt, ownership):
                    assert isinstance(receipt, Message)
                    assert ownership is self.owner_of(receipt.inference_id)
                    receipt.release(ownership)

    def end(self, invocation: Invocation) -> None:
        assert self.pending.pop(invocation.inference_id) is invocation
        self.ended.append(invocation)

    def settle(self, invocation: Invocation, outcome: object) -> None:
        self.end(invocation)
        assert invocation not in self.settled
        self.settled.append(invocation)
        is_known = invocation.endpoint_name != MUTE and not self.knows_nothing(invocation)
        match outcome:
            case Completed(body=body, output_location=place):
                assert body != b"spoof"
                assert place != EVIL or not is_known
            case Failed(failure_location=place):
                assert place != EVIL or invocation.failure_location is None

    def owner_of(self, inference_id: str) -> Ownership:
        if inference_id in self.pending:
            return Ownership.OURS  # it is handed back so that it comes again
        return ME.owns(inference_id)

    def knows_nothing(self, invocation: Invocation) -> bool:
        """Whether no 202 has told yet where the invocation's endpoint writes, so that the id must do."""
        return invocation.output_location is None and invocation.endpoint_name not in self.learned

    @invariant()
    def what_is_pending_is_what_has_not_ended(self) -> None:
        assert list(self.registry) == list(self.pending.values())

    @invariant()
    def each_message_has_one_fate_at_most(self) -> None:
        assert all(len(message.fates) <= 1 for message in self.messages)

    @invariant()
    def what_is_under_way_ends_without_further_news(self) -> None:
        """Each is waited for by a timer, a last look or a fetch: none is forgotten."""
        under_way = {look.invocation for look in self.looking if look.is_last}
        under_way |= {fetch.invocation for fetch in self.fetching}
        waiting = [each for each in self.pending.values() if each.state is not State.REGISTERED]

        assert all(each in under_way for each in waiting) or self.registry.next_due() is not None

    def teardown(self) -> None:
        """Nothing more is heard: everything ends all the same, and nothing is left."""
        for invocation in tuple(self.pending.values()):
            self.answer_for(invocation, "lose_answer")
        for _ in range(3):  # a fetch that comes to nothing, and the last look that follows
            while self.fetching:
                self.end_fetch(0, "missing")
            while self.looking:
                self.end_look(is_there=False)
            self.advance(1000.0)
        for invocation in self.ended:
            self.perform(self.registry.consumed(invocation.inference_id))

        assert len(self.registry) == 0
        assert self.registry.next_due() is None
        copies = Counter(message.inference_id for message in self.messages)
        for message in self.messages:
            is_others = message.inference_id in OTHERS
            assert len(message.fates) == 1 or copies[message.inference_id] > KEPT_RECEIPTS
            assert not is_others or message.fates == [f"released to {OTHERS[message.inference_id].name}"]


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
