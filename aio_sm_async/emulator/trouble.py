"""The plan of what goes wrong, and the account of what went wrong: seeded, so that a run can be repeated."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from aio_sm_async.emulator.clock import Clock, SystemClock
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.rule import NOTIFICATION, AnswerFault, NotificationFault, Occasion, Rule
from aio_sm_async.emulator.service import Call


@dataclass(slots=True, eq=False)
class _Armed:
    """A rule at work."""

    rule: Rule
    since: float
    seen: int = 0
    struck: int = 0

    def strikes(self, now: float, dice: random.Random) -> bool:
        """Count one matching occasion, and say whether it is to be struck."""
        self.seen += 1
        rule = self.rule
        # Rolled even where it cannot matter, so that one limit does not shift all later luck.
        lucky = rule.probability is None or dice.random() < rule.probability
        if rule.times is not None and self.struck >= rule.times:
            return False
        if rule.first_seconds is not None and now - self.since >= rule.first_seconds:
            return False
        if rule.nth is not None:
            return self.seen == rule.nth
        if rule.every is not None:
            return self.seen % rule.every == 0
        return lucky


class Trouble:
    """Decides which calls, answers and notifications go wrong. One without rules does no harm.

    Every rule that matches counts the occasion; the first of them that wants to strikes.

    Attributes:
        injected: How often which trouble struck, by the rule's name.
    """

    def __init__(self, seed: int = 0, clock: Clock | None = None) -> None:
        self.injected: Counter[str] = Counter()
        self._dice = random.Random(seed)  # noqa: S311 - luck that can be repeated, not a secret
        self._clock = clock or SystemClock()
        self._calls: list[_Armed] = []
        self._answers: list[_Armed] = []
        self._notifications: list[_Armed] = []

    def __repr__(self) -> str:
        rules = len(self._calls) + len(self._answers) + len(self._notifications)
        return f"<Trouble {rules} rules, {self.injected.total()} strikes>"

    def add(self, *rules: Rule) -> None:
        """Put rules into force, behind those that are."""
        for rule in rules:
            self._list_for(rule).append(_Armed(rule, self._clock.monotonic()))

    def remove(self, rule: Rule) -> None:
        """Take a rule out of force; one that is not in force is ignored."""
        armed = self._list_for(rule)
        armed[:] = [each for each in armed if each.rule != rule]

    def clear(self) -> None:
        """Take all rules out of force. The account stays."""
        for armed in (self._calls, self._answers, self._notifications):
            armed.clear()

    def strike(self, service: str, operation: str, call: Call) -> Fault | None:
        """What the server is to do to this call."""
        if not self._calls:
            return None
        fault = self._first(self._calls, Occasion(service, operation, call))
        assert fault is None or isinstance(fault, Fault)
        return fault

    def on_answer(self, operation: str, call: Call) -> AnswerFault | None:
        """What is to become of the answer to a request that is queued."""
        if not self._answers:
            return None
        fault = self._first(self._answers, Occasion("sagemaker", operation, call))
        assert fault is None or isinstance(fault, AnswerFault)
        return fault

    def on_notification(self, inference_id: str) -> NotificationFault | None:
        """What is to become of the notification of this invocation's end."""
        if not self._notifications:
            return None
        occasion = Occasion("sagemaker", NOTIFICATION, inference_id=inference_id)
        fault = self._first(self._notifications, occasion)
        assert fault is None or isinstance(fault, NotificationFault)
        return fault

    def _list_for(self, rule: Rule) -> list[_Armed]:
        match rule.fault:
            case Fault():
                return self._calls
            case AnswerFault():
                return self._answers
            case NotificationFault():
                return self._notifications

    def _first(
        self, armed: list[_Armed], occasion: Occasion
    ) -> Fault | AnswerFault | NotificationFault | None:
        now = self._clock.monotonic()
        wanting = [each for each in armed if each.rule.matches(occasion) and each.strikes(now, self._dice)]
        if not wanting:
            return None
        winner = wanting[0]
        winner.struck += 1
        self.injected[winner.rule.name] += 1
        return winner.rule.fault
