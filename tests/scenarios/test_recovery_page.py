"""The examples on the page about crashes and other processes."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from aio_sm_async import InferenceError
from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.model import echo
from tests.scenarios.stage import Clients

PAGE = Path(__file__).parents[2] / "docs" / "recovery.md"
SECTIONS = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
JOURNAL = next(section for section in SECTIONS if section.startswith("The same program, run again"))
TOKENS = next(section for section in SECTIONS if section.startswith("Another process: tokens"))
JOBS = next(section for section in SECTIONS if section.startswith("Without a disk: jobs"))


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


async def test_journal(
    aws: Emulator, clients: Clients, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fan-out that is cut short goes on with the next run; what has no key comes back with `recover`."""
    endpoint = await aws.create_endpoint("e", echo)
    fan_out, recover = re.findall(r"```python\n(.*?)```", JOURNAL, re.DOTALL)
    saved: list[str] = []

    def save(key: str, result: object, error: Exception | None) -> None:
        saved.append(key)
        if len(saved) == 4:
            raise KeyboardInterrupt

    names: dict[str, object] = {
        "AsyncInferenceClient": lambda _, journal: clients.new(endpoint, journal=tmp_path / journal),
        "InferenceError": InferenceError,
        "rows": [{"id": number} for number in range(8)],
        "save": save,
    }
    with pytest.raises(KeyboardInterrupt):
        await run(fan_out, names)
    await run(fan_out, names)
    async with clients.new(endpoint, journal=tmp_path / "run.sqlite") as client:
        future = await client.submit("no key")
        del future
    await endpoint.wait_idle()
    await run(recover, names)

    assert {str(number) for number in range(8)} == set(saved)
    assert 9 == len(saved)  # the fourth was saved, and its taker killed before it asked for the next
    assert 9 == len(endpoint.invocations)
    assert capsys.readouterr().out.endswith(" no key\n")


async def test_jobs(aws: Emulator, clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    """One run sends all, the next takes them from S3, and one that skips them has nothing to do."""
    endpoint = await aws.create_endpoint("e", echo, max_concurrent_invocations_per_instance=50)
    send, skip = re.findall(r"```python\n(.*?)```", JOBS, re.DOTALL)
    for example in (send, send):
        async with clients.new(endpoint) as client:
            await run(example, {"client": client})
    async with clients.new(endpoint) as client:
        names: dict[str, object] = {"client": client}
        await run(send, names)
        await run(skip, names)

    said = capsys.readouterr().out
    assert 3 * 10 == said.count("'text': 'row ")
    assert "new:" not in said
    assert 10 == len(endpoint.invocations)
