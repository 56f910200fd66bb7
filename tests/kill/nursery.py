"""Starts consumers quickly: a process that has imported everything, and forks one child at a time.

Importing takes a second, and the matrix starts dozens. The child has the process to itself from the moment at
which it is forked: nothing of the client was opened before.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.kill.consumer import Consumer, Task

ROOT = Path(__file__).parents[2]
GO = signal.SIGUSR1


class Child:
    """A consumer that waits for leave to begin.

    Attributes:
        process_id: Its number.
    """

    def __init__(self, nursery: Nursery, process_id: int) -> None:
        self.process_id = process_id
        self._nursery = nursery

    def go_on(self) -> None:
        """Let it begin; or close, if it waits for that."""
        os.kill(self.process_id, GO)

    def kill(self) -> None:
        """End it, if it has not ended."""
        with suppress(ProcessLookupError):
            os.kill(self.process_id, signal.SIGKILL)

    async def wait_closing(self) -> bool:
        """Return once it is about to close its client; False if it has ended instead."""
        return "closing" in await self._nursery.hear()

    async def wait(self) -> int:
        """Its exit code, once it has ended; negative for the signal that ended it."""
        while "code" not in (said := await self._nursery.hear()):
            pass
        code: int = said["code"]
        return code


class Nursery:
    """The process that forks. Close it, or use it with ``with``."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kill.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._last: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # its input ends, and so does it

    async def start(self, task: Task, environment: dict[str, str]) -> Child:
        """Fork a child for the task."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"task": task.encode(), "environment": environment}) + "\n")
        self._last = {}
        return Child(self, (await self.hear())["pid"])

    async def hear(self) -> dict[str, Any]:
        """What is said next; the last word is repeated."""
        if "code" not in self._last:
            assert self._process.stdout is not None
            line = await asyncio.to_thread(self._process.stdout.readline)
            self._last = json.loads(line or '{"code": "the nursery has ended"}')
        return self._last


def main() -> None:
    """Fork a child for each line, and wait for it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {GO})  # children inherit it, and wait for the signal
    for line in sys.stdin:
        order = json.loads(line)
        task = Task.decode(order["task"])
        process_id = os.fork()
        if not process_id:
            os._exit(_be_child(task, order["environment"]))
        _say({"pid": process_id})
        _, status = os.waitpid(process_id, 0)
        _say({"code": os.waitstatus_to_exitcode(status)})


def _be_child(task: Task, environment: dict[str, str]) -> int:
    errors = os.open(Path(task.folder) / f"errors-{task.run}.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(errors, sys.stderr.fileno())
    os.environ.update(environment)
    signal.sigwait({GO})
    try:
        asyncio.run(Consumer(task, wait_to_close=_wait_to_close).run())
    except BaseException:  # noqa: BLE001 - a forked child must never return to its parent's code
        traceback.print_exc()
        return 1
    return 0


def _wait_to_close() -> None:
    _say({"closing": True})
    signal.sigwait({GO})


def _say(message: dict[str, object]) -> None:
    os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
