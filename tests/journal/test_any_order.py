"""The journal's promises over any sequence of orders, with crashes between them."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from aio_sm_async.journal import Journal
from aio_sm_async.protocol.journal_entry import Ending, JournalEntry, Stage
from tests.journal.stage import DEADLINE, FAILURE, OUTPUT, accept, crash, entry

T = TypeVar("T")
NAMES = st.sampled_from([f"n-{number}" for number in range(6)])
KEYS = st.sampled_from([None, "a", "b", "0"])


class AnyOrder(RuleBasedStateMachine):
    """The journal beside a dict that knows what it should hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.journal = self.run(self.open())
        self.model: dict[str, JournalEntry] = {}

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(work)

    async def open(self) -> Journal:
        return await Journal.open(Path(self.folder.name) / "j")

    def teardown(self) -> None:
        self.run(self.journal.aclose())
        self.loop.close()
        self.folder.cleanup()

    def expected(self, new: JournalEntry, replaces: str | None) -> JournalEntry | None:
        met = self.model.get(new.name)
        if met is None and new.key is not None:
            met = next((old for old in self.model.values() if (old.job, old.key) == (new.job, new.key)), None)
        if met is not None and (met.name != replaces or met.name == new.name):
            return met
        self.model.pop(replaces or "", None)
        self.model[new.name] = new
        return None

    @rule(name=NAMES, key=KEYS, job=st.sampled_from(["", "j"]), replaces=st.none() | NAMES)
    def register(self, name: str, key: str | None, job: str, replaces: str | None) -> None:
        new = entry(name, key=key, job=job)
        if replaces == name:
            replaces = None
        expected = self.expected(new, replaces)

        assert expected == self.run(self.journal.register(new, replaces=replaces))

    @rule(name=NAMES)
    def accepted(self, name: str) -> None:
        accept(self.journal, name)
        self.change(
            name,
            Stage.ACCEPTED,
            output_location=OUTPUT,
            failure_location=FAILURE,
            deadline=DEADLINE,
        )

    @rule(name=NAMES, ending=st.sampled_from(Ending), reason=st.none() | st.text(max_size=9))
    def settled(self, name: str, ending: Ending, reason: str | None) -> None:
        self.journal.settled(name, ending, reason=reason)
        self.change(name, Stage.SETTLED, ending=ending, reason=reason)

    @rule(name=NAMES)
    def consumed(self, name: str) -> None:
        self.journal.consumed(name)
        self.change(name, Stage.CONSUMED)
        if name in self.model and self.model[name].key is None:
            del self.model[name]

    @rule(name=NAMES)
    def forget(self, name: str) -> None:
        self.journal.forget(name)
        self.model.pop(name, None)

    def change(self, name: str, stage: Stage, **facts: object) -> None:
        if (old := self.model.get(name)) is not None:
            self.model[name] = dataclasses.replace(old, stage=max(old.stage, stage), **facts)  # type: ignore[arg-type]

    @rule()
    def open_again(self) -> None:
        self.run(self.journal.aclose())
        self.journal = self.run(self.open())

    @rule()
    def crash(self) -> None:
        """What was committed is there after it; the rest was flushed for the model's sake."""
        self.run(self.journal.flush())
        self.run(crash(self.journal))
        self.journal = self.run(self.open())

    @rule(key=st.sampled_from(["a", "b", "0"]), job=st.sampled_from(["", "j"]))
    def find(self, key: str, job: str) -> None:
        expected = next((old for old in self.model.values() if (old.job, old.key) == (job, key)), None)

        assert expected == self.run(self.journal.find(job, key))

    @rule()
    def unfinished(self) -> None:
        unfinished = [known for known in self.model.values() if known.stage < Stage.CONSUMED]

        assert unfinished == self.run(self.journal.unfinished())


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
