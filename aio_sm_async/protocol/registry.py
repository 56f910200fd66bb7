"""Which invocations are pending, and what each fact means for them.

Facts go in as method calls, actions come out as values; whoever holds the registry carries them out, in
order. Nothing here waits, asks the time or speaks to AWS. The rules:

* An id is registered before its request is sent: a notification may overtake the 202.
* What comes before the answer to the request is held until that answer, and judged then.
* A notification is believed only where it agrees with what SageMaker told us; else S3 decides.
* The first believed completion settles the invocation, once; whatever follows is only acknowledged.
* A message is acknowledged after its invocation was settled, never before. What is not ours is never
  acknowledged, but released; what an earlier process of this client left behind, once it is old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.completion import Completed, Completion, Expired, Failed
from aio_sm_async.protocol.identifiers import ClientIdentity, Ownership
from aio_sm_async.protocol.invocation import Delivery, Invocation, Receipt, State
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.output_roots import OutputRoots
from aio_sm_async.protocol.timers import Timers

REMEMBERED_NAMES = 10_000
"""How many settled ids of the callers' own choice are remembered: ours are told by their prefix."""


KEPT_RECEIPTS = 10
"""How many deliveries of one message are remembered: SQS wants the latest, and it may come for days."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """Nothing was told and nothing found, and SageMaker cannot be working on it any more."""

    inference_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """It ended, and its body cannot be had: the error says why."""

    inference_id: str
    error: Exception


Outcome = Completion | DeadlinePassed | Undeliverable


@dataclass(frozen=True, slots=True)
class Settle:
    """Give the invocation's future its outcome."""

    invocation: Invocation
    outcome: Outcome
    source: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get the body that lies at ``location``; then call `Registry.resolved`, or `Registry.missing`."""

    invocation: Invocation
    delivery: Delivery
    location: S3Location


@dataclass(frozen=True, slots=True)
class Look:
    """Ask S3 about the invocation now. If the last look finds nothing, call `Registry.given_up`."""

    invocation: Invocation
    is_last: bool


@dataclass(frozen=True, slots=True)
class Resend:
    """Send the same request again: nothing was heard of the first."""

    invocation: Invocation


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Delete the message."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Release:
    """Hand the message back: it belongs to somebody else, or to an earlier process of this client."""

    receipt: Receipt
    ownership: Ownership


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the message out of sight: it is the only copy of a result that nobody has taken yet."""

    receipt: Receipt


Action = Settle | Fetch | Look | Resend | Acknowledge | Release | Hold


class _Due(Enum):
    __hash__ = object.__hash__  # Enum's own is written in Python, and asked for each timer

    RESEND = "resend"
    DEADLINE = "deadline"


class Registry:
    """The pending invocations of one client.

    Args:
        identity: Tells our ids from those of others.
        resend_after_seconds: How long an ambiguous invocation is waited for before it is sent again;
            None to never send again.
    """

    def __init__(self, identity: ClientIdentity, *, resend_after_seconds: float | None = 60.0) -> None:
        self.counts: Counter[str] = Counter()
        self.roots = OutputRoots()
        self._identity = identity
        self._resend_after_seconds = resend_after_seconds
        self._pending: dict[str, Invocation] = {}
        self._unconsumed: dict[str, list[Receipt]] = {}
        self._timers: Timers[tuple[_Due, str]] = Timers()
        self._settled_names: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, inference_id: str) -> bool:
        return inference_id in self._pending

    def __iter__(self) -> Iterator[Invocation]:
        return iter(tuple(self._pending.values()))

    def get(self, inference_id: str) -> Invocation | None:
        """The pending invocation of that id."""
        return self._pending.get(inference_id)

    def knows(self, inference_id: str) -> bool:
        """Whether the id is, or was, one of this client's invocations."""
        return inference_id in self._pending or self._identity.owns(inference_id) is Ownership.OURS

    def __repr__(self) -> str:
        states = Counter(invocation.state.value for invocation in self._pending.values())
        return f"<Registry {len(self._pending)} pending {dict(states)}>"

    # What happens to a request

    def register(self, invocation: Invocation) -> None:
        """Expect completions for this id from now on.

        Raises:
            InvalidRequestError: The id is pending already.
        """
        if invocation.inference_id in self._pending:
            raise InvalidRequestError(
                "inference_id",
                "one invocation of that id is pending already",
                "Choose another, or leave it out to have one made.",
            )
        self._pending[invocation.inference_id] = invocation

    def accepted(
        self,
        inference_id: str,
        now: float,
        *,
        output_location: S3Location | None,
        failure_location: S3Location | None,
    ) -> list[Action]:
        """SageMaker answered 202."""
        invocation = self._pending.get(inference_id)
        if invocation is None or invocation.state is State.ACCEPTED:
            return []
        invocation.move_to(State.ACCEPTED)
        invocation.output_location = output_location
        invocation.failure_location = failure_location
        self.roots.learn(invocation)
        self._timers.cancel((_Due.RESEND, inference_id))
        self._set_deadline(invocation, now)
        return self._judge_held(invocation)

    def ambiguous(self, inference_id: str, now: float) -> list[Action]:
        """The request was sent, and its answer is lost."""
        invocation = self._pending.get(inference_id)
        if invocation is None or invocation.state is State.ACCEPTED:
            return []
        if invocation.state is State.REGISTERED:
            invocation.move_to(State.AMBIGUOUS)
            if self._resend_after_seconds is not None:
                self._timers.set((_Due.RESEND, inference_id), now + self._resend_after_seconds)
        self._set_deadline(invocation, now)
        return self._judge_held(invocation)

    def rejected(self, inference_id: str) -> list[Action]:
        """SageMaker refused the request. One that may have been accepted earlier stays ambiguous."""
        invocation = self._pending.get(inference_id)
        if invocation is None or invocation.state is not State.REGISTERED:
            return []
        return self._end(invocation, State.REJECTED)

    def abandoned(self, inference_id: str) -> list[Action]:
        """Nobody waits for it any more, nor for an outcome that nobody has taken yet."""
        invocation = self._pending.get(inference_id)
        if invocation is None:
            return self.consumed(inference_id)
        return self._end(invocation, State.ABANDONED)

    def adopt(self, invocation: Invocation, now: float, *, is_accepted: bool) -> list[Action]:
        """Expect completions for an invocation that another process, or an earlier one, sent.

        Args:
            invocation: What is known of it, its locations among that. Its patience counts from now.
            now: Monotonic time.
            is_accepted: Whether its 202 was seen; if not, nobody knows whether it was accepted.

        Raises:
            InvalidRequestError: The id is pending already.
        """
        self.register(invocation)
        if not is_accepted:
            return self.ambiguous(invocation.inference_id, now)
        invocation.move_to(State.ACCEPTED)
        self._set_deadline(invocation, now)
        return []

    # What is heard of it

    def delivered(self, delivery: Delivery) -> list[Action]:
        """A source says that an invocation ended."""
        inference_id, receipt = delivery.completion.inference_id, delivery.receipt
        invocation = self._pending.get(inference_id)
        if invocation is None:
            return self._delivered_to_nobody(inference_id, receipt)
        if receipt is not None:
            invocation.receipts.append(receipt)
            del invocation.receipts[:-KEPT_RECEIPTS]
        if invocation.state is State.REGISTERED:
            self.counts["duplicates" if invocation.held else "early"] += 1
            invocation.held.append(delivery)
            return []
        if invocation.is_resolving:
            self.counts["duplicates"] += 1
            return []
        return self._judge(invocation, delivery)

    def resolved(self, invocation: Invocation, outcome: Outcome, source: str) -> list[Action]:
        """The body was fetched: ``outcome`` carries it, or tells why there is none."""
        if self._pending.get(invocation.inference_id) is not invocation:
            return []
        return self._settle(invocation, outcome, source)

    def missing(self, invocation: Invocation, now: float) -> list[Action]:
        """S3 did not have what a believed completion named: wait on."""
        if self._pending.get(invocation.inference_id) is not invocation:
            return []
        invocation.is_resolving = False
        deadline = (_Due.DEADLINE, invocation.inference_id)
        if deadline not in self._timers:  # it passed in the meantime
            self._timers.set(deadline, now)
        receipts, invocation.receipts = invocation.receipts, []
        return [Release(receipt, Ownership.OURS) for receipt in receipts]

    def given_up(self, invocation: Invocation, reason: str) -> list[Action]:
        """The last look found nothing; ``reason`` tells where it was looked."""
        if self._pending.get(invocation.inference_id) is not invocation or invocation.is_resolving:
            return []
        return self._settle(invocation, DeadlinePassed(invocation.inference_id, reason), "deadline")

    def consumed(self, inference_id: str) -> list[Action]:
        """The caller has taken the outcome, so the message that was its only copy may go."""
        return [Acknowledge(receipt) for receipt in self._unconsumed.pop(inference_id, ())]

    def let_go(self, inference_id: str) -> list[Receipt]:
        """Nobody here will take the outcome, but others may. Returns the messages that are its only copy."""
        return self._unconsumed.pop(inference_id, [])

    def let_all_go(self) -> list[Receipt]:
        """The same for whatever nobody has taken: the client is being closed."""
        return [receipt for inference_id in tuple(self._unconsumed) for receipt in self.let_go(inference_id)]

    # What time brings

    def next_due(self) -> float | None:
        """When `due` has something to say next; None if never."""
        return self._timers.next()

    def due(self, now: float) -> list[Action]:
        """Time has passed: what is to be sent again, and what is looked for a last time."""
        actions: list[Action] = []
        for kind, inference_id in self._timers.pop_due(now):
            invocation = self._pending[inference_id]
            if kind is _Due.DEADLINE:
                actions.append(Look(invocation, is_last=True))
            elif not invocation.is_resolving and (_Due.DEADLINE, inference_id) in self._timers:
                invocation.resends += 1
                actions.append(Resend(invocation))
        return actions

    def expected_location(self, invocation: Invocation) -> S3Location | None:
        """Where the response will lie: as its 202 said, else as an earlier 202 lets us infer."""
        if invocation.state is State.ACCEPTED or invocation.output_location is not None:
            return invocation.output_location
        return self.roots.expected(invocation)

    def failure_location(self, invocation: Invocation, failed: Failed | None = None) -> S3Location | None:
        """Where the container's words will lie: as its 202 said, else as claimed, if that is credible."""
        if invocation.failure_location is not None or failed is None or failed.failure_location is None:
            return invocation.failure_location
        is_credible = self.roots.is_failure_location(invocation.endpoint_name, failed.failure_location)
        return failed.failure_location if is_credible else None

    # How it is decided

    def _set_deadline(self, invocation: Invocation, now: float) -> None:
        invocation.deadline = now + invocation.patience_seconds
        self._timers.set((_Due.DEADLINE, invocation.inference_id), invocation.deadline)

    def _judge_held(self, invocation: Invocation) -> list[Action]:
        held, invocation.held = invocation.held, []
        actions: list[Action] = []
        for delivery in held:
            if self._agrees(invocation, delivery.completion):
                return self._judge(invocation, delivery)  # S3 need not be asked about the others
            actions = self._judge(invocation, delivery)
        return actions

    def _judge(self, invocation: Invocation, delivery: Delivery) -> list[Action]:
        completion = delivery.completion
        if not self._agrees(invocation, completion):
            self.counts["mismatched"] += 1
            return [Look(invocation, is_last=False)]
        location = self._unread(invocation, completion)
        if location is None:
            return self._settle(invocation, completion, delivery.source)
        invocation.is_resolving = True
        return [Fetch(invocation, delivery, location)]

    def _unread(self, invocation: Invocation, completion: Completion) -> S3Location | None:
        """Where the body lies that the message did not bring; None if it did, or if there is none."""
        match completion:
            case Completed(body=None) if invocation.state is State.ACCEPTED:
                return invocation.output_location  # None: a message may not name a place that the 202 did not
            case Completed(body=None):
                return completion.output_location
            case Failed(body=None):
                return self.failure_location(invocation, completion)
            case _:
                return None

    def _agrees(self, invocation: Invocation, completion: Completion) -> bool:
        if completion.endpoint_name not in (None, invocation.endpoint_name):
            return False
        match completion:
            case Completed(output_location=claimed):
                expected = self.expected_location(invocation)
                if expected is not None:
                    return claimed == expected
                root = self.roots.output_root(invocation.endpoint_name)
                if invocation.state is State.AMBIGUOUS and root is not None:
                    return claimed is not None and root.holds(claimed)
                # No 202 ever told where outputs lie. Our ids cannot be guessed, so the id alone must do.
                return True
            case Failed(failure_location=claimed):
                return claimed is None or invocation.failure_location in (None, claimed)
            case Expired():
                return True

    def _settle(self, invocation: Invocation, outcome: Outcome, source: str) -> list[Action]:
        held: list[Action] = []
        if isinstance(outcome, Completed) and _is_nowhere_else(invocation, outcome):
            self._unconsumed.setdefault(invocation.inference_id, []).extend(invocation.receipts)
            held = [Hold(receipt) for receipt in invocation.receipts]
            invocation.receipts.clear()
        self.counts[f"resolved_by_{source}"] += 1
        return [Settle(invocation, outcome, source), *held, *self._end(invocation, _FINAL[type(outcome)])]

    def _end(self, invocation: Invocation, state: State) -> list[Action]:
        invocation.move_to(state)
        invocation.held.clear()
        inference_id = invocation.inference_id
        del self._pending[inference_id]
        self._timers.cancel((_Due.RESEND, inference_id))
        self._timers.cancel((_Due.DEADLINE, inference_id))
        self.counts[state.value] += 1
        if self._identity.owns(inference_id) is not Ownership.OURS:
            self._settled_names[inference_id] = None
            if len(self._settled_names) > REMEMBERED_NAMES:
                del self._settled_names[next(iter(self._settled_names))]
        receipts, invocation.receipts = invocation.receipts, []
        return [Acknowledge(receipt) for receipt in receipts]

    def _delivered_to_nobody(self, inference_id: str, receipt: Receipt | None) -> list[Action]:
        if receipt is None:
            return []
        if inference_id in self._unconsumed:
            receipts = self._unconsumed[inference_id]
            receipts.append(receipt)
            del receipts[:-KEPT_RECEIPTS]
            return [Hold(receipt)]
        ownership = self._identity.owns(inference_id)
        if ownership is Ownership.OURS or inference_id in self._settled_names:
            # We register before we send, so what is ours and not pending is settled: a second delivery.
            self.counts["duplicates"] += 1
            return [Acknowledge(receipt)]
        self.counts["strangers"] += 1
        return [Release(receipt, ownership)]


def _is_nowhere_else(invocation: Invocation, completed: Completed) -> bool:
    """Whether the message is the only copy of the response: the endpoint has no S3OutputPath."""
    if invocation.state is State.ACCEPTED:
        return invocation.output_location is None
    return completed.output_location is None


_FINAL: dict[type[Outcome], State] = {
    Completed: State.COMPLETED,
    Failed: State.FAILED,
    Expired: State.EXPIRED,
    DeadlinePassed: State.ABANDONED,
    Undeliverable: State.COMPLETED,
}
