"""Which messages a subscription's filter policy lets through. Policies are taken as checked.

A policy's keys must all match; of a key's rules one must. A rule matches a scalar; an array in the message
matches if one of its elements does. The keys below an array of objects must all match within one and the same
element (guessed). ``$or`` holds policies of which one must match.

``null`` among an attribute's rules lets a message without that attribute through (observed); in a body it
matches the JSON null. ``anything-but`` matches an array that has any other element, as the developer guide
says in most of its editions. Binary attributes are as good as absent.
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from aio_sm_async.emulator.json_value import JsonObject, JsonValue, parse_json
from aio_sm_async.emulator.message_attributes import MessageAttributes

FilterScope = Literal["MessageAttributes", "MessageBody"]

_OR = "$or"
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(policy: JsonObject, scope: FilterScope, message: str, attributes: MessageAttributes) -> bool:
    """Whether a message passes the policy; with the scope MessageBody, what is no JSON object never does."""
    if scope == "MessageAttributes":
        return matches_attributes(policy, attributes)
    return matches_body(policy, parse_body(message))


def parse_body(message: str) -> JsonValue:
    """The message as JSON; None if it is none."""
    try:
        return parse_json(message)
    except ValueError:
        return None


def matches_body(policy: JsonObject, body: JsonValue) -> bool:
    """Whether a message whose body is this JSON passes the policy."""
    return isinstance(body, dict) and _matches_object(policy, body)


def matches_attributes(policy: JsonObject, attributes: MessageAttributes) -> bool:
    """Whether a message with these attributes passes the policy."""
    values = {
        name: value
        for name, attribute in attributes.items()
        if isinstance(attribute.value, str)
        and (value := _value_of(attribute.data_type, attribute.value)) is not None
    }
    return _matches_object(_with_absence(policy), values)


def _value_of(data_type: str, text: str) -> JsonValue:
    if data_type == "String.Array":
        elements = parse_body(text)
        return elements if isinstance(elements, list) else None
    if data_type.split(".", 1)[0] == "Number":
        return float(text)
    return text


def _with_absence(policy: JsonObject) -> JsonObject:
    """The policy with every null among its rules spelt out as what it means for attributes."""
    return {
        key: [*rules, {"exists": False}] if isinstance(rules, list) and None in rules else rules
        for key, rules in policy.items()
    }


def _matches_object(policy: Mapping[str, JsonValue], value: Mapping[str, JsonValue]) -> bool:
    return all(_matches_key(key, rules, value) for key, rules in policy.items())


def _matches_key(key: str, rules: JsonValue, value: Mapping[str, JsonValue]) -> bool:
    if key == _OR and isinstance(rules, list):
        return any(isinstance(each, dict) and _matches_object(each, value) for each in rules)
    found = value.get(key)
    if isinstance(rules, dict):
        return any(_matches_object(rules, each) for each in _objects(found))
    scalars = list(_scalars(found)) if key in value else []
    return isinstance(rules, list) and any(_matches_rule(rule, scalars) for rule in rules)


def _objects(value: JsonValue) -> Iterator[Mapping[str, JsonValue]]:
    """The objects that a nested policy is tried on; an empty one where there is none."""
    for each in _elements(value):
        yield each if isinstance(each, dict) else {}


def _scalars(value: JsonValue) -> Iterator[JsonValue]:
    return (each for each in _elements(value) if not isinstance(each, dict | list))


def _elements(value: JsonValue) -> Iterator[JsonValue]:
    """The value itself, or what is in an array and the arrays in it; an empty one stands for itself.

    Without recursion: how deep the arrays of a message go is for its publisher to say.
    """
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, list) and each:
            pending.extend(reversed(each))
        else:
            yield each


def _matches_rule(rule: JsonValue, scalars: list[JsonValue]) -> bool:
    if not isinstance(rule, dict):
        return any(_equal(rule, scalar) for scalar in scalars)
    ((name, operand),) = rule.items()
    if name == "exists":
        return bool(scalars) == operand
    return any(_OPERATORS[name](operand, scalar) for scalar in scalars)


def _equal(rule: JsonValue, scalar: JsonValue) -> bool:
    """Equality as JSON has it: true is not 1, and 1 is 1.0."""
    return isinstance(rule, bool) == isinstance(scalar, bool) and rule == scalar


def _has_prefix(prefix: JsonValue, scalar: JsonValue) -> bool:
    return isinstance(scalar, str) and scalar.startswith(str(prefix))


def _has_suffix(suffix: JsonValue, scalar: JsonValue) -> bool:
    return isinstance(scalar, str) and scalar.endswith(str(suffix))


def _equals_ignoring_case(text: JsonValue, scalar: JsonValue) -> bool:
    return isinstance(scalar, str) and scalar.casefold() == str(text).casefold()


def _is_anything_but(operand: JsonValue, scalar: JsonValue) -> bool:
    if isinstance(operand, dict):
        return isinstance(scalar, str) and not _has_prefix(operand["prefix"], scalar)
    refused = operand if isinstance(operand, list) else [operand]
    return not any(_equal(each, scalar) for each in refused)


def _is_in_range(operand: JsonValue, scalar: JsonValue) -> bool:
    if isinstance(scalar, bool) or not isinstance(scalar, int | float) or not isinstance(operand, list):
        return False
    bounds = zip(operand[::2], operand[1::2], strict=True)
    return all(
        isinstance(bound, int | float) and _COMPARISONS[str(sign)](scalar, bound) for sign, bound in bounds
    )


def _is_in_network(network: JsonValue, scalar: JsonValue) -> bool:
    try:
        return ipaddress.ip_address(str(scalar)) in ipaddress.ip_network(str(network), strict=False)
    except ValueError:
        return False


_OPERATORS: dict[str, Callable[[JsonValue, JsonValue], bool]] = {
    "prefix": _has_prefix,
    "suffix": _has_suffix,
    "equals-ignore-case": _equals_ignoring_case,
    "anything-but": _is_anything_but,
    "numeric": _is_in_range,
    "cidr": _is_in_network,
}
