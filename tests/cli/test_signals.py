"""Ctrl-C and SIGTERM in the middle of a run, in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from aio_sm_async.cli.main import main
from aio_sm_async.emulator import ModelRequest
from aio_sm_async.emulator.model import echo
from tests.cli.standing import Standing


def start(
    *arguments: str, command: str = "map", stdin: int | None = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "aio_sm_async", command, *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


class Gate:
    """A model that answers some requests, then asks for attention, and holds the others until opened."""

    def __init__(self, free: int, *, signals: bool = True) -> None:
        self._free = free
        self._signals = signals
        self.asked = 0
        self.child: subprocess.Popen[str] | None = None
        self.number = signal.SIGTERM
        self._open = asyncio.Event()

    async def __call__(self, request: ModelRequest) -> object:
        self.asked += 1
        if self.asked <= self._free:
            return request.json()
        if self.asked == self._free + 1 and self._signals:
            assert self.child is not None
            self.child.send_signal(self.number)
        await self._open.wait()
        return request.json()

    def open(self) -> None:
        self._open.set()


def keys_in(path: str) -> list[str]:
    return [json.loads(line)["key"] for line in Path(path).read_text().splitlines()]


def while_alive(child: subprocess.Popen[str], until: Callable[[], bool]) -> None:
    """Return once the condition holds; a child that ends before is a failure."""
    while not until():
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"it ended with {child.wait(timeout=0.05)}")


def s3_looks(aws: Standing) -> int:
    """How often anybody looked for a result."""
    return sum(aws.aws.calls[name] for name in ("HeadObject", "GetObject", "ListObjectsV2"))


def wait_for(child: subprocess.Popen[str], mark: str) -> str:
    """Read its standard error until the mark comes."""
    assert child.stderr is not None
    said = ""
    for line in child.stderr:
        said += line
        if mark in line:
            return said
    raise AssertionError(f"it ended without saying {mark!r}: {said}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_what_is_in_flight_is_waited_for(aws: Standing, number: signal.Signals, code: int) -> None:
    """The first signal stops the pulling; what is in flight is written; then it is told how to go on."""
    gate = Gate(free=5)
    gate.number = number
    endpoint = aws.endpoint(gate)
    Path("rows.jsonl").write_text("".join(f"{n}\n" for n in range(500)))
    command = ["rows.jsonl", "-e", endpoint.name, "-o", "out.jsonl", "--queue-url", endpoint.queue_url or ""]
    child = start(*command, "--max-in-flight", "20", "--json")
    gate.child = child
    wait_for(child, "Stopping: nothing more is sent")
    aws.call(gate.open)
    out, err = child.communicate(timeout=30)
    sent = len(endpoint.invocations)

    assert code == child.returncode
    assert sent < 500
    assert sent == len(set(keys_in("out.jsonl"))) == len(keys_in("out.jsonl"))
    assert 0 == json.loads(out)["unfinished"]
    assert "To go on: python -m aio_sm_async map rows.jsonl" in err
    assert "--resume" in err


def test_grace_ends(aws: Standing) -> None:
    """What is not done within the grace period is told as unfinished, and the run ends all the same."""
    gate = Gate(free=5)
    endpoint = aws.endpoint(gate)
    Path("rows.jsonl").write_text("".join(f"{n}\n" for n in range(50)))
    command = ["rows.jsonl", "-e", endpoint.name, "-o", "out.jsonl", "--queue-url", endpoint.queue_url or ""]
    child = start(*command, "--max-in-flight", "20", "--grace", "0.2")
    gate.child = child
    _, err = child.communicate(timeout=30)
    aws.call(gate.open)

    assert 143 == child.returncode
    assert "were read and are not finished" in err
    assert 5 == len(keys_in("out.jsonl"))
    assert not Path("out.jsonl.errors.jsonl").exists()


def test_a_second_signal_ends_at_once(aws: Standing) -> None:
    """Whoever presses Ctrl-C twice does not wait."""
    gate = Gate(free=0)
    gate.number = signal.SIGINT
    endpoint = aws.endpoint(gate)
    Path("rows.jsonl").write_text("1\n2\n")
    child = start("rows.jsonl", "-e", endpoint.name, "-o", "out.jsonl", "--grace", "60")
    gate.child = child
    wait_for(child, "Stopping")
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    aws.call(gate.open)

    assert 130 == child.returncode
    assert err.rstrip().splitlines()[-2] == "Ended at once."
    assert err.rstrip().splitlines()[-1].startswith("To go on: ")
    assert err.rstrip().endswith("--resume")


def test_standard_input_is_left(aws: Standing) -> None:
    """A run that waits for standard input that does not come ends at a signal, too."""
    gate = Gate(free=0)
    endpoint = aws.endpoint(gate)
    reading, writing = os.pipe()
    os.write(writing, b"1\n2")
    command = ["-", "-e", endpoint.name, "-o", "out.jsonl", "--queue-url", endpoint.queue_url or ""]
    child = start(*command, stdin=reading)
    gate.child = child
    os.close(reading)
    wait_for(child, "Stopping")
    aws.call(gate.open)
    child.communicate(timeout=30)
    os.close(writing)

    assert 143 == child.returncode
    assert ["1"] == keys_in("out.jsonl")


def test_an_invocation_that_is_left(aws: Standing) -> None:
    """Ctrl-C while one result is waited for prints its token: the inference goes on."""
    endpoint = aws.endpoint(echo, instances=0)
    looks = s3_looks(aws)
    child = start("1", "-e", endpoint.name, command="invoke")
    while_alive(child, lambda: s3_looks(aws) > looks)  # then it has been accepted
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)

    assert 130 == child.returncode
    assert endpoint.name == json.loads(err.splitlines()[-1])["endpoint"]


def test_a_grace_of_nothing(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """With --grace 0 nothing is waited for: what was in flight is unfinished, and kept in the journal."""

    async def held(request: ModelRequest) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.Event().wait()

    endpoint = aws.endpoint(held, max_concurrent_invocations_per_instance=1)
    Path("rows.jsonl").write_text("1\n2\n3\n")
    code = main(["map", "rows.jsonl", "-e", endpoint.name, "-o", "out.jsonl", "--grace", "0", "--json"])
    end = json.loads(capsys.readouterr().out)

    assert (143, 143) == (code, end["exit_code"])
    assert (3, 0) == (end["unfinished"], end["succeeded"])
    assert Path("out.jsonl.journal.sqlite").exists()
