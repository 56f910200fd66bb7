"""``aio-sm-async emulate``: an emulator that stands until it is told to go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aio_sm_async.cli.main import main

MODEL = "def shout(request):\n    return request.text.upper()\n\nword = 'no function'\n"


def test_a_standing_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers other processes, given the environment that it prints, until Ctrl-C; then its code is 0."""
    monkeypatch.chdir(tmp_path)
    Path("my_model.py").write_text(MODEL)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, "-m", "aio_sm_async"]
    with subprocess.Popen(
        [*program, "emulate", "--model", "my_model:shout", "-e", "shouting"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as child:
        assert child.stdout is not None
        lines = []
        for line in child.stdout:
            lines.append(line.strip())
            if line.startswith("# "):
                break
        exports = dict(line.removeprefix("export ").split("=", 1) for line in lines if "export" in line)
        answer = subprocess.run(
            [*program, "invoke", "hello", "-e", "shouting"],
            check=False,
            env=environment | exports,
            capture_output=True,
            text=True,
            timeout=30,
        )
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)

    assert "HELLO" == answer.stdout, answer.stderr
    assert 0 == child.returncode
    assert "map items.jsonl -e shouting -o results.jsonl --queue-url" in lines[-1]


def test_for_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    """With --for it ends by itself; without a model it echoes."""
    code = main(["emulate", "--for", "0.1"])

    assert 0 == code
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_colon", "write MODULE:FUNCTION"),
        ("no_such_module_at_all:f", "cannot be imported"),
        ("my_other_model:gone", "has no function gone"),
        ("my_other_model:word", "has no function word"),
    ],
)
def test_models_that_are_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    words: str,
) -> None:
    """A model that cannot be found is told, with code 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("my_other_model.py").write_text(MODEL)

    assert 2 == main(["emulate", "--model", name, "--for", "0.1"])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_no_time_at_all(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A time of nothing is refused, and the remedy named: the emulator would be gone before it is used."""
    code = main(["emulate", "--for", seconds])

    assert 2 == code
    assert f"--for {seconds}: must be above 0; leave it out to run until Ctrl-C" in capsys.readouterr().err
