"""The emulator in a process of its own, for what measures the client alone.

It prints where it listens as one line of JSON, its account as another whenever it reads a line, and ends when
its input ends: it never outlives the process that started it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.model import echo
from benchmarks.memory import rss_mb

ENDPOINT_NAME = "echo"
REMEMBERED = 20_000
"""More than a client has in flight, so that nothing is forgotten that it still looks for."""


class EmulatorProcess:
    """The other process, spoken to line by line.

    Attributes:
        queue_url: The queue that hears the endpoint's topics.
    """

    def __init__(self, process: asyncio.subprocess.Process, queue_url: str) -> None:
        self.queue_url = queue_url
        self._process = process

    async def account(self) -> dict[str, Any]:
        """What it has seen so far: ``calls`` by operation, ``errors`` of its own, ``rss_mb``."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"account\n")
        return await _read(self._process)


@asynccontextmanager
async def emulator_process() -> AsyncIterator[EmulatorProcess]:
    """An emulator with an endpoint that echoes; this process's AWS settings point at it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.emulator_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    try:
        greeting = await _read(process)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(greeting["environment"], NO_PROXY="127.0.0.1")
        yield EmulatorProcess(process, greeting["queue_url"])
    finally:
        process.stdin.close()
        await process.wait()


async def serve() -> None:
    """Serve until the input ends."""
    async with Emulator(remembered=REMEMBERED) as aws:
        endpoint = await aws.create_endpoint(
            ENDPOINT_NAME, echo, max_concurrent_invocations_per_instance=1_000
        )
        _tell({"environment": aws.environment(), "queue_url": endpoint.queue_url})
        while await asyncio.to_thread(sys.stdin.readline):
            errors = [repr(error) for error in aws.errors]
            _tell({"calls": dict(aws.calls), "errors": errors, "rss_mb": rss_mb()})


def _tell(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError(f"the emulator's process ended with exit code {await process.wait()}")
    said: dict[str, Any] = json.loads(line)
    return said


if __name__ == "__main__":
    asyncio.run(serve())
