"""One piece of trouble: what goes wrong, where, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.service import Call

ANY = "*"
NOTIFICATION = "Notification"


@dataclass(frozen=True, slots=True)
class AnswerFault:
    """What goes wrong with the answer of InvokeEndpointAsync once the request is queued.

    ======= ==============================================================================
    kind    what happens to the caller
    ======= ==============================================================================
    error   an error answer of ``status``, ``code`` and ``message``; the inference runs
    early   no 202 before the notification is out, or ``seconds`` have passed
    slow    the 202 comes after ``seconds``
    ======= ==============================================================================
    """

    kind: Literal["error", "early", "slow"]
    status: int = 500
    code: str = "InternalFailure"
    message: str = "The emulator was told to fail."
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class NotificationFault:
    """What goes wrong with a notification on its way to its topic.

    ========== ===========================================================================
    kind       what becomes of it
    ========== ===========================================================================
    drop       it is never published
    duplicate  it is published ``copies`` times
    delay      it is published after ``seconds``
    reorder    it is held back until ``behind`` others have gone, yet no longer than ``seconds``
    ========== ===========================================================================
    """

    kind: Literal["drop", "duplicate", "delay", "reorder"]
    copies: int = 2
    behind: int = 3
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Occasion:
    """A moment at which something may go wrong.

    Attributes:
        service: The signing name: ``sagemaker``, ``s3``, ``sqs`` or ``sns``.
        operation: The AWS operation; `NOTIFICATION` is the publishing of a result.
        call: The request; None for a notification.
        inference_id: The invocation; None for a request.
    """

    service: str
    operation: str
    call: Call | None = None
    inference_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Says which occasions are struck, and by what.

    Without ``nth``, ``every`` or ``probability`` each matching occasion is struck.

    Attributes:
        service: The signing name, or `ANY`.
        operation: The AWS operation, or `ANY`.
        fault: What happens.
        nth: Strike the nth matching occasion alone, counted from 1.
        every: Strike each nth one.
        probability: Strike each with this probability.
        times: Strike no more often than this; None is no limit.
        first_seconds: Strike only for so long after the rule was added.
        when: Strike only where this says so.
        label: The name under which strikes are counted; the fault's kind if empty.
    """

    service: str
    operation: str
    fault: Fault | AnswerFault | NotificationFault
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    times: int | None = None
    first_seconds: float | None = None
    when: Callable[[Occasion], bool] | None = None
    label: str = ""

    def __post_init__(self) -> None:
        if sum(choice is not None for choice in (self.nth, self.every, self.probability)) > 1:
            raise ValueError("nth, every and probability exclude one another; give two rules instead")
        for name, number in (("nth", self.nth), ("every", self.every)):
            if number is not None and number < 1:
                raise ValueError(f"{name} counts from 1, and is {number}")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(f"probability lies between 0 and 1, and is {self.probability}")

    @property
    def name(self) -> str:
        """What `Trouble.injected` counts it as."""
        return self.label or self.fault.kind

    def matches(self, occasion: Occasion) -> bool:
        """Whether the rule speaks of this occasion."""
        return (
            self.service in (ANY, occasion.service)
            and self.operation in (ANY, occasion.operation)
            and (self.when is None or self.when(occasion))
        )
