"""The process that is killed: rows in, one line a row out, as a user would write it.

It also keeps an account of what it was handed, which no user needs, and kills itself where it is told to.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from aio_sm_async import (
    AsyncInferenceClient,
    InferenceOutcome,
    InferenceResult,
    S3Polling,
    S3Uploads,
    SqsNotifications,
)
from tests.kill.point import Inside

ENDPOINT_NAME = "e"
UPLOAD_BUCKET = "uploads"
MAX_CONCURRENT_REQUESTS = 8
MAX_IN_FLIGHT = 24
RESEND_AFTER_SECONDS = 1.5
BIG = 130_000

Row = dict[str, object]
Outcome = InferenceOutcome[InferenceResult[object]]


@dataclass(frozen=True, slots=True)
class Task:
    """What one process is to do.

    Attributes:
        folder: Where its files lie: the journal, the results, and what it was handed.
        run: The how-manieth process this is.
        queue_url: The queue that hears the endpoint's topics.
        items: How many rows there are.
        uploads: Whether a row is too large for a request.
        kill: Where it kills itself.
        tells_closing: Whether it tells that it is about to close, and waits for leave.
        close_after: After how many outcomes it leaves the client's block; 0 for all of them.
        has_journal: Whether it keeps a journal. Without one, the matrix must fail.
    """

    folder: str
    run: int
    queue_url: str
    items: int
    uploads: bool = False
    kill: Inside | None = None
    tells_closing: bool = False
    close_after: int = 0
    has_journal: bool = True

    def encode(self) -> str:
        """As one argument of a command."""
        return json.dumps(asdict(self))

    @staticmethod
    def decode(text: str) -> Task:
        """What `encode` wrote."""
        said = json.loads(text)
        kill = said.pop("kill")
        return Task(**said, kill=Inside(**kill) if kill else None)


class Consumer:
    """Sends the rows, and writes what comes of each."""

    def __init__(self, task: Task, *, wait_to_close: Callable[[], None]) -> None:
        self._task = task
        self._wait_to_close = wait_to_close
        folder = Path(task.folder)
        self._journal = folder / "run.sqlite"
        self._results = folder / "results.jsonl"
        self._handed = folder / f"handed-{task.run}.txt"
        self._lines = 0

    async def run(self) -> None:
        """Until every row has its line, or death."""
        written = keys_in(self._results)
        with self._results.open("ab", buffering=0) as results, self._handed.open("ab", buffering=0) as handed:
            async with self._client() as client:
                count = 0
                async for outcome in client.as_completed(self._rows(), key=lambda row: row["id"]):
                    count += 1
                    handed.write(f"{outcome.key}\n".encode())
                    self._die_at("outcome", count)
                    if outcome.key not in written:
                        self._write(results, line_of(outcome))
                    if count == self._task.close_after:
                        break
                if self._task.tells_closing:
                    self._wait_to_close()
                self._die_while_closing()

    def _client(self) -> AsyncInferenceClient:
        return AsyncInferenceClient(
            ENDPOINT_NAME,
            notifications=SqsNotifications([self._task.queue_url]),
            polling=S3Polling(
                first_seconds=0.3, growth=1.2, max_interval_seconds=0.5, notified_interval_seconds=0.5
            ),
            uploads=S3Uploads(f"s3://{UPLOAD_BUCKET}/in/"),
            journal=self._journal if self._task.has_journal else None,
            max_concurrent_requests=MAX_CONCURRENT_REQUESTS,
            max_in_flight=MAX_IN_FLIGHT,
            resend_after_seconds=RESEND_AFTER_SECONDS,
        )

    def _rows(self) -> Iterator[Row]:
        for number in range(1, self._task.items + 1):
            self._die_at("row", number)
            row: Row = {"id": f"row-{number}", "n": number}
            if self._task.uploads:
                row["filling"] = "x" * BIG
            yield row

    def _write(self, results: IO[bytes], line: bytes) -> None:
        self._lines += 1
        kill = self._task.kill
        if kill is not None and kill.step == "line" and kill.nth == self._lines:
            results.write(line[: len(line) // 2])
            die()
        results.write(line)

    def _die_at(self, step: str, number: int) -> None:
        kill = self._task.kill
        if kill is not None and (step, number) == (kill.step, kill.nth):
            die()

    def _die_while_closing(self) -> None:
        kill = self._task.kill
        if kill is not None and kill.step == "close":
            die_after(kill.turns)


def die() -> None:
    """SIGKILL, from within."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(turns: int) -> None:
    """SIGKILL, so many turns of the event loop from now."""
    loop = asyncio.get_running_loop()
    if turns:
        loop.call_soon(die_after, turns - 1)
    else:
        loop.call_soon(die)


def line_of(outcome: Outcome) -> bytes:
    """The line of one row, with its newline."""
    if outcome.result is None:
        told: dict[str, object] = {"id": outcome.key, "error": type(outcome.error).__name__}
    else:
        told = {"id": outcome.key, "answer": outcome.result.json()}
    return json.dumps(told).encode() + b"\n"


def keys_in(results: Path) -> set[str]:
    """The rows that have their line. Half a line, left by a kill, is cut off."""
    if not results.exists():
        return set()
    text = results.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        os.truncate(results, len(whole))
    return {json.loads(line)["id"] for line in whole.splitlines()}
