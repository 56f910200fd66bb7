"""The demo, as a person starts it, and its accounts, as a cheat would have them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aio_sm_async import AsyncInferenceError, ExpiredError, InferenceFailedError
from aio_sm_async.cli.demo.account import Account, Answer, Evidence
from aio_sm_async.cli.demo.command import run_demo
from aio_sm_async.cli.demo.digits import Digits, Image, is_smudged
from aio_sm_async.cli.demo.run import run
from aio_sm_async.cli.demo.scenario import SCENARIOS
from aio_sm_async.cli.demo.server import serve
from aio_sm_async.cli.main import main
from aio_sm_async.emulator import ModelError, ModelRequest

NOTIFICATIONS, POLLING, TROUBLE = SCENARIOS
KEYS = {
    "name",
    "submitted",
    "succeeded",
    "failed",
    "expired",
    "lost",
    "wrong",
    "by_source",
    "calls_per_inference",
    "throughput_per_second",
    "resolve_lag_ms",
    "injected",
}


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits()


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """The demo points its own process at its emulator; a test's process is put back."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.timeout(180)
def test_three_accounts_add_up() -> None:
    """``demo --json`` exits with 0 and prints three accounts: nothing lost, none wrong."""
    code, output = asyncio.run(_command_line("demo", "--json"))
    runs = json.loads(output)["runs"]

    assert 0 == code
    assert ["notifications", "polling", "trouble"] == [each["name"] for each in runs]
    for each in runs:
        assert KEYS == each.keys()
        assert (898, 0, 0, 0) == (each["submitted"], each["lost"], each["wrong"], each["expired"])
    assert ["sqs"] == list(runs[0]["by_source"])
    assert ["polling"] == list(runs[1]["by_source"])
    assert sum(runs[0]["calls_per_inference"].values()) <= 1.3
    assert {"InferenceFailedError"} == runs[2]["failed"].keys()
    assert all(runs[2]["injected"].values())


async def test_a_plan_that_injects_too_little(capsys: pytest.CaptureFixture[str]) -> None:
    """With few images not all of the trouble comes about, and the demo fails and says so."""
    code = await run_demo(limit=10)
    said = capsys.readouterr()

    assert 1 == code
    assert "trouble: the plan injected no answer_lost" in said.err
    assert "The accounts do not add up." in said.out


async def test_few_images(digits: Digits) -> None:
    """A plan that injects nothing proves nothing: with too few images the account has problems."""
    progress: list[int] = []
    account = await run(TROUBLE, digits.images()[:5], progress.append)

    assert 5 == account.succeeded + account.failed.total()
    assert 5 == max(progress)
    assert "the plan injected no answer_lost" in account.problems()


async def test_the_emulator_process_dies(digits: Digits) -> None:
    """An emulator that does not start is an error with its exit code, not a demo that hangs."""
    with pytest.raises(RuntimeError, match="ended with exit code 1"):
        await run(replace(TROUBLE, name="unknown"), digits.images()[:1], lambda _: None)


async def test_the_other_process_in_this_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The emulator's process tells where it is, gives an account for each line, and ends with its input."""
    reading, writing = os.pipe()
    os.write(writing, b"account\n")
    os.close(writing)
    with os.fdopen(reading) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        await serve(NOTIFICATIONS)
    greeting, account = map(json.loads, capsys.readouterr().out.splitlines())

    assert greeting["environment"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert greeting["queue_url"].endswith("/digits-notifications")
    assert ({}, 0, []) == (account["finished"], account["invocations"], account["errors"])


def test_the_model_answers_what_it_says_of_all(digits: Digits) -> None:
    """One image at a time, the model says what it says of all at once."""
    for image in digits.images()[:50]:
        assert {"digit": image.digit} == digits.answer(ModelRequest(image.body))


def test_smudged_images_fail(digits: Digits) -> None:
    """The container of the third run refuses the smudged images, and no others."""
    images = digits.images()
    smudged = next(image for image in images if is_smudged(image.body))
    clean = next(image for image in images if not is_smudged(image.body))

    assert {"digit": clean.digit} == digits.answer_or_fail(ModelRequest(clean.body))
    with pytest.raises(ModelError):
        digits.answer_or_fail(ModelRequest(smudged.body))


def account_of(*answers: Answer, sent: list[Image]) -> Account:
    evidence = Evidence(calls={}, injected={}, finished={}, errors=[])
    return Account(NOTIFICATIONS, sent, evidence, {}, 1.0, list(answers))


IMAGE = Image(0, b"P5", 7)


def answered(*, digit: object = 7, error: AsyncInferenceError | None = None) -> Answer:
    return Answer(IMAGE, "an-id", digit, error, 0.0)


def test_what_was_never_heard_of_is_lost() -> None:
    """An image without an answer is lost, whatever the client's statistics say."""
    account = account_of(sent=[IMAGE])

    assert 1 == account.lost
    assert ["1 were lost"] == account.problems()


def test_another_digit_is_wrong() -> None:
    """An answer that is not the model's own is wrong."""
    account = account_of(answered(digit=3), sent=[IMAGE])

    assert ["1 answers were wrong"] == account.problems()


def test_a_failure_of_a_clean_image_is_wrong() -> None:
    """A failure that the model did not mean is wrong, and counted by its class."""
    account = account_of(answered(error=InferenceFailedError("an-id", "digits", "broke")), sent=[IMAGE])

    assert {"InferenceFailedError": 1} == account.failed
    assert 1 == account.wrong


def test_expired_is_counted_apart() -> None:
    """What expired is told apart from what failed."""
    account = account_of(answered(error=ExpiredError("an-id", "digits", "expired")), sent=[IMAGE])

    assert (1, 0) == (account.expired, account.failed.total())


def test_one_image_answered_twice_does_not_add_up() -> None:
    """Two answers to one image are a problem."""
    account = account_of(answered(), answered(), sent=[IMAGE])

    assert ["1 were sent, and 2 are accounted for"] == account.problems()


def test_a_defect_of_the_emulator_is_a_problem() -> None:
    """A run on a broken emulator proves nothing."""
    account = account_of(answered(), sent=[IMAGE])
    account.evidence.errors.append("KeyError()")

    assert ["a defect of the emulator: KeyError()"] == account.problems()


async def _command_line(*arguments: str) -> tuple[int | None, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aio_sm_async",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return process.returncode, output


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without scikit-learn the demo says what to install."""
    monkeypatch.delitem(sys.modules, "aio_sm_async.cli.demo.command")
    monkeypatch.delitem(sys.modules, "aio_sm_async.cli.demo.digits")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    code = main(["demo"])

    assert 2 == code
    assert "pip install 'aio-sm-async[demo]'" in capsys.readouterr().err
