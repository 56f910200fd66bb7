"""A run that is killed with its journal on, and what becomes of what was in flight."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aio_sm_async.cli.main import main
from aio_sm_async.emulator import Endpoint, ModelError, ModelRequest
from tests.cli.standing import Standing
from tests.cli.test_signals import Gate, keys_in, start, while_alive

ROWS, FIRST = 40, 25


@pytest.fixture
def gate() -> Gate:
    """Lets ten through, and holds the others."""
    return Gate(free=10, signals=False)


def killed(aws: Standing, gate: Gate, *options: str) -> tuple[Endpoint, list[str]]:
    """A run of the first rows, killed when ten were written and the others accepted; and its command."""
    endpoint = aws.endpoint(gate)
    Path("rows.jsonl").write_text("".join(f"{n}\n" for n in range(ROWS)))
    # By polling: what a long poll of the killed process had taken would be hidden for half a minute.
    command = ["rows.jsonl", "-e", endpoint.name, "-o", "out.jsonl", *options]
    child = start(*command, "--limit", str(FIRST))
    while_alive(child, lambda: Path("out.jsonl").exists() and len(whole_lines()) == 10)
    child.kill()
    child.communicate(timeout=30)
    aws.call(gate.open)
    return endpoint, command


def whole_lines() -> list[str]:
    return [line for line in Path("out.jsonl").read_text().splitlines(keepends=True) if line.endswith("\n")]


def test_what_was_in_flight_is_not_sent_again(aws: Standing, gate: Gate) -> None:
    """After kill -9, --resume waits for what SageMaker has accepted, sends the rest, and writes each once."""
    endpoint, command = killed(aws, gate)
    left = {name for name in os.listdir() if "journal" in name}
    code = main(["map", *command, "--resume", "--quiet"])

    assert 0 == code
    assert "out.jsonl.journal.sqlite" in left
    assert ROWS == len(set(keys_in("out.jsonl"))) == len(keys_in("out.jsonl"))
    assert ROWS == len(endpoint.invocations)
    assert {"rows.jsonl", "out.jsonl"} == set(os.listdir())


def test_an_earlier_journal_is_not_overlooked(
    aws: Standing, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --resume a journal is refused, also if the results were moved away; --resume is named."""
    _, command = killed(aws, gate)
    Path("out.jsonl").unlink()
    code = main(["map", *command])

    assert 2 == code
    assert "--resume" in capsys.readouterr().err
    assert Path("out.jsonl.journal.sqlite").exists()


def test_recover(aws: Standing, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    """``recover`` brings in what was in flight, and sends nothing; a second time there is nothing left."""
    endpoint, command = killed(aws, gate)
    code = main(["recover", "-o", "out.jsonl", "--json"])
    first = json.loads(capsys.readouterr().out)
    again = main(["recover", "-o", "out.jsonl", "--json"])
    second = json.loads(capsys.readouterr().out)

    assert (0, 0, 0) == (code, again, second["succeeded"])
    assert FIRST == len(endpoint.invocations) == first["succeeded"] + 10
    assert 0 == main(["map", *command, "--resume", "--quiet"])
    assert ROWS == len(set(keys_in("out.jsonl"))) == len(keys_in("out.jsonl"))


def test_nothing_to_recover_from(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """A journal that is not there is told, and none is made."""
    assert 2 == main(["recover", "-o", "out.jsonl"])
    assert "no such journal" in capsys.readouterr().err
    assert [] == os.listdir()


def test_a_journal_that_somebody_holds(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no journal is code 3, and stays as it is."""
    Path("rows.jsonl").write_text("1\n")
    Path("other.sqlite").write_text("no journal at all, but something of somebody's")
    code = main(["map", "rows.jsonl", "-e", "e", "-o", "out.jsonl", "--journal", "other.sqlite", "--resume"])

    assert 3 == code
    assert "other.sqlite" in capsys.readouterr().err
    assert Path("other.sqlite").read_text().startswith("no journal at all")


def test_nothing_begun_leaves_nothing(aws: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that could not begin leaves no journal, so that the next needs no --resume."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    Path("rows.jsonl").write_text("1\n")

    assert 2 == main(["map", "rows.jsonl", "-e", "e", "-o", "out.jsonl"])
    assert ["rows.jsonl"] == os.listdir()


def test_a_failure_is_tried_again_without_the_errors_file(aws: Standing) -> None:
    """Once the errors file is gone, --resume sends what failed, since a run that is whole has no journal."""
    is_mended = False

    async def model(request: ModelRequest) -> object:
        if not is_mended:
            raise ModelError(400, "not yet")
        return "done"

    Path("rows.jsonl").write_text("1\n")
    endpoint = aws.endpoint(model)
    command = ["map", "rows.jsonl", "-e", endpoint.name, "-o", "out.jsonl", "--quiet"]
    command += ["--queue-url", endpoint.queue_url or ""]
    first = main(command)
    is_mended = True
    Path("out.jsonl.errors.jsonl").unlink()

    assert (1, 0) == (first, main([*command, "--resume"]))
    assert ["1"] == keys_in("out.jsonl")


def test_without_a_journal(aws: Standing, gate: Gate) -> None:
    """With --no-journal there is none, and what was in flight is sent again; the sink has each once."""
    endpoint, command = killed(aws, gate, "--no-journal")
    files = set(os.listdir())
    code = main(["map", *command, "--resume", "--quiet"])

    assert 0 == code
    assert not [name for name in files if "journal" in name]
    assert ROWS == len(set(keys_in("out.jsonl"))) == len(keys_in("out.jsonl"))
    assert ROWS + FIRST - 10 == len(endpoint.invocations)
