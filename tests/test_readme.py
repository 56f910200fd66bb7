"""The Python of README.md, run as it stands."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path

import pytest

from aio_sm_async import AsyncInferenceClient
from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.model import echo

PAGE = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/my-queue"


@pytest.fixture(autouse=True)
def _in_this_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def block(word: str) -> str:
    """The one block that has the word in it."""
    (found,) = [each for each in BLOCKS if word in each]
    return found


def run(text: str, names: dict[str, object]) -> object:
    """Run the block; an awaitable where it awaits something itself."""
    return eval(compile(text, str(PAGE), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)


async def test_every_python_block(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first program, a queue that is subscribed, a client that listens, and many requests at once."""
    async with Emulator() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.secret_access_key)
        endpoint = await aws.create_endpoint("my-endpoint", echo)
        config = endpoint.config.async_config

        await asyncio.to_thread(run, block("asyncio.run"), {"__name__": "__main__"})
        subscribe = block("sns.subscribe").replace(
            '"arn:aws:sns:us-east-1:123456789012:my-success"', repr(config.success_topic)
        )
        subscribe = subscribe.replace(
            '"arn:aws:sns:us-east-1:123456789012:my-error"', repr(config.error_topic)
        )
        await asyncio.to_thread(run, subscribe, {})
        names: dict[str, object] = {"asyncio": asyncio, "payloads": ["a", "b", "c"]}
        queue = aws.queues.by_name("my-queue")
        assert queue is not None
        listen = block("SqsNotifications(").replace(QUEUE_URL, queue.url(aws.url))
        run(listen, names)
        sending = run(block("asyncio.gather"), names)
        assert inspect.isawaitable(sending)
        await sending

    assert "{'text': 'hello'}\n" == capsys.readouterr().out
    assert ["a", "b", "c"] == [result.value for result in names["results"]]  # type: ignore[attr-defined]
    client = names["client"]
    assert isinstance(client, AsyncInferenceClient)
    assert {"sqs": 3} == client.statistics().resolved_by
    assert 4 == len(BLOCKS)
