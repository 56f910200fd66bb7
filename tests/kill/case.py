"""One case of the matrix: a run that is killed, and run again until it ends by itself."""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path

from aio_sm_async.emulator import Emulator, ModelError, ModelRequest, mishaps
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.rule import ANY
from aio_sm_async.journal import Journal
from aio_sm_async.protocol.journal_entry import Stage
from tests.kill.account import Account, fails
from tests.kill.consumer import ENDPOINT_NAME, UPLOAD_BUCKET, Task
from tests.kill.executioner import Executioner
from tests.kill.nursery import Child, Nursery
from tests.kill.point import Inside, Kill, OnWire, Point

PATIENCE_SECONDS = 45.0
CONCURRENCY = 12
SLOW_SECONDS = 1.2
WRITTEN_WITHIN_SECONDS = 0.7
"""A 202 that came so long before the kill is in the journal, even if the machine is busy."""


class KillMissedError(AssertionError):
    """The process ended before its kill: the case proves nothing, and its point must choose better."""


@dataclass(slots=True)
class Case:
    """One point, one seed.

    Args:
        point: Where the first process is killed.
        seed: Chooses the moment, and what else goes wrong; an odd one kills the second process, too.
        items: How many rows.
        folder: An empty folder for the consumer's files.
        nursery: Where the consumers come from.
        has_journal: Whether the consumer keeps a journal.
    """

    point: Point
    seed: int
    items: int
    folder: Path
    nursery: Nursery = field(repr=False)
    has_journal: bool = True
    _account: Account = field(init=False, repr=False)
    _dice: random.Random = field(init=False, repr=False)
    _executioner: Executioner = field(init=False, repr=False)
    _aws: Emulator = field(init=False, repr=False)
    _endpoint: Endpoint = field(init=False, repr=False)
    _runs: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._account = Account(self.items)
        # A string, so that the points of one seed have different luck.
        self._dice = random.Random(f"{self.point.name} {self.seed}")
        self._executioner = Executioner(self.seed)
        self._add_mishaps()

    async def run(self) -> Account:
        """Kill, run again, and draw up the account."""
        async with Emulator(seed=self.seed, trouble=self._executioner) as self._aws:
            self._aws.objects.create_bucket(UPLOAD_BUCKET, self._aws.region)
            self._endpoint = await self._aws.create_endpoint(
                ENDPOINT_NAME,
                self._answer,
                include_response=self.point.includes_response,
                max_concurrent_invocations_per_instance=CONCURRENCY,
            )
            await self._run_until_it_ends()
            await self._endpoint.wait_idle()
            assert self._aws.errors == []
        self._account.read(self.folder, self._runs)
        return self._account

    async def _run_until_it_ends(self) -> None:
        first = self.point.kill(self._dice, self.items)
        if not await self._is_killed(first):
            raise KillMissedError(f"{self.point.name}, seed {self.seed}: it ended before {first}")
        if self.seed % 2:
            # It has less to do by now, so that this may come too late.
            again = OnWire(ANY, self._dice.randint(1, self.items), self._dice.choice(["arrives", "done"]))
            if not await self._is_killed(again):
                return
        if await self._is_killed(None):
            raise AssertionError("nobody was to kill the last one")

    async def _is_killed(self, kill: Kill | None) -> bool:
        """Run the consumer; True if it was killed, False if it ended by itself."""
        self._runs += 1
        task = self._task(kill)
        child = await self.nursery.start(task, self._aws.environment() | {"NO_PROXY": "127.0.0.1"})
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                code = await self._watch(child, kill)
        except TimeoutError:
            child.kill()
            await child.wait()
            raise AssertionError(f"{self} did not end: {self._errors()}") from None
        finally:
            self._executioner.disarm()
        if code == -signal.SIGKILL:
            self._account.kills += 1
            await self._note_ambiguous()
            return True
        assert code == 0, self._errors()
        return False

    async def _watch(self, child: Child, kill: Kill | None) -> int:
        """Let it work, and see that it is killed."""
        if isinstance(kill, OnWire) and not kill.once_closing:
            self._executioner.arm(kill, child.process_id)
        child.go_on()
        if isinstance(kill, OnWire) and kill.once_closing and await child.wait_closing():
            self._executioner.arm(kill, child.process_id)
            child.go_on()
        return await child.wait()

    def _errors(self) -> str:
        return (self.folder / f"errors-{self._runs}.txt").read_text("utf-8")

    def _task(self, kill: Kill | None) -> Task:
        task = Task(
            str(self.folder),
            self._runs,
            self._endpoint.queue_url or "",
            self.items,
            uploads=self.point.uploads,
            has_journal=self.has_journal,
        )
        match kill:
            case Inside(step="close", nth=nth):
                return replace(task, kill=kill, close_after=nth)
            case Inside():
                return replace(task, kill=kill)
            case OnWire(once_closing=True):
                return replace(task, tells_closing=True, close_after=self._dice.randint(2, self.items - 1))
            case _:
                return task

    async def _note_ambiguous(self) -> None:
        """Read in a copy of the journal which requests the dead had no 202 of."""
        copied = self.folder / f"killed-{self._runs}"
        copied.mkdir()
        for name in ("run.sqlite", "run.sqlite-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copied)
        if not (copied / "run.sqlite").exists():
            return
        journal = await Journal.open(copied / "run.sqlite")
        try:
            entries = await journal.unfinished()
        finally:
            await journal.aclose()
        ambiguous = {each.key: each for each in entries if each.stage is Stage.REGISTERED and each.key}
        self._account.ambiguous |= ambiguous.keys()
        if self._executioner.killed_at is not None:
            long_ago = self._executioner.killed_at - WRITTEN_WITHIN_SECONDS
            answered_at = self._executioner.answered_at
            self._account.unwritten |= {
                key
                for key, entry in ambiguous.items()
                if answered_at.get(entry.inference_id, math.inf) < long_ago
            }

    def _add_mishaps(self) -> None:
        share = self._dice.choice([0.0, 0.1, 0.3])
        self._executioner.add(
            mishaps.duplicate_notification(probability=share),
            mishaps.dropped_notification(probability=share / 2),
            mishaps.early_notification(probability=share),
            mishaps.reordered_notification(probability=share, at_most_seconds=0.3),
        )

    async def _answer(self, request: ModelRequest) -> dict[str, object]:
        row = request.json()
        assert isinstance(row, dict)
        self._account.runs.setdefault(row["id"], []).append(request.inference_id)
        await asyncio.sleep(SLOW_SECONDS if row["n"] % 10 == 3 else self._dice.random() * 0.05)
        if fails(row["n"]):
            raise ModelError(400, "this row cannot be answered")
        return {"square": row["n"] ** 2}
