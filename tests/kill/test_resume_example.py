"""The example that is killed and run again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from aio_sm_async.emulator import Emulator, ModelRequest
from tests.scenarios.stage import queue_of, until

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "resume.py"
ROWS = 30
ANSWERED_BEFORE = 10


async def test_the_example_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """Each row gets one answer and is sent once, although the script is killed in between."""
    rows, answers = tmp_path / "rows.jsonl", tmp_path / "answers.jsonl"
    rows.write_text("".join(json.dumps({"id": f"row-{number}"}) + "\n" for number in range(ROWS)))
    is_released = asyncio.Event()

    async def answer(request: ModelRequest) -> str:
        row = json.loads(request.body)["id"]
        if int(row.removeprefix("row-")) >= ANSWERED_BEFORE:
            await is_released.wait()
        return row.upper()

    def lines() -> list[str]:
        return answers.read_text().splitlines() if answers.exists() else []

    async with Emulator() as aws:
        endpoint = await aws.create_endpoint("e", answer, max_concurrent_invocations_per_instance=ROWS)
        # The dead process' open poll would hide a message for half a minute; the test has no time for that.
        queue_of(aws, endpoint).swallow_on_disconnect = False
        environment = {**os.environ, **aws.environment(), "NO_PROXY": "127.0.0.1"}
        command = [str(SCRIPT), "e", endpoint.queue_url or "", str(rows), str(answers)]
        first = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment)
        await until(lambda: len(lines()) == ANSWERED_BEFORE and endpoint.in_progress == 20, seconds=30)
        first.send_signal(signal.SIGKILL)
        await first.wait()
        with answers.open("a") as file:
            file.write('{"id": "row-1')
        second = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment)
        is_released.set()

        assert await second.wait() == 0
        assert ROWS == len(endpoint.invocations)
    told = {json.loads(line)["id"]: json.loads(line)["answer"] for line in lines()}
    assert {f"row-{number}": f"ROW-{number}" for number in range(ROWS)} == told
    assert ROWS == len(lines())
