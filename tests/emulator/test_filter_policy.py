"""Which messages a filter policy lets through, and which policies SNS accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.emulator.filter_policy import matches
from aio_sm_async.emulator.filter_policy_check import FilterPolicyError, check_policy, parse_policy
from aio_sm_async.emulator.message_attributes import MessageAttribute


def body_passes(policy: Any, body: Any) -> bool:
    """Whether a body passes a policy that SNS accepts."""
    check_policy(policy, "MessageBody")
    return matches(policy, "MessageBody", json.dumps(body), {})


def attributes_pass(policy: Any, **attributes: tuple[str, str | bytes]) -> bool:
    """Whether attributes pass a policy that SNS accepts."""
    check_policy(policy, "MessageAttributes")
    given_ = {name: MessageAttribute(*each) for name, each in attributes.items()}
    return matches(policy, "MessageAttributes", "not json", given_)


@pytest.mark.parametrize(
    ("rules", "passing", "failing"),
    [
        (
            ["rugby", "tennis"],
            ["rugby", "tennis", ["x", "tennis"]],
            ["Rugby", "baseball", "", 1, [], None, {}],
        ),
        ([{"prefix": "bas"}], ["baseball", "bas", ["x", "basket"]], ["rugby", "Bas", 1, True]),
        ([{"suffix": "ball"}], ["baseball"], ["ballet", "BALL", 7]),
        ([{"equals-ignore-case": "Tennis"}], ["tennis", "TENNIS"], ["table tennis", 1]),
        ([{"anything-but": ["rugby", "tennis"]}], ["ball", 1, ["rugby", "ball"]], ["rugby", ["tennis"], []]),
        ([{"anything-but": "rugby"}], ["tennis"], ["rugby"]),
        ([{"anything-but": [100, 500]}], [101, 100.1, "100"], [100, 500.0]),
        ([{"anything-but": {"prefix": "order-"}}], ["data-entry", "order_number"], ["order-cancelled", 5]),
        ([{"numeric": ["=", 301.5]}], [301.5, 3.015e2], ["301.5", 301, True]),
        ([{"numeric": [">", 0, "<=", 150]}], [1, 150, 0.1], [0, 151, -1, "5"]),
        ([{"numeric": ["<", 0]}], [-1], [0]),
        ([{"numeric": [">=", 5]}], [5], [4.9]),
        ([{"cidr": "10.0.0.0/24"}], ["10.0.0.0", "10.0.0.255"], ["10.1.1.0", "nowhere", 10]),
        ([100], [100, 100.0, [1, 100]], ["100", 101, True]),
        ([1, True], [1, True, 1.0], [0, False, "true"]),
        ([None], [None], ["null", 0, ""]),
        (["a", {"prefix": "b"}], ["a", "bc"], ["c"]),
        ([{"exists": True}], ["x", None, 0, ["x"]], [{}, {"a": 1}, []]),
    ],
)
def test_a_rule_matches_what_the_developer_guide_says(
    rules: Any, passing: list[Any], failing: list[Any]
) -> None:
    """In a body: each scalar by itself, an array by any of its elements."""
    assert [value for value in passing if not body_passes({"key": rules}, {"key": value})] == []
    assert [value for value in failing if body_passes({"key": rules}, {"key": value})] == []
    assert not body_passes({"key": rules}, {"other": "x"})


def test_exists_false_wants_the_key_to_be_absent() -> None:
    """Also where its parents are absent."""
    policy = {"a": {"b": [{"exists": False}]}}

    assert [body for body in ({}, {"a": {}}, {"a": 1}, {"a": []}) if not body_passes(policy, body)] == []
    assert not body_passes(policy, {"a": {"b": 1}})


def test_all_keys_must_match() -> None:
    """And keys that the policy does not name are ignored."""
    policy = {"a": ["x"], "b": {"c": ["y"], "d": {"e": ["z"]}}}

    assert body_passes(policy, {"a": "x", "b": {"c": "y", "d": {"e": "z"}}, "more": 1})
    assert not body_passes(policy, {"a": "x", "b": {"c": "y", "d": {"e": "w"}}})
    assert not body_passes(policy, {"a": "w", "b": {"c": "y", "d": {"e": "z"}}})


def test_one_alternative_must_match() -> None:
    """Beside the other keys, and at any depth."""
    policy = {"source": ["s"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}

    assert body_passes(policy, {"source": "s", "a": "x"})
    assert body_passes(policy, {"source": "s", "b": "y"})
    assert not body_passes(policy, {"source": "s"})
    assert not body_passes(policy, {"a": "x", "b": "y"})
    assert body_passes({"deep": {"$or": [{"a": ["x"]}, {"b": ["y"]}]}}, {"deep": {"b": "y"}})


def test_one_element_of_an_array_must_match_all_keys_below_it() -> None:
    """Not one for this key, another for that."""
    policy = {"Records": {"name": ["put"], "key": [{"prefix": "auto-"}]}}
    put, other = {"name": "put", "key": "auto-1"}, {"name": "delete", "key": "home-1"}

    assert body_passes(policy, {"Records": [other, put]})
    assert body_passes(policy, {"Records": [[put]]})
    assert not body_passes(policy, {"Records": [{"name": "put"}, {"key": "auto-1"}]})


@pytest.mark.parametrize("message", ["", "not json", "[1]", '"text"', "null", "{"])
def test_what_is_no_json_object_passes_no_policy_on_the_body(message: str) -> None:
    """Not even one that wants a key to be absent."""
    assert not matches({"key": [{"exists": False}]}, "MessageBody", message, {})


def test_a_body_may_be_deep() -> None:
    """The deepest policies match, arrays have no end, and what is too deep to be read passes none."""
    keys = {"k": ["x"]}
    alternatives: dict[str, Any] = {"k": ["x"]}
    for _ in range(149):
        keys, alternatives = {"k": keys}, {"$or": [alternatives]}
    check_policy(keys)
    check_policy(alternatives)

    assert matches(keys, "MessageBody", '{"k":' * 150 + '"x"' + "}" * 150, {})
    assert matches(alternatives, "MessageBody", '{"k":"x"}', {})
    for depth in range(0, 900, 50):
        assert matches({"k": ["x"]}, "MessageBody", '{"k":' + "[" * depth + '"x"' + "]" * depth + "}", {})
        assert matches(
            {"k": {"j": ["x"]}}, "MessageBody", '{"k":' + "[" * depth + '{"j":"x"}' + "]" * depth + "}", {}
        )
    for depth in (950, 1_000, 100_000):
        assert not matches({"k": ["y"]}, "MessageBody", '{"k":' + "[" * depth + "]" * depth + "}", {})


def test_attributes_match_by_their_types() -> None:
    """Texts as texts, numbers as numbers, arrays by any element; bytes never."""
    assert attributes_pass({"key": ["a"]}, key=("String", "a"))
    assert attributes_pass({"key": ["a"]}, key=("String.label", "a"))
    assert attributes_pass({"key": [5]}, key=("Number", "5.0"))
    assert not attributes_pass({"key": ["5"]}, key=("Number", "5"))
    assert not attributes_pass({"key": [5]}, key=("String", "5"))
    assert attributes_pass({"key": ["b", 7]}, key=("String.Array", '["a", "b"]'))
    assert attributes_pass({"key": [7]}, key=("String.Array", "[7, true, null]"))
    assert not attributes_pass({"key": ["a"]}, key=("String.Array", '"a"'))
    assert not attributes_pass({"key": [{"exists": True}]}, key=("Binary", b"a"))


def test_null_lets_a_message_without_the_attribute_through() -> None:
    """Beside whatever other rules there are."""
    policy = {"key": [None, {"anything-but": "whatever"}]}

    assert attributes_pass(policy)
    assert attributes_pass(policy, key=("String", "x"))
    assert not attributes_pass(policy, key=("String", "whatever"))


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ({"key": [["value"]]}, "Match value must be String, number, true, false, or null"),
        ({"key": [{"wrong-operator": True}]}, "Unrecognized match type wrong-operator"),
        ({"key": [{"suffix": "a", "prefix": "b"}]}, "Only one key allowed in match expression"),
        ({"key": [{}]}, "Only one key allowed in match expression"),
        ({"key": [{"suffix": 100}]}, "suffix match pattern must be a string"),
        ({"key": [{"prefix": None}]}, "prefix match pattern must be a string"),
        ({"key": {"suffix": "value"}}, '"suffix" must be an object or an array'),
        ({"key": "value"}, '"key" must be an object or an array'),
        ({"key": []}, "Empty arrays are not allowed"),
        ({"key": {}}, "Empty objects are not allowed"),
        ({"$or": ["a"]}, '"$or" must be an array of objects'),
        ({"$or": [{}]}, '"$or" must be an array of objects'),
        ({"key": [{"exists": "no"}]}, "exists match pattern must be either true or false."),
        ({"key": [{"anything-but": {"suffix": "x"}}]}, "Unsupported anything-but pattern: suffix"),
        ({"key": [{"anything-but": {}}]}, "Unsupported anything-but pattern: "),
        ({"key": [{"anything-but": {"prefix": ["x"]}}]}, "prefix match pattern must be a string"),
        ({"key": [{"anything-but": []}]}, "all values are number or string"),
        ({"key": [{"anything-but": ["a", 1]}]}, "all values are number or string"),
        ({"key": [{"anything-but": True}]}, "all values are number or string"),
        ({"key": [{"numeric": "= 5"}]}, "must be an array"),
        ({"key": [{"numeric": []}]}, "Invalid member in numeric match: ]"),
        ({"key": [{"numeric": ["operator"]}]}, "Unrecognized numeric range operator: operator"),
        ({"key": [{"numeric": [1, "<="]}]}, "Invalid member in numeric match: 1"),
        ({"key": [{"numeric": ["=", "000"]}]}, "Value of equals must be numeric"),
        ({"key": [{"numeric": [">="]}]}, "Value of >= must be numeric"),
        ({"key": [{"numeric": ["<", 100, ">", 10]}]}, "Too many elements in numeric expression"),
        ({"key": [{"numeric": [">=", 1, ">", 2]}]}, "Bad numeric range operator: >"),
        ({"key": [{"numeric": [">", 3, "<", 1]}]}, "Bottom must be less than top"),
        ({"key": [{"numeric": [">", 20, "<="]}]}, "Value of <= must be numeric"),
        ({"key": [{"numeric": [">", 20, "<", 30, "<", 50]}]}, "Too many terms in numeric range expression"),
        ({"key": [{"numeric": [">", 1e10]}]}, "between -1.0E9 and 1.0E9"),
        ({"key": [-2_000_000_000]}, "between -1.0E9 and 1.0E9"),
        ({"key": [{"cidr": "nowhere"}]}, "Malformed CIDR: nowhere"),
        ({str(number): ["x"] for number in range(6)}, "can not have more than 5 keys"),
        ({"a": {str(number): ["x"] for number in range(6)}}, "can not have more than 5 keys"),
        ({"a": list(range(151))}, "too complex"),
        ({"a": list(range(13)), "b": list(range(12))}, "too complex"),
        (
            {"a": {"b": {"c": ["1", "2", "3", "4"]}}, "d": {"e": ["1", "2", "3"]}, "f": ["1", "2", "3"]},
            "too complex",
        ),
        ({"a": list(range(51)), "$or": [{"b": ["x"]}, {"c": ["y", "z"]}]}, "too complex"),
    ],
)
def test_what_sns_refuses_is_refused(policy: Any, complaint: str) -> None:
    """In SNS's words."""
    with pytest.raises(FilterPolicyError) as refused:
        parse_policy(json.dumps(policy), "MessageBody")

    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "policy",
    [
        {"a": list(range(150))},
        {"a": {"b": list(range(75))}},
        {str(number): ["x"] for number in range(5)},
        {"a": list(range(50)), "$or": [{"b": ["x"]}, {"c": ["y", "z"]}]},
        {},
    ],
)
def test_policies_at_the_limits_are_accepted(policy: Any) -> None:
    """Keys, combinations by depth, alternatives added up."""
    assert parse_policy(json.dumps(policy), "MessageBody") == policy


@pytest.mark.parametrize("text", ["", "no", "[]", '"x"', json.dumps({"a": ["x" * 262_144]})])
def test_what_is_no_policy_is_refused(text: str) -> None:
    """No JSON, no object, or too long."""
    with pytest.raises(FilterPolicyError):
        parse_policy(text, "MessageBody")


def test_attributes_have_no_depth() -> None:
    """So nested policies are for bodies only."""
    with pytest.raises(FilterPolicyError, match="does not support nested filter policy"):
        check_policy({"a": {"b": ["x"]}}, "MessageAttributes")


words = st.text("ab-", max_size=3)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), words)
bodies = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
        ),
        max_leaves=4,
    ),
)
rules = st.lists(
    st.one_of(
        scalars,
        st.builds(lambda name, text: {name: text}, st.sampled_from(["prefix", "suffix"]), words),
        st.builds(lambda there: {"exists": there}, st.booleans()),
        st.builds(lambda texts: {"anything-but": texts}, st.lists(words, min_size=1, max_size=2)),
        st.builds(lambda low: {"numeric": [">", low, "<=", low + 2]}, st.integers(-3, 3)),
    ),
    min_size=1,
    max_size=3,
)
policies = st.recursive(
    st.dictionaries(st.sampled_from("abc"), rules, min_size=1, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | rules, min_size=1, max_size=2),
    max_leaves=3,
)


@given(policies, bodies)
def test_a_policy_is_the_conjunction_of_its_keys(policy: dict[str, Any], body: dict[str, Any]) -> None:
    """And no policy chokes on any body."""
    together = matches(policy, "MessageBody", json.dumps(body), {})
    apart = [matches({key: each}, "MessageBody", json.dumps(body), {}) for key, each in policy.items()]

    assert together == all(apart)


@given(policies, policies, bodies)
def test_or_is_the_disjunction(one: dict[str, Any], other: dict[str, Any], body: dict[str, Any]) -> None:
    """Of whole policies."""
    text = json.dumps(body)
    either = matches(one, "MessageBody", text, {}) or matches(other, "MessageBody", text, {})

    assert matches({"$or": [one, other]}, "MessageBody", text, {}) == either


@given(rules, bodies)
def test_more_rules_let_more_through(given_: list[Any], body: dict[str, Any]) -> None:
    """A key's rules are alternatives."""
    text = json.dumps(body)
    apart = [matches({"a": [rule]}, "MessageBody", text, {}) for rule in given_]

    assert matches({"a": given_}, "MessageBody", text, {}) == any(apart)


@given(bodies)
def test_a_key_is_there_or_it_is_not(body: dict[str, Any]) -> None:
    """The two values of exists exclude each other."""
    text = json.dumps(body)
    there, absent = ({"a": [{"exists": value}]} for value in (True, False))

    assert matches(there, "MessageBody", text, {}) != matches(absent, "MessageBody", text, {})
