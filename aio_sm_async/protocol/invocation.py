"""One invocation: what we asked for, what SageMaker answered, and the states that it passes through.

    registered ─► accepted | ambiguous | rejected
    accepted, ambiguous ─► completed | failed | expired | abandoned

`TRANSITIONS` is the whole machine; a pair that is not in it cannot happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from aio_sm_async.protocol.completion import Completion
from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.location import S3Location


class State(Enum):
    """Where an invocation stands."""

    __hash__ = object.__hash__  # Enum's own is written in Python, and asked at each step

    REGISTERED = "registered"  # its id is known here, SageMaker has not answered
    ACCEPTED = "accepted"  # 202: queued there, not done
    AMBIGUOUS = "ambiguous"  # sent, and nobody knows whether it was accepted
    REJECTED = "rejected"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    ABANDONED = "abandoned"  # nobody here waits any more: given up by its owner, or past its deadline

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not TRANSITIONS[self]


_ENDS = frozenset({State.COMPLETED, State.FAILED, State.EXPIRED, State.ABANDONED})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.REGISTERED: frozenset({State.ACCEPTED, State.AMBIGUOUS, State.REJECTED, State.ABANDONED}),
    State.ACCEPTED: _ENDS,
    State.AMBIGUOUS: _ENDS | {State.ACCEPTED},  # a resend may be answered
    State.REJECTED: frozenset(),
    State.COMPLETED: frozenset(),
    State.FAILED: frozenset(),
    State.EXPIRED: frozenset(),
    State.ABANDONED: frozenset(),
}


@dataclass(slots=True, eq=False)
class Invocation:
    """One InvokeEndpointAsync request and its whole life.

    Attributes:
        inference_id: Its name, ours or the caller's.
        endpoint_name: Where it runs.
        patience_seconds: Queue TTL, invocation timeout and margin: past it SageMaker is done with it.
        extension: The ``S3OutputPathExtension`` that was sent; None if none was.
        filename: The ``Filename`` that was sent; None if none was.
        object_name: What its objects in S3 are named after; None for the id. Unlike a caller's own id it is
            never used twice, so that no object of an earlier invocation can be taken for this one's.
        key: What its caller calls it.
        is_in_block: Whether its output lies under a prefix that it shares with others of this client only.
        state: Where it stands.
        output_location: Where the 202 said that the response will lie.
        failure_location: Where the 202 said that a failure will lie.
        deadline: When SageMaker is done with it for certain, on the monotonic clock; None while unanswered.
        resends: How often it was sent again after an ambiguous answer.
        held: Completions that came before SageMaker answered the request.
        is_resolving: A completion is believed, and its body is being fetched.
        receipts: Messages to acknowledge when it is settled.
        is_recorded: Whether the journal knows how it ended.
    """

    inference_id: str
    endpoint_name: str
    patience_seconds: float
    extension: str | None = None
    filename: str | None = None
    object_name: str | None = None
    key: str | None = None
    is_in_block: bool = False
    state: State = State.REGISTERED
    output_location: S3Location | None = None
    failure_location: S3Location | None = None
    deadline: float | None = None
    resends: int = 0
    held: list[Delivery] = field(default_factory=list)
    is_resolving: bool = False
    receipts: list[Receipt] = field(default_factory=list)
    is_recorded: bool = False

    def move_to(self, state: State) -> None:
        """Enter ``state``; an assertion fails if the machine has no such step."""
        assert state in TRANSITIONS[self.state], f"{self.state} to {state}"
        self.state = state


class Receipt(Protocol):
    """One message, as its source knows it. The registry says what happens to it, and when."""

    def acknowledge(self) -> None:
        """Let the message be deleted."""
        ...

    def hold(self) -> None:
        """Let the message stay where it is, unseen for long: it is the only copy of a result."""
        ...

    def release(self, ownership: Ownership) -> None:
        """Let the message become visible to others, sooner or later as its owner suggests."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A completion on its way in.

    Attributes:
        completion: What it says.
        source: Who says so: ``sqs``, ``polling``, ``webhook``.
        receipt: The message that carried it; None where there is nothing to acknowledge.
    """

    completion: Completion
    source: str
    receipt: Receipt | None = None
