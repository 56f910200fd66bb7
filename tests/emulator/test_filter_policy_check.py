"""Which filter policies SNS takes."""

from __future__ import annotations

import json

import pytest

from aio_sm_async.emulator.filter_policy import FilterScope
from aio_sm_async.emulator.filter_policy_check import FilterPolicyError, check_policy, parse_policy
from aio_sm_async.emulator.json_value import JsonObject, JsonValue


def rules(number: int) -> list[JsonValue]:
    return [f"rule-{each}" for each in range(number)]


def refusal(policy: JsonObject, scope: FilterScope = "MessageBody") -> str:
    with pytest.raises(FilterPolicyError) as caught:
        check_policy(policy, scope)
    return str(caught.value)


@pytest.mark.parametrize(
    "rule",
    [
        "x",
        0,
        -1e9,
        True,
        None,
        {"prefix": "x"},
        {"suffix": "x"},
        {"equals-ignore-case": "x"},
        {"anything-but": "x"},
        {"anything-but": ["x", "y"]},
        {"anything-but": [1, 2]},
        {"anything-but": {"prefix": "x"}},
        {"exists": False},
        {"numeric": ["=", 1e9]},
        {"numeric": [">", 0, "<=", 1.5]},
        {"cidr": "10.0.0.0/24"},
        {"cidr": "2001:db8::/32"},
    ],
    ids=str,
)
def test_accepted_rule(rule: JsonValue) -> None:
    """Each documented operator is taken."""
    policy: JsonObject = {"k": [rule]}

    assert policy == parse_policy(json.dumps(policy), "MessageBody")


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (["x"], "Match value must be"),
        ({}, "Only one key"),
        ({"prefix": "x", "suffix": "y"}, "Only one key"),
        ({"wildcard": "x*"}, "Unrecognized match type wildcard"),
        ({"prefix": 1}, "prefix match pattern must be a string"),
        ({"suffix": ["x"]}, "suffix match pattern must be a string"),
        ({"equals-ignore-case": None}, "equals-ignore-case match pattern must be a string"),
        ({"exists": "true"}, "must be either true or false"),
        (1_000_000_001, "between -1.0E9 and 1.0E9"),
        (-1e9 - 1, "between -1.0E9 and 1.0E9"),
        ({"anything-but": []}, "Inside anything but list"),
        ({"anything-but": ["x", 1]}, "Inside anything but list"),
        ({"anything-but": True}, "Inside anything but list"),
        ({"anything-but": [2e9]}, "between -1.0E9 and 1.0E9"),
        ({"anything-but": {"suffix": "x"}}, "Unsupported anything-but pattern: suffix"),
        ({"anything-but": {}}, "Unsupported anything-but pattern"),
        ({"anything-but": {"prefix": ["x"]}}, "prefix match pattern must be a string"),
        ({"numeric": 5}, "must be an array"),
        ({"numeric": []}, "Invalid member in numeric match"),
        ({"numeric": [5]}, "Invalid member in numeric match"),
        ({"numeric": ["!=", 5]}, "Unrecognized numeric range operator: !="),
        ({"numeric": ["="]}, "Value of equals must be numeric"),
        ({"numeric": [">", "5"]}, "Value of > must be numeric"),
        ({"numeric": [">", True]}, "Value of > must be numeric"),
        ({"numeric": ["<", 2e9]}, "between -1.0E9 and 1.0E9"),
        ({"numeric": ["=", 5, "<", 6]}, "Too many elements in numeric expression"),
        ({"numeric": ["<", 5, ">", 1]}, "Too many elements in numeric expression"),
        ({"numeric": [">", 1, ">", 5]}, "Bad numeric range operator: >"),
        ({"numeric": [">", 1, "<"]}, "Value of < must be numeric"),
        ({"numeric": [">", 1, "<", 5, "<", 6]}, "Too many terms in numeric range expression"),
        ({"numeric": [">", 5, "<", 5]}, "Bottom must be less than top"),
        ({"cidr": "10.0.0/24"}, "Malformed CIDR"),
    ],
    ids=str,
)
def test_refused_rule(rule: JsonValue, reason: str) -> None:
    """Whatever is none of them is refused, wherever it stands, and the error says why."""
    assert reason in refusal({"k": [rule]})
    assert reason in refusal({"outer": {"k": ["x", rule]}})
    assert reason in refusal({"$or": [{"j": ["x"]}, {"k": [rule]}]})


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"k": "x"}, '"k" must be an object or an array'),
        ({"k": []}, "Empty arrays are not allowed"),
        ({"k": {}}, "Empty objects are not allowed"),
        ({"k": {"j": 1}}, '"j" must be an object or an array'),
        ({"$or": []}, "Empty arrays are not allowed"),
        ({"$or": ["x"]}, '"$or" must be an array of objects'),
        ({"$or": [{}]}, '"$or" must be an array of objects'),
    ],
    ids=str,
)
def test_refused_structure(policy: JsonObject, reason: str) -> None:
    """Keys hold arrays of rules, or objects of such keys."""
    assert reason in refusal(policy)


def test_what_is_no_json_object_is_no_policy() -> None:
    """Neither broken JSON nor another JSON value."""
    for text in ("", "{", "[]", '"x"', "null", '{"k":[NaN]}', '{"k":[{"numeric":["<",Infinity]}]}'):
        with pytest.raises(FilterPolicyError):
            parse_policy(text, "MessageBody")


def test_a_policy_has_at_most_256_kib() -> None:
    """Counted in bytes; spaces count."""
    room = 262_144 - len('{"k":["é"]}'.encode())
    fits = '{"k":["é"]}' + " " * room

    assert parse_policy(fits, "MessageBody") == {"k": ["é"]}
    with pytest.raises(FilterPolicyError, match="larger than 256 KB"):
        parse_policy(fits + " ", "MessageBody")


def test_only_bodies_have_nested_keys() -> None:
    """Attributes are flat; $or is no nesting."""
    assert "does not support nested" in refusal({"a": {"b": ["x"]}}, "MessageAttributes")
    check_policy({"$or": [{"a": ["x"]}, {"b": ["x"]}]}, "MessageAttributes")


def test_a_policy_has_at_most_five_keys() -> None:
    """Those with rules count, parents do not; in alternatives a key counts once."""
    check_policy({"p": {str(each): ["x"] for each in range(5)}})
    check_policy({"$or": [{"a": ["x"], "b": ["x"]}, {"b": ["x"], "c": ["x"]}], "d": ["x"], "e": ["x"]})

    assert "more than 5 keys" in refusal({str(each): ["x"] for each in range(6)})
    assert "more than 5 keys" in refusal(
        {"p": {"a": ["x"], "b": ["x"], "c": ["x"]}, "q": {"a": ["x"], "b": ["x"], "c": ["x"]}}
    )


def test_a_policy_has_at_most_150_combinations() -> None:
    """The product of the numbers of rules, each times the depth of its key."""
    check_policy({"a": rules(15), "b": rules(10)})
    check_policy({"a": {"b": rules(75)}})
    check_policy({"a": {"b": {"c": rules(50)}}})

    assert "too complex" in refusal({"a": rules(151)})
    assert "too complex" in refusal({"a": rules(16), "b": rules(10)})
    assert "too complex" in refusal({"a": {"b": rules(76)}})
    assert "too complex" in refusal({"a": {"b": {"c": rules(51)}}})


@pytest.mark.parametrize(
    ("before", "core", "after"),
    [
        ('{"k":', '["x"]', "}"),
        ('{"$or":[', '{"k":["x"]}', "]}"),
        ("[", "", "]"),
    ],
)
def test_a_policy_is_only_so_deep(before: str, core: str, after: str) -> None:
    """However deep it is, it is refused and not choked on: keys, alternatives, rules."""
    for depth in (151, *range(300, 1_000, 20), 100_000):
        nested = before * depth + core + after * depth
        for text in (nested, f'{{"k":[{{"cidr":{nested}}}]}}', f'{{"k":[{{"numeric":[{nested}]}}]}}'):
            with pytest.raises(FilterPolicyError):
                parse_policy(text[:262_144], "MessageBody")


def test_alternatives_add_up() -> None:
    """Before they are multiplied with the other keys."""
    check_policy({"$or": [{"a": rules(10)}, {"b": rules(20)}], "c": rules(5)})

    assert "too complex" in refusal({"$or": [{"a": rules(10)}, {"b": rules(21)}], "c": rules(5)})
