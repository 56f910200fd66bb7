"""Whether a queue's policy lets SNS put a message in.

What is understood: Allow and Deny; SNS's service principal and ``*``; actions and resources with wildcards;
the condition operators in `_OPERATORS` on the source topic, the source account and whether the transport is
secure (it is). A condition that is not understood holds for nobody: what it allows is not allowed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aio_sm_async.emulator.json_value import JsonObject, JsonValue

_SERVICE = "sns.amazonaws.com"
_ACTION = "sqs:sendmessage"


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A policy. It never changes, a queue gets another one instead: so each answer is found only once.

    Attributes:
        document: What it says.
    """

    document: JsonObject
    _answers: dict[tuple[str, str], bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def allows_delivery(self, *, queue_arn: str, topic_arn: str) -> bool:
        """Whether the topic may deliver to the queue: one statement allows it and none denies it."""
        known = self._answers.get((queue_arn, topic_arn))
        if known is None:
            known = self._answers[queue_arn, topic_arn] = _allows(self.document, queue_arn, topic_arn)
        return known


def _allows(policy: JsonObject, queue_arn: str, topic_arn: str) -> bool:
    context = {
        "aws:sourcearn": topic_arn,
        "aws:sourceaccount": topic_arn.split(":")[4],
        "aws:securetransport": "true",
    }
    effects = [
        statement.get("Effect")
        for statement in _list(policy.get("Statement"))
        if isinstance(statement, dict) and _applies(statement, queue_arn, context)
    ]
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: JsonObject, queue_arn: str, context: Mapping[str, str]) -> bool:
    return (
        _names_sns(statement.get("Principal"))
        and any(_like(action.lower(), _ACTION) for action in _texts(statement.get("Action")))
        and any(_like(resource, queue_arn) for resource in _texts(statement.get("Resource")))
        and _holds(statement.get("Condition"), context)
    )


def _names_sns(principal: JsonValue) -> bool:
    if isinstance(principal, dict):
        return _SERVICE in _texts(principal.get("Service")) or "*" in _texts(principal.get("AWS"))
    return principal == "*"


def _holds(condition: JsonValue, context: Mapping[str, str]) -> bool:
    if condition is None:
        return True
    return isinstance(condition, dict) and all(
        isinstance(keys, dict) and _operator_holds(name, keys, context) for name, keys in condition.items()
    )


def _operator_holds(name: str, keys: JsonObject, context: Mapping[str, str]) -> bool:
    agrees = _OPERATORS.get(name)
    return agrees is not None and all(
        (actual := context.get(key.lower())) is not None
        and any(agrees(wanted, actual) for wanted in _texts(wanted_values))
        for key, wanted_values in keys.items()
    )


def _same(wanted: str, actual: str) -> bool:
    return wanted == actual


def _same_ignoring_case(wanted: str, actual: str) -> bool:
    return wanted.lower() == actual.lower()


def _like(pattern: str, text: str) -> bool:
    """Whether the text fits a pattern with ``*`` and ``?``."""
    return pattern == text or _expression(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=1_000)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _arn_like(pattern: str, arn: str) -> bool:
    """Whether the ARN fits a pattern, part by part: a wildcard does not reach over a colon."""
    wanted, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(parts) and all(map(_like, wanted, parts))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": _arn_like,  # IAM documents that the two behave identically
    "ArnLike": _arn_like,
    "StringEquals": _same,
    "StringEqualsIgnoreCase": _same_ignoring_case,
    "StringLike": _like,
    "Bool": _same_ignoring_case,
}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


def _texts(value: JsonValue) -> list[str]:
    """One text or a list of them; IAM's booleans and numbers may come as JSON's."""
    return [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in _list(value)
        if isinstance(each, str | int | float)
    ]
