"""Which queue policies let a topic in."""

from __future__ import annotations

import pytest

from aio_sm_async.emulator.json_value import JsonObject, JsonValue
from aio_sm_async.emulator.resource_policy import ResourcePolicy

QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
TOPIC = "arn:aws:sns:us-east-1:000000000000:topic"


def statement(**changes: JsonValue) -> JsonObject:
    """What AWS documents for a subscribed queue; None leaves a member out."""
    usual: JsonObject = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}},
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def lets_in(policy: JsonObject) -> bool:
    return ResourcePolicy(policy).allows_delivery(queue_arn=QUEUE, topic_arn=TOPIC)


def allowed(*statements: JsonValue) -> bool:
    return lets_in({"Statement": list(statements)})


def holds(operator: str, **keys: JsonValue) -> bool:
    return allowed(statement(Condition={operator: {f"aws:{key}": value for key, value in keys.items()}}))


def test_the_documented_statement_lets_the_topic_in() -> None:
    """Alone, in a list, and beside statements about somebody else."""
    elsewhere = statement(Condition={"ArnEquals": {"aws:SourceArn": TOPIC + "-2"}})

    assert allowed(statement())
    assert lets_in({"Statement": statement()})
    assert allowed(elsewhere, statement())
    assert not allowed(elsewhere)


@pytest.mark.parametrize("policy", [{}, {"Statement": []}, {"Statement": "all"}], ids=str)
def test_without_a_statement_nobody_is_let_in(policy: JsonObject) -> None:
    """A policy that says nothing is as good as none."""
    assert not lets_in(policy)


def test_an_odd_statement_lets_nobody_in() -> None:
    """Nor does it break anything: nobody has read it but we."""
    assert not allowed(statement(Effect=["Allow"]))
    assert not allowed(statement(Action=[{"sqs": "SendMessage"}, ["*"], None]))


def test_each_answer_is_found_only_once() -> None:
    """For each queue and topic; what the document becomes afterwards is another policy."""
    document: JsonObject = {"Statement": statement(Resource="*")}
    policy = ResourcePolicy(document)
    first = policy.allows_delivery(queue_arn=QUEUE, topic_arn=TOPIC)
    document.clear()

    assert first
    assert policy.allows_delivery(queue_arn=QUEUE, topic_arn=TOPIC)
    assert not policy.allows_delivery(queue_arn=QUEUE, topic_arn=f"{TOPIC}-2")
    assert not policy.allows_delivery(queue_arn=f"{QUEUE}-2", topic_arn=TOPIC)
    assert not ResourcePolicy(document).allows_delivery(queue_arn=QUEUE, topic_arn=TOPIC)


@pytest.mark.parametrize(
    ("member", "good", "bad"),
    [
        (
            "Principal",
            ["*", {"AWS": "*"}, {"AWS": ["*"]}, {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}],
            ["sns.amazonaws.com", {"Service": "s3.amazonaws.com"}, {"AWS": "arn:aws:iam::1:root"}, None],
        ),
        (
            "Action",
            ["*", "sqs:*", "SQS:SendMessage", "sqs:Send*", ["sqs:ReceiveMessage", "sqs:SendMessage"]],
            ["sqs:ReceiveMessage", "sns:Publish", [], None],
        ),
        (
            "Resource",
            ["*", "arn:aws:sqs:*:*:queue", ["x", QUEUE], QUEUE[:-1] + "?"],
            [QUEUE + "-2", QUEUE[:-1], None],
        ),
        ("Effect", ["Allow"], ["Deny", "allow", None]),
    ],
    ids=["Principal", "Action", "Resource", "Effect"],
)
def test_every_member_must_fit(member: str, good: list[JsonValue], bad: list[JsonValue]) -> None:
    """Each is read as IAM reads it; one that is missing fits nothing."""
    decided = [[allowed(statement(**{member: value})) for value in values] for values in (good, bad)]

    assert [[True] * len(good), [False] * len(bad)] == decided


def test_a_deny_outweighs_every_allow() -> None:
    """Where it applies: the one that AWS recommends, of insecure transport, does not."""
    insecure = {"Bool": {"aws:SecureTransport": "false"}}

    assert not allowed(statement(), statement(Effect="Deny"))
    assert allowed(statement(), statement(Effect="Deny", Principal="*", Condition=insecure))


def test_without_a_condition_every_topic_is_let_in() -> None:
    """AWS warns of it, and does it."""
    assert allowed(statement(Condition=None))


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike"])
def test_arns_are_compared_part_by_part(operator: str) -> None:
    """Both operators know wildcards, and none reaches over a colon."""
    assert holds(operator, SourceArn=TOPIC)
    assert holds(operator, SourceArn="arn:aws:sns:*:*:top*")
    assert holds(operator, SourceArn=["arn:aws:sns:*:*:other", TOPIC])
    assert not holds(operator, SourceArn="arn:aws:*:topic")
    assert not holds(operator, SourceArn="arn:aws:sns:*:*:other")


def test_texts_are_compared_as_their_operators_say() -> None:
    """Only StringLike knows wildcards."""
    assert holds("StringEquals", SourceArn=TOPIC)
    assert not holds("StringEquals", SourceArn="arn:aws:sns:*:*:topic")
    assert not holds("StringEquals", SourceArn=TOPIC.upper())
    assert holds("StringEqualsIgnoreCase", SourceArn=TOPIC.upper())
    assert holds("StringLike", SourceArn="arn:*:topi?")


def test_keys_are_case_insensitive_and_all_must_hold() -> None:
    """Account and transport are known besides the topic."""
    assert holds("StringEquals", sourcearn=TOPIC, SourceAccount="000000000000")
    assert not holds("StringEquals", SourceArn=TOPIC, SourceAccount="111111111111")
    assert holds("Bool", SecureTransport=True)


@pytest.mark.parametrize(
    "condition",
    [
        {"ForAnyValue:Magic": {"aws:SourceArn": TOPIC}},
        {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"StringEquals": TOPIC},
        "always",
    ],
    ids=str,
)
def test_a_condition_that_is_not_understood_holds_for_nobody(condition: JsonValue) -> None:
    """A policy never lets in more than it says."""
    assert not allowed(statement(Condition=condition))
