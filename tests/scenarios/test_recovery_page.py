"""The examples on the page about crashes and other processes."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.model import echo
from tests.scenarios.stage import Clients

PAGE = Path(__file__).parents[2] / "docs" / "recovery.md"
SECTIONS = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
TOKENS = next(section for section in SECTIONS if section.startswith("Another process: tokens"))


async def run(text: str, names: dict[str, object]) -> None:
    """Run one example as it stands, top-level ``await`` and all."""
    running = eval(compile(text, str(PAGE), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.isawaitable(running):
        await running


async def test_tokens(aws: Emulator, clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    """One process sends, another looks up and waits."""
    endpoint = await aws.create_endpoint("e", echo)
    send, look_up, wait = re.findall(r"```python\n(.*?)```", TOKENS, re.DOTALL)
    names: dict[str, object] = {}
    async with clients.new(endpoint, notifications=()) as client:
        names["client"] = client
        await run(send, names)
    await endpoint.wait_idle()
    async with clients.new(endpoint) as client:
        names["client"] = client
        await run(look_up, names)
        await run(wait, names)

    assert "{'text': 'hello'}\n" == capsys.readouterr().out
    assert {"text": "hello"} == names["result"].value  # type: ignore[attr-defined]
