"""The examples on the page about fan-outs."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.model import echo
from tests.scenarios.stage import Clients

PAGE = Path(__file__).parents[2] / "docs" / "fan-out.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
async def test_example(
    aws: Emulator, clients: Clients, example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each example runs as it stands, given a client of an endpoint that answers with what it is sent."""
    endpoint = await aws.create_endpoint("e", echo, max_concurrent_invocations_per_instance=50)
    async with clients.new(endpoint) as client:
        code = compile(example.replace("100", "10"), str(PAGE), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, {"client": client})
        if inspect.isawaitable(running):
            await running

        assert client.statistics().submitted > 0
    assert "failed:" not in capsys.readouterr().out
