"""The examples on the page about flow control."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aio_sm_async import AsyncInferenceClient
from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.model import echo
from tests.scenarios.stage import Clients

PAGE = Path(__file__).parents[2] / "docs" / "flow-control.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
async def test_example(
    aws: Emulator, clients: Clients, example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each example runs as it stands, given a client that has sent something."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)
    await client.invoke("x")
    exec(
        compile(example, str(PAGE), "exec"), {"client": client, "AsyncInferenceClient": AsyncInferenceClient}
    )

    assert "print" not in example or "windows: {'e': " in capsys.readouterr().out
