"""What passes a filter policy: by example, and whatever Hypothesis thinks of."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.emulator.filter_policy import matches, matches_body, parse_body
from aio_sm_async.emulator.json_value import JsonObject, JsonValue
from aio_sm_async.emulator.message_attributes import MessageAttribute

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.text("abc", max_size=3))
KEYS = st.sampled_from(["a", "b", "c"])
BODIES = st.dictionaries(KEYS, st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), max_size=3)
RULES = st.one_of(
    SCALARS,
    st.builds(lambda text: {"prefix": text}, st.text("abc", max_size=2)),
    st.builds(lambda text: {"suffix": text}, st.text("abc", max_size=2)),
    st.builds(lambda texts: {"anything-but": texts}, st.lists(st.text("abc", max_size=2), min_size=1)),
    st.builds(lambda flag: {"exists": flag}, st.booleans()),
    st.builds(lambda bound: {"numeric": [">=", bound]}, st.integers(-9, 9)),
)
RULE_LISTS = st.lists(RULES, min_size=1, max_size=3)
POLICIES = st.dictionaries(KEYS, RULE_LISTS, min_size=1, max_size=3)


def passes(policy: JsonObject, body: JsonValue) -> bool:
    return matches(policy, "MessageBody", json.dumps(body), {})


def attributes_pass(policy: JsonObject, **attributes: tuple[str, str | bytes]) -> bool:
    sent = {name: MessageAttribute(*of) for name, of in attributes.items()}
    return matches(policy, "MessageAttributes", "not looked at", sent)


@pytest.mark.parametrize(
    ("rule", "let_in", "kept_out"),
    [
        ("x", ["x", ["y", "x"], [["x"]]], ["X", "xx", ["y"], None, 1, {"x": "x"}]),
        (1, [1, 1.0, [2, 1]], [True, "1", 2]),
        (True, [True], [1, "true", False]),
        (None, [None, [1, None]], ["null", 0, []]),
        ({"prefix": "ab"}, ["ab", "abc", ["x", "abz"]], ["aab", "Ab", "a", 12, None]),
        ({"suffix": "ab"}, ["ab", "cab", ["x", "zab"]], ["aba", "AB", "b", 12, None]),
        ({"equals-ignore-case": "aB"}, ["ab", "AB"], ["abc", 1, None]),
        ({"anything-but": "x"}, ["y", 1, ["x", "y"]], ["x", ["x", "x"], []]),
        ({"anything-but": ["x", "y"]}, ["z", "xy"], ["x", "y", ["y", "x"]]),
        ({"anything-but": [1, 2]}, [3, "1"], [1, 2.0]),
        ({"anything-but": {"prefix": "x"}}, ["y", "ax", ["xa", "ya"]], ["x", "xa", 1]),
        ({"exists": True}, [0, "", None, [1], False], [[], {}, {"x": 1}]),
        ({"exists": False}, [[], {}, {"x": 1}], [0, None, [1]]),
        ({"numeric": ["=", 5]}, [5, 5.0, [1, 5]], [4, "5", True, None]),
        ({"numeric": [">", 0, "<=", 5]}, [5, 0.1, [9, 1]], [0, 5.1, [-1, 9], "3"]),
        ({"numeric": [">=", 5]}, [5, 6], [4.999]),
        ({"numeric": ["<", 5]}, [4, -1e8], [5]),
        ({"cidr": "10.0.0.0/24"}, ["10.0.0.255"], ["10.0.1.0", "host", 10, None]),
    ],
    ids=str,
)
def test_rule(rule: JsonValue, let_in: list[JsonValue], kept_out: list[JsonValue]) -> None:
    """A rule lets in exactly what its operator says, and any array that has such an element."""
    decided = [[passes({"k": [rule]}, {"k": value}) for value in values] for values in (let_in, kept_out)]

    assert [[True] * len(let_in), [False] * len(kept_out)] == decided


def test_a_missing_key_passes_only_what_asks_for_its_absence() -> None:
    """Not even anything-but, nor null in a body."""
    rules: list[JsonValue] = ["x", None, {"anything-but": "x"}, {"exists": True}, {"exists": False}]

    assert [False, False, False, False, True] == [passes({"k": [rule]}, {"other": 1}) for rule in rules]


def test_nested_keys_are_looked_up_level_by_level() -> None:
    """The same key elsewhere does not do."""
    policy: JsonObject = {"requestParameters": {"customAttributes": [{"prefix": "job-"}]}}

    assert passes(policy, {"requestParameters": {"customAttributes": "job-1"}})
    assert not passes(policy, {"customAttributes": "job-1"})
    assert not passes(policy, {"requestParameters": "job-1"})
    assert not passes(policy, {"requestParameters": [{"endpointName": "job-1"}]})


def test_nested_absence_holds_where_the_parent_is_absent() -> None:
    """Or empty, or no object at all."""
    policy: JsonObject = {"a": {"b": [{"exists": False}]}}
    bodies: list[JsonValue] = [{}, {"a": {}}, {"a": []}, {"a": 1}, {"a": {"b": 1}}, {"a": [{"b": 1}]}]

    assert [True, True, True, True, False, False] == [passes(policy, body) for body in bodies]


def test_keys_below_an_array_must_match_in_one_element() -> None:
    """Half in one and half in another is no match; an element in an array of arrays is an element."""
    policy: JsonObject = {"a": {"b": ["x"], "c": ["y"]}}

    assert passes(policy, {"a": [{"b": "x"}, [{"b": "x", "c": "y"}]]})
    assert not passes(policy, {"a": [{"b": "x"}, {"c": "y"}]})


def test_or_wants_one_alternative_and_all_other_keys() -> None:
    """Alternatives may have several keys; nesting does not change what they mean."""
    policy: JsonObject = {"z": ["1"], "$or": [{"a": ["x"], "b": ["y"]}, {"c": [{"exists": True}]}]}
    bodies: list[JsonValue] = [{"a": "x", "b": "y"}, {"c": 0}, {"a": "x"}]

    assert [True, True, False] == [passes(policy, {"z": "1", **body}) for body in bodies]  # type: ignore[dict-item]
    assert not passes(policy, {"z": "2", "c": 0})
    assert passes({"k": policy}, {"k": {"z": "1", "c": 0}})


@pytest.mark.parametrize("message", ["plain text", "", '"a string"', "[1]", "null", '{"k": 1', "7"])
def test_what_is_no_json_object_passes_no_filter_on_the_body(message: str) -> None:
    """Not even one that asks for absence."""
    assert not matches({"k": [{"exists": False}]}, "MessageBody", message, {})


def test_attributes_are_matched_by_their_types() -> None:
    """Numbers as numbers, arrays element by element, text as it is; labels after the dot change nothing."""
    policy: JsonObject = {"k": [301.5, "x"]}

    assert attributes_pass(policy, k=("Number", "301.50"))
    assert attributes_pass(policy, k=("Number.float", "3015e-1"))
    assert attributes_pass(policy, k=("String", "x"))
    assert attributes_pass(policy, k=("String.Array", '["y", "x"]'))
    assert not attributes_pass(policy, k=("String", "301.5"))
    assert not attributes_pass(policy, k=("String", '["x"]'))


def test_what_is_no_array_and_what_is_binary_is_as_good_as_absent() -> None:
    """So it passes only what asks for absence."""
    for attribute in (("Binary", b"x"), ("String.Array", "x"), ("String.Array", '{"x": 1}')):
        assert not attributes_pass({"k": ["x"]}, k=attribute)
        assert attributes_pass({"k": [{"exists": False}]}, k=attribute)


def test_null_lets_a_message_without_the_attribute_through() -> None:
    """Among the rules of an attribute, unlike in a body."""
    assert attributes_pass({"k": [None, "x"]})
    assert attributes_pass({"k": [None, "x"]}, k=("String", "x"))
    assert not attributes_pass({"k": [None, "x"]}, k=("String", "y"))


def test_or_works_on_attributes_too() -> None:
    """As in a body."""
    policy: JsonObject = {"$or": [{"a": ["x"]}, {"b": ["y"]}]}

    assert attributes_pass(policy, b=("String", "y"))
    assert not attributes_pass(policy, a=("String", "y"))


@given(POLICIES, BODIES)
def test_keys_are_a_conjunction(policy: JsonObject, body: JsonObject) -> None:
    """A policy lets through what each of its keys, alone, lets through."""
    alone = [matches_body({key: rules}, body) for key, rules in policy.items()]

    assert all(alone) == matches_body(policy, body)


@given(KEYS, RULE_LISTS, BODIES)
def test_rules_are_a_disjunction(key: str, rules: list[JsonValue], body: JsonObject) -> None:
    """A key lets through what one of its rules, alone, lets through; and so does $or of the rules."""
    alone = [matches_body({key: [rule]}, body) for rule in rules]

    assert any(alone) == matches_body({key: rules}, body)
    assert any(alone) == matches_body({"$or": [{key: [rule]} for rule in rules]}, body)


@given(KEYS, BODIES)
def test_presence_and_absence_divide_all_messages(key: str, body: JsonObject) -> None:
    """Each message passes one of the two."""
    present, absent = ({key: [{"exists": flag}]} for flag in (True, False))

    assert matches_body(present, body) != matches_body(absent, body)


@given(POLICIES, BODIES)
def test_what_the_policy_does_not_name_does_not_matter(policy: JsonObject, body: JsonObject) -> None:
    """Other keys may hold what they like."""
    assert matches_body(policy, body) == matches_body(policy, {**body, "unnamed": ["x", {"y": 1}]})


@given(st.text(), st.text())
def test_prefix_and_suffix_agree_with_the_text(text: str, part: str) -> None:
    """For any text."""
    assert text.startswith(part) == matches_body({"k": [{"prefix": part}]}, {"k": text})
    assert text.endswith(part) == matches_body({"k": [{"suffix": part}]}, {"k": text})


@given(st.text())
def test_any_message_can_be_looked_into(message: str) -> None:
    """Reading one never fails."""
    assert matches_body({"k": ["x"]}, parse_body(message)) in (True, False)
