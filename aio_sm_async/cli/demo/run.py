"""One run of the demo: the emulator's process is started, every image is sent with the public client."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aio_sm_async import (
    AsyncInferenceClient,
    AsyncInferenceError,
    S3Polling,
    S3Uploads,
    SqsNotifications,
)
from aio_sm_async.cli.demo.account import Account, Answer, Evidence
from aio_sm_async.cli.demo.digits import CONTENT_TYPE, Image
from aio_sm_async.cli.demo.scenario import Scenario
from aio_sm_async.cli.demo.server import ENDPOINT_NAME, UPLOAD_BUCKET

PATIENCE_SECONDS = 60.0


async def run(scenario: Scenario, images: list[Image], tick: Callable[[int], None]) -> Account:
    """Send every image and wait for every answer; ``tick`` is told how many there are so far."""
    async with _files(images) as files, _emulator(scenario) as emulator:
        answers: list[Answer] = []
        async with _client(scenario, emulator.queue_url) as client:
            before = (await emulator.account()).calls
            started = time.perf_counter()

            async def send(image: Image) -> None:
                payload = files[image.number] if scenario.uploads else image.body
                answer = await _answer(client, image, payload)
                if answer is not None:
                    answers.append(answer)
                tick(len(answers))

            async with asyncio.TaskGroup() as sending:
                for image in images:
                    sending.create_task(send(image))
            seconds = time.perf_counter() - started
            by_source = dict(client.statistics().resolved_by)
        evidence = await emulator.account()
    calls = {name: count - before.get(name, 0) for name, count in evidence.calls.items()}
    evidence = Evidence(calls, evidence.injected, evidence.finished, evidence.errors)
    return Account(scenario, images, evidence, by_source, seconds, answers)


def _client(scenario: Scenario, queue_url: str | None) -> AsyncInferenceClient:
    each_second = S3Polling(first_seconds=1, growth=1, max_interval_seconds=1, notified_interval_seconds=1)
    return AsyncInferenceClient(
        ENDPOINT_NAME,
        notifications=SqsNotifications(queue_urls=[queue_url]) if queue_url else None,
        polling=each_second if scenario.polls_each_second else S3Polling(),
        uploads=S3Uploads(f"s3://{UPLOAD_BUCKET}/images/") if scenario.uploads else None,
        content_type=CONTENT_TYPE,
        accept="application/json",
        resend_after_seconds=5,
    )


async def _answer(client: AsyncInferenceClient, image: Image, payload: bytes | Path) -> Answer | None:
    """What became of one image; None if nothing did in time, and it is lost."""
    inference_id = ""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            future = await client.submit(payload)
            inference_id = future.inference_id
            digit = (await future).json()["digit"]
    except TimeoutError:
        return None
    except AsyncInferenceError as error:
        return Answer(image, inference_id, None, error, time.time())
    return Answer(image, inference_id, digit, None, time.time())


@asynccontextmanager
async def _files(images: list[Image]) -> AsyncIterator[dict[int, Path]]:
    """Every image as a file of its own, by number; they go with the block."""
    folder = await asyncio.to_thread(TemporaryDirectory)
    try:
        yield await asyncio.to_thread(_write, Path(folder.name), images)
    finally:
        await asyncio.to_thread(folder.cleanup)


def _write(folder: Path, images: list[Image]) -> dict[int, Path]:
    files = {image.number: folder / f"{image.number}.pgm" for image in images}
    for image in images:
        files[image.number].write_bytes(image.body)
    return files


class _EmulatorProcess:
    """The other process, spoken to line by line."""

    def __init__(self, process: asyncio.subprocess.Process, greeting: dict[str, Any]) -> None:
        self._process = process
        self.queue_url: str | None = greeting["queue_url"]

    async def account(self) -> Evidence:
        """What it has seen so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"account\n")
        said = await _read(self._process)
        return Evidence(said["calls"], said["injected"], said["finished"], said["errors"])


@asynccontextmanager
async def _emulator(scenario: Scenario) -> AsyncIterator[_EmulatorProcess]:
    """The emulator in a process that ends with the block; this process's AWS settings point at it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aio_sm_async.cli.demo.server",
        scenario.name,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16 * 1024 * 1024,
    )
    assert process.stdin is not None
    try:
        greeting = await _read(process)
        _point_at_emulator(greeting["environment"])
        yield _EmulatorProcess(process, greeting)
    finally:
        process.stdin.close()
        await process.wait()


def _point_at_emulator(environment: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(environment, NO_PROXY="127.0.0.1")


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError(f"the emulator's process ended with exit code {await process.wait()}")
    said: dict[str, Any] = json.loads(line)
    return said
