"""When S3 is asked about which invocation, and how: the plan behind polling.

Each pending invocation is looked for after a first wait, then after waits that grow to a cap. What one moment
makes due is gathered by block, the prefix that up to a thousand outputs share: where many of a block are due,
one LIST of its prefix answers for all of them; where few are, their keys are asked one by one. A LIST costs
as much as twelve GETs, and a GET that hits brings the body along. A block with nothing pending is never asked
again, so what it costs does not grow with what is finished.

Failures lie elsewhere, under names that no LIST of ours can tell. They are asked with each look by key; a
LIST makes those of its block due, and they are asked in turn, at a bounded rate.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.timers import Timers

LIST_FROM = 8
"""From how many due invocations on a block is listed. A LIST costs twelve GETs, but is one request."""

FAILURE_BURST_SECONDS = 1.0
"""How much of their allowance failure keys may use up at once."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait between two looks for the same invocation.

    Attributes:
        first_seconds: Before the first look.
        growth: Each wait is this many times the one before.
        cap_seconds: The longest wait.
        notified_seconds: The wait while notifications flow.
    """

    first_seconds: float = 2.0
    growth: float = 1.5
    cap_seconds: float = 30.0
    notified_seconds: float = 30.0

    def wait(self, looks: int, *, is_notified: bool) -> float:
        """The seconds to wait after ``looks`` looks."""
        if is_notified:
            return self.notified_seconds
        return float(min(self.cap_seconds, self.first_seconds * self.growth ** min(looks, 64)))


@dataclass(frozen=True, slots=True)
class ListBlock:
    """LIST the prefix; ``members`` are the keys waited for, with their inference ids."""

    prefix: S3Location
    members: dict[str, str]


@dataclass(frozen=True, slots=True)
class AskOutput:
    """GET one output."""

    inference_id: str
    location: S3Location


@dataclass(frozen=True, slots=True)
class AskFailure:
    """GET one failure object."""

    inference_id: str
    location: S3Location


Question = ListBlock | AskOutput | AskFailure


@dataclass(slots=True)
class _Entry:
    inference_id: str
    output: S3Location
    failure: S3Location | None
    block: _Block | None
    since: float
    looks: int = 0
    is_inherited: bool = False


@dataclass(slots=True)
class _Block:
    prefix: S3Location
    members: dict[str, str] = field(default_factory=dict)
    listed_at: float = float("-inf")


class PollSchedule:
    """The pending invocations of one client, as polling sees them.

    Args:
        pace: The waits.
        failures_per_second: How many failure keys of listed blocks are asked a second; 0 for none.
    """

    def __init__(self, pace: Pace, *, failures_per_second: float = 20.0) -> None:
        self._pace = pace
        self._failures_per_second = failures_per_second
        self._next_failure_at = 0.0
        self._is_notified = False
        self._entries: dict[str, _Entry] = {}
        self._blocks: dict[S3Location, _Block] = {}
        self._owed_failures: OrderedDict[str, None] = OrderedDict()
        self._timers: Timers[str] = Timers()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        pace = "notified" if self._is_notified else "alone"
        return f"<PollSchedule {len(self._entries)} pending in {len(self._blocks)} blocks, {pace}>"

    def add(
        self,
        inference_id: str,
        now: float,
        *,
        output: S3Location,
        failure: S3Location | None = None,
        prefix: S3Location | None = None,
        is_inherited: bool = False,
    ) -> None:
        """Look for this invocation from now on.

        Args:
            inference_id: Its name.
            now: Monotonic time.
            output: Where its response will lie.
            failure: Where a failure will lie; None where that is not known.
            prefix: Names its block; None if it is in none.
            is_inherited: Whether another process sent it: it may have ended, and its notification be lost. It
                is due now, and then as often as without notifications.
        """
        self.remove(inference_id)
        block = None
        if prefix is not None:
            block = self._blocks.setdefault(prefix, _Block(prefix))
            if output.key in block.members:  # the caller's own filename, given twice: asked by key
                block = None
            else:
                block.members[output.key] = inference_id
        self._entries[inference_id] = entry = _Entry(inference_id, output, failure, block, now)
        entry.is_inherited = is_inherited
        self._set_timer(entry)

    def remove(self, inference_id: str) -> None:
        """Look for it no more; nothing happens if nobody did."""
        entry = self._entries.pop(inference_id, None)
        if entry is None:
            return
        self._timers.cancel(inference_id)
        self._owed_failures.pop(inference_id, None)
        if entry.block is not None:
            del entry.block.members[entry.output.key]
            if not entry.block.members:
                del self._blocks[entry.block.prefix]

    def set_notified(self, is_notified: bool) -> None:
        """Notifications have begun to flow, or have stopped: look more rarely, or more often."""
        if is_notified is self._is_notified:
            return
        self._is_notified = is_notified
        for entry in self._entries.values():
            self._set_timer(entry)

    def next_due(self) -> float | None:
        """When `due` has something to ask next; None if never."""
        due = self._timers.next()
        if not self._owed_failures:
            return due
        return self._next_failure_at if due is None else min(due, self._next_failure_at)

    def due(self, now: float) -> list[Question]:
        """What to ask S3 now. Each question counts as asked."""
        by_block: dict[S3Location | None, list[_Entry]] = {}
        for inference_id in self._timers.pop_due(now):
            entry = self._entries[inference_id]
            if entry.block is not None and entry.block.listed_at > entry.since:
                self._looked(entry, entry.block.listed_at)  # a LIST has answered for it meanwhile
                continue
            by_block.setdefault(entry.block.prefix if entry.block else None, []).append(entry)
        questions: list[Question] = []
        for prefix, entries in by_block.items():
            block = self._blocks[prefix] if prefix is not None else None
            if block is not None and len(entries) >= LIST_FROM:
                block.listed_at = now
                questions.append(ListBlock(block.prefix, dict(block.members)))
                self._owe_failures(block)
            else:
                for entry in entries:
                    questions += self.ask(entry.inference_id)
            for entry in entries:
                self._looked(entry, now)
        return questions + self._failures_in_turn(now)

    def ask(self, inference_id: str) -> list[Question]:
        """The questions by key about one invocation; empty if it is not looked for."""
        entry = self._entries.get(inference_id)
        if entry is None:
            return []
        output = AskOutput(inference_id, entry.output)
        return [output] if entry.failure is None else [output, AskFailure(inference_id, entry.failure)]

    def _owe_failures(self, block: _Block) -> None:
        """Those that wait already keep their place, so that each has its turn."""
        if self._failures_per_second <= 0:
            return
        for inference_id in block.members.values():
            if self._entries[inference_id].failure is not None:
                self._owed_failures.setdefault(inference_id)

    def _failures_in_turn(self, now: float) -> list[Question]:
        questions: list[Question] = []
        while self._owed_failures and self._next_failure_at <= now:
            earliest = max(self._next_failure_at, now - FAILURE_BURST_SECONDS)
            self._next_failure_at = earliest + 1 / self._failures_per_second
            inference_id, _ = self._owed_failures.popitem(last=False)
            location = self._entries[inference_id].failure
            assert location is not None
            questions.append(AskFailure(inference_id, location))
        return questions

    def _looked(self, entry: _Entry, when: float) -> None:
        entry.since = when
        entry.looks += 1
        self._set_timer(entry)

    def _set_timer(self, entry: _Entry) -> None:
        wait = self._pace.wait(entry.looks, is_notified=self._is_notified and not entry.is_inherited)
        if entry.is_inherited and not entry.looks:
            wait = 0.0
        self._timers.set(entry.inference_id, entry.since + wait)
