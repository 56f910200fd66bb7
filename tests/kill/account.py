"""The account of one case, drawn up from what the server and the consumer's file say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from tests.kill.consumer import MAX_CONCURRENT_REQUESTS, MAX_IN_FLIGHT


@dataclass(slots=True)
class Account:
    """What became of every row.

    Attributes:
        items: How many rows there were.
        kills: How many processes were killed.
        runs: The inference ids under which each row was accepted, in order, once for each POST.
        ambiguous: The rows that a killed process had registered, and for which it had seen no 202.
        unwritten: The rows of which a killed process had a 202 long before, that its journal does not know.
        lines: The lines of the consumer's file, by row.
        handed: What each process was handed, in order.
        torn: Whether the file ends with half a line.
    """

    items: int
    kills: int = 0
    runs: dict[str, list[str]] = field(default_factory=dict)
    ambiguous: set[str] = field(default_factory=set)
    unwritten: set[str] = field(default_factory=set)
    lines: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    handed: list[list[str]] = field(default_factory=list)
    torn: bool = False

    @property
    def keys(self) -> list[str]:
        """All rows."""
        return [f"row-{number}" for number in range(1, self.items + 1)]

    @property
    def lost(self) -> list[str]:
        """The rows without a line."""
        return [key for key in self.keys if key not in self.lines]

    @property
    def resolved_twice(self) -> list[str]:
        """The rows that one process was handed more than once, or that have more than one line."""
        twice = {key for keys in self.handed for key, count in Counter(keys).items() if count > 1}
        return sorted(twice | {key for key, lines in self.lines.items() if len(lines) > 1})

    @property
    def sent_twice(self) -> list[str]:
        """The rows that the endpoint accepted more than once."""
        return [key for key in self.keys if len(self.runs.get(key, ())) > 1]

    @property
    def handed_again(self) -> int:
        """How many outcomes a later process was handed although an earlier one had been."""
        counts = Counter(key for keys in self.handed for key in set(keys))
        return sum(count - 1 for count in counts.values())

    def read(self, folder: Path, runs: int) -> None:
        """Take note of what so many processes left behind."""
        text = (folder / "results.jsonl").read_text("utf-8")
        self.torn = not text.endswith("\n")
        for line in text.splitlines():
            told = json.loads(line)
            self.lines.setdefault(told["id"], []).append(told)
        for run in range(1, runs + 1):
            handed = folder / f"handed-{run}.txt"
            self.handed.append(handed.read_text("utf-8").split() if handed.exists() else [])

    def problems(self) -> list[str]:
        """Every promise that was broken; empty if none was."""
        found = []
        if self.lost:
            found.append(f"lost: {_few(self.lost)}")
        if self.resolved_twice:
            found.append(f"resolved twice: {_few(self.resolved_twice)}")
        if self.torn:
            found.append("the consumer's file ends with half a line")
        certain = set(self.sent_twice) - self.ambiguous
        if certain:
            found.append(f"sent twice although the first 202 was in the journal: {_few(certain)}")
        if len(self.sent_twice) > self.kills * MAX_CONCURRENT_REQUESTS:
            found.append(f"more were sent twice than requests were open: {_few(self.sent_twice)}")
        often = [key for key in self.sent_twice if len(self.runs[key]) > 1 + self.kills]
        if often:
            found.append(f"sent again more often than anybody was killed: {_few(often)}")
        renamed = [key for key in self.sent_twice if len(set(self.runs[key])) > 1]
        if renamed:
            found.append(f"sent again under another id: {_few(renamed)}")
        if self.unwritten:
            found.append(f"the journal does not know of 202s that came long ago: {_few(self.unwritten)}")
        if self.handed_again > self.kills * MAX_IN_FLIGHT:
            found.append(f"{self.handed_again} were handed out again, more than were on their way")
        wrong = [key for key, lines in self.lines.items() if any(not is_right(line) for line in lines)]
        if wrong:
            found.append(f"answered wrongly: {_few(wrong)}")
        return found


def _few(keys: Collection[str]) -> str:
    named = ", ".join(sorted(keys)[:5])
    return named if len(keys) <= 5 else f"{named} and {len(keys) - 5} more"


def fails(number: int) -> bool:
    """Whether the model fails for this row."""
    return number % 8 == 5


def is_right(line: dict[str, object]) -> bool:
    """Whether the line says what the model says of its row."""
    number = int(str(line["id"]).removeprefix("row-"))
    if fails(number):
        return line.get("error") == "InferenceFailedError"
    return line.get("answer") == {"square": number * number}
