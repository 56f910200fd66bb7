"""What goes wrong, and the account of it."""

from __future__ import annotations

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import mishaps
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.rule import ANY, AnswerFault, NotificationFault, Occasion, Rule
from aio_sm_async.emulator.trouble import Trouble
from tests.emulator.stage import invoke_call

FAULT = Fault("reset")
CALL = invoke_call()


def struck(trouble: Trouble, calls: int, operation: str = "GetObject") -> str:
    """One letter for each call: ``x`` where it was struck."""
    strikes = [trouble.strike("s3", operation, CALL) for _ in range(calls)]
    return "".join("x" if strike else "." for strike in strikes)


def test_without_rules_nothing_is_struck() -> None:
    """The account stays empty, whatever is asked."""
    trouble = Trouble()

    assert trouble.strike("s3", "GetObject", CALL) is None
    assert trouble.on_answer("InvokeEndpointAsync", CALL) is None
    assert trouble.on_notification("id") is None
    assert trouble.injected == {}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, "xxxxxx"),
        ({"times": 2}, "xx...."),
        ({"nth": 3}, "..x..."),
        ({"every": 2}, ".x.x.x"),
        ({"every": 2, "times": 1}, ".x...."),
        ({"probability": 0.0}, "......"),
        ({"probability": 1.0}, "xxxxxx"),
        ({"when": lambda _occasion: False}, "......"),
    ],
)
def test_a_rule_strikes_what_it_selects(selection: mishaps.Selection, expected: str) -> None:
    """And the account knows how often."""
    trouble = Trouble()
    trouble.add(Rule("s3", "GetObject", FAULT, **selection))

    assert struck(trouble, 6) == expected
    assert trouble.injected["reset"] == expected.count("x")


def test_a_rule_may_hold_for_a_while() -> None:
    """Its time begins when it is added."""
    now = VirtualClock(now=0)
    trouble = Trouble(clock=now)
    now._now = 100.0
    trouble.add(Rule("s3", ANY, FAULT, first_seconds=10))
    during = struck(trouble, 2)
    now._now = 110.0

    assert (during, struck(trouble, 2)) == ("xx", "..")


def test_a_seed_makes_luck_repeatable() -> None:
    """Two runs with one seed are struck alike, and another seed is another run."""

    def run(seed: int) -> str:
        trouble = Trouble(seed)
        trouble.add(Rule("s3", ANY, FAULT, probability=0.5))
        return struck(trouble, 64)

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_a_rule_speaks_of_its_service_and_operation_alone() -> None:
    """What it does not speak of is neither struck nor counted towards nth."""
    trouble = Trouble()
    trouble.add(Rule("s3", "GetObject", FAULT, nth=2))

    assert struck(trouble, 3, "PutObject") == "..."
    assert trouble.strike("sqs", "GetObject", CALL) is None
    assert struck(trouble, 2) == ".x"


def test_a_rule_can_look_at_the_call() -> None:
    """Only the poison item is refused."""

    def poison(occasion: Occasion) -> bool:
        return occasion.call is not None and occasion.call.headers["x-amzn-sagemaker-inference-id"] == "bad"

    trouble = Trouble()
    trouble.add(mishaps.unavailable(when=poison))

    assert trouble.strike("sagemaker", "InvokeEndpointAsync", invoke_call(inference_id="good")) is None
    assert trouble.strike("sagemaker", "InvokeEndpointAsync", invoke_call(inference_id="bad")) is not None


def test_the_first_rule_that_wants_to_strikes_and_all_count() -> None:
    """Two rules never strike one call; the second one's count goes on under the first."""
    trouble = Trouble()
    trouble.add(
        Rule("s3", ANY, FAULT, nth=1, label="one"), Rule("s3", ANY, Fault("hang"), nth=2, label="two")
    )

    assert struck(trouble, 3) == "xx."
    assert trouble.injected == {"one": 1, "two": 1}


def test_rules_can_be_taken_back() -> None:
    """One by one, or all; the account stays."""
    trouble = Trouble()
    denied, slow = mishaps.access_denied(), mishaps.slow_down()
    trouble.add(denied, slow, mishaps.dropped_notification(), mishaps.early_notification())
    trouble.strike("s3", "GetObject", CALL)
    trouble.remove(denied)
    strike = trouble.strike("s3", "GetObject", CALL)

    assert strike is not None
    assert strike.code == "SlowDown"
    assert repr(trouble) == "<Trouble 3 rules, 2 strikes>"

    trouble.clear()

    assert struck(trouble, 1) == "."
    assert trouble.injected == {"access_denied": 1, "slow_down": 1}


@pytest.mark.parametrize(
    "selection", [{"nth": 0}, {"every": 0}, {"probability": 1.5}, {"nth": 1, "every": 2}]
)
def test_a_selection_that_makes_no_sense_is_refused(selection: mishaps.Selection) -> None:
    """When the rule is made, not when it is too late."""
    with pytest.raises(ValueError, match=r"nth|every|probability"):
        Rule("s3", ANY, FAULT, **selection)


@pytest.mark.parametrize(
    ("rule", "operation", "expected"),
    [
        (mishaps.throttled(), "InvokeEndpointAsync", (400, "ThrottlingException", "Rate exceeded")),
        (mishaps.unavailable(), "InvokeEndpointAsync", (503, "ServiceUnavailable", "Service unavailable")),
        (mishaps.slow_down(), "ListObjectsV2", (503, "SlowDown", "Please reduce your request rate.")),
        (mishaps.access_denied(), "GetObject", (403, "AccessDenied", "Access Denied")),
        (
            mishaps.queue_error(),
            "ReceiveMessage",
            (500, "InternalError", "We encountered an internal error."),
        ),
    ],
)
def test_the_known_refusals_are_worded_as_aws_words_them(
    rule: Rule, operation: str, expected: tuple[int, str, str]
) -> None:
    """Each is a status fault under its own name."""
    trouble = Trouble()
    trouble.add(rule)
    fault = trouble.strike(rule.service, operation, CALL)

    assert fault is not None
    assert (fault.kind, fault.status, fault.code, fault.message) == ("status", *expected)
    assert trouble.injected == {rule.label: 1}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (mishaps.failed_after_accepting(), AnswerFault("error", message="Internal failure")),
        (mishaps.slow_answer(2), AnswerFault("slow", seconds=2)),
        (mishaps.early_notification(3), AnswerFault("early", seconds=3)),
    ],
)
def test_answers_have_troubles_of_their_own(rule: Rule, expected: AnswerFault) -> None:
    """They strike after the request is queued, so the server never sees them."""
    trouble = Trouble()
    trouble.add(rule)

    assert trouble.strike("sagemaker", "InvokeEndpointAsync", CALL) is None
    assert trouble.on_answer("InvokeEndpointAsync", CALL) == expected


def test_a_lost_answer_is_a_reset_after_the_work() -> None:
    """The server does the call, then resets the connection."""
    assert mishaps.answer_lost().fault == Fault("reset_after")


def test_notifications_have_troubles_of_their_own() -> None:
    """They can be chosen by inference id."""
    trouble = Trouble()
    trouble.add(mishaps.dropped_notification(when=lambda occasion: occasion.inference_id == "b"))

    assert trouble.on_notification("a") is None
    assert trouble.on_notification("b") == NotificationFault("drop")
