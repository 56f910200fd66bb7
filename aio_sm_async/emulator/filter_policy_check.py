"""What SNS accepts as a filter policy: its grammar and its limits.

The limits count as the developer guide counts: keys are those that have rules, not their parents; the
combinations are the product, over these keys, of the number of rules times the depth at which the key stands.
The alternatives of an ``$or`` are added, then multiplied with the rest. No policy is nested more deeply than
it may have combinations: a deeper key would be too many by itself, and a deeper ``$or`` is as bad (guessed).

``anything-but`` takes a prefix but no suffix, and one prefix but no list of them: so SNS answered when it was
asked (observed in 2024). ``wildcard`` is not emulated.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from aio_sm_async.emulator.filter_policy import FilterScope
from aio_sm_async.emulator.json_value import JsonObject, JsonValue, parse_json

_MOST_KEYS = 5
_MOST_COMBINATIONS = 150
_MOST_BYTES = 262_144
_LARGEST_NUMBER = 1e9
_OR = "$or"


class FilterPolicyError(ValueError):
    """SNS would not accept the policy; the message is what it says after ``FilterPolicy:``."""


def parse_policy(text: str, scope: FilterScope) -> JsonObject:
    """Read a filter policy and check it.

    Raises:
        FilterPolicyError: It is none, or beyond a limit.
    """
    if len(text.encode()) > _MOST_BYTES:
        raise FilterPolicyError("Filter policy is larger than 256 KB")
    try:
        policy = parse_json(text)
    except ValueError as exc:
        raise FilterPolicyError("failed to parse JSON") from exc
    if not isinstance(policy, dict):
        raise FilterPolicyError("Filter is not an object")
    check_policy(policy, scope)
    return policy


def check_policy(policy: Mapping[str, JsonValue], scope: FilterScope = "MessageBody") -> None:
    """Return if SNS accepts the policy.

    Raises:
        FilterPolicyError: It does not.
    """
    if scope == "MessageAttributes" and any(isinstance(rules, dict) for rules in policy.values()):
        raise FilterPolicyError("Filter policy scope MessageAttributes does not support nested filter policy")
    _check_object(policy, 1)
    if len(set(_keys(policy, ""))) > _MOST_KEYS:
        raise FilterPolicyError(f"Filter policy can not have more than {_MOST_KEYS} keys")
    if _combinations(policy, 1) > _MOST_COMBINATIONS:
        raise FilterPolicyError("Filter policy is too complex")


def _check_object(policy: Mapping[str, JsonValue], depth: int) -> None:
    if depth > _MOST_COMBINATIONS:
        raise FilterPolicyError("Filter policy is too complex")
    for key, rules in policy.items():
        if isinstance(rules, dict):
            if not rules:
                raise FilterPolicyError("Empty objects are not allowed")
            _check_object(rules, depth + 1)
        elif not isinstance(rules, list):
            raise FilterPolicyError(f'"{key}" must be an object or an array')
        elif not rules:
            raise FilterPolicyError("Empty arrays are not allowed")
        elif key == _OR:
            _check_alternatives(rules, depth)
        else:
            for rule in rules:
                _check_rule(rule)


def _check_alternatives(alternatives: list[JsonValue], depth: int) -> None:
    for each in alternatives:
        if not isinstance(each, dict) or not each:
            raise FilterPolicyError('"$or" must be an array of objects')
        _check_object(each, depth + 1)


def _check_rule(rule: JsonValue) -> None:
    if isinstance(rule, list):
        raise FilterPolicyError("Match value must be String, number, true, false, or null")
    if not isinstance(rule, dict):
        _check_number(rule)
        return
    if len(rule) != 1:
        raise FilterPolicyError("Only one key allowed in match expression")
    ((name, operand),) = rule.items()
    match name:
        case "prefix" | "suffix" | "equals-ignore-case":
            _check_text(name, operand)
        case "exists":
            if not isinstance(operand, bool):
                raise FilterPolicyError("exists match pattern must be either true or false.")
        case "anything-but":
            _check_anything_but(operand)
        case "numeric":
            _check_numeric(operand)
        case "cidr":
            _check_network(operand)
        case _:
            raise FilterPolicyError(f"Unrecognized match type {name}")


def _check_text(name: str, operand: JsonValue) -> None:
    if not isinstance(operand, str):
        raise FilterPolicyError(f"{name} match pattern must be a string")


def _check_number(value: JsonValue) -> None:
    if isinstance(value, int | float) and abs(value) > _LARGEST_NUMBER:
        raise FilterPolicyError("Value must be between -1.0E9 and 1.0E9, inclusive")


def _check_anything_but(operand: JsonValue) -> None:
    if isinstance(operand, dict):
        if list(operand) != ["prefix"]:
            raise FilterPolicyError(f"Unsupported anything-but pattern: {next(iter(operand), '')}")
        _check_text("prefix", operand["prefix"])
        return
    refused: list[JsonValue] = operand if isinstance(operand, list) else [operand]
    are_alike = all(isinstance(each, str) for each in refused) or all(_is_number(each) for each in refused)
    if not refused or not are_alike:
        raise FilterPolicyError("Inside anything but list, either all values are number or string")
    for each in refused:
        _check_number(each)


def _check_numeric(operand: JsonValue) -> None:
    """A comparison, or a lower bound and then an upper one."""
    if not isinstance(operand, list):
        raise FilterPolicyError("Value of numeric must be an array.")
    terms = list(operand)
    first, low = _take_term(terms, ("=", "<", "<=", ">", ">="), "Unrecognized numeric range operator")
    if not terms:
        return
    if first not in (">", ">="):
        raise FilterPolicyError("Too many elements in numeric expression")
    _, high = _take_term(terms, ("<", "<="), "Bad numeric range operator")
    if terms:
        raise FilterPolicyError("Too many terms in numeric range expression")
    if low >= high:
        raise FilterPolicyError("Bottom must be less than top")


def _take_term(terms: list[JsonValue], signs: tuple[str, ...], complaint: str) -> tuple[str, float]:
    sign = terms.pop(0) if terms else "]"
    if not isinstance(sign, str) or sign == "]":
        shown = type(sign).__name__ if isinstance(sign, dict | list) else sign
        raise FilterPolicyError(f"Invalid member in numeric match: {shown}")
    if sign not in signs:
        raise FilterPolicyError(f"{complaint}: {sign}")
    bound = terms.pop(0) if terms else None
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        raise FilterPolicyError(f"Value of {'equals' if sign == '=' else sign} must be numeric")
    _check_number(bound)
    return sign, bound


def _check_network(operand: JsonValue) -> None:
    if not isinstance(operand, str):
        raise FilterPolicyError("Malformed CIDR: it must be a string")
    try:
        ipaddress.ip_network(operand, strict=False)
    except ValueError as exc:
        raise FilterPolicyError(f"Malformed CIDR: {operand}") from exc


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _keys(policy: Mapping[str, JsonValue], path: str) -> Iterator[str]:
    """The paths of all keys that have rules."""
    for key, rules in policy.items():
        if isinstance(rules, dict):
            yield from _keys(rules, f"{path}{key}.")
        elif key == _OR and isinstance(rules, list):
            for each in rules:
                yield from _keys(each, path) if isinstance(each, dict) else ()
        else:
            yield path + key


def _combinations(policy: Mapping[str, JsonValue], depth: int) -> int:
    total = 1
    for key, rules in policy.items():
        if isinstance(rules, dict):
            total *= _combinations(rules, depth + 1)
        elif key == _OR and isinstance(rules, list):
            total *= sum(_combinations(each, depth) for each in rules if isinstance(each, dict))
        elif isinstance(rules, list):
            total *= len(rules) * depth
    return total
