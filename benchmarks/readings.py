"""What was measured, and what is said of it: medians, spread, ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Cell:
    """The circumstances of a comparison: only within one of them are contenders compared.

    Attributes:
        loop: ``asyncio`` or ``uvloop``. Threads have none; they are measured beside the asyncio ones.
        tls: Whether over TLS.
        payload_bytes: The size of payloads and results.
    """

    loop: str
    tls: bool
    payload_bytes: int

    def __str__(self) -> str:
        return f"{size(self.payload_bytes)}, {self.loop}, {'TLS' if self.tls else 'plain HTTP'}"


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one contender.

    Attributes:
        inferences: How many inferences it did.
        wall_seconds: How long they took.
        cpu_seconds: How much CPU the client process took for them.
    """

    inferences: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU for each inference."""
        return self.cpu_seconds * 1e6 / self.inferences

    @property
    def per_second(self) -> float:
        """Inferences each second of the clock."""
        return self.inferences / self.wall_seconds


@dataclass(slots=True)
class Reading:
    """All rounds of one contender in one cell.

    Attributes:
        name: The contender.
        cell: Where.
        settings: The best of its sweep.
        rounds: What was measured.
        calls: Calls to each operation in these rounds.
        inferences: The inferences that made these calls.
    """

    name: str
    cell: Cell
    settings: dict[str, int]
    rounds: list[Round] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    inferences: int = 0

    @property
    def cpu_us(self) -> float:
        """The median of the rounds."""
        return median(each.cpu_us for each in self.rounds)

    @property
    def per_second(self) -> float:
        """The median of the rounds."""
        return median(each.per_second for each in self.rounds)

    @property
    def spread(self) -> float:
        """How far the rounds lie from their median at most, as a part of it."""
        middle = self.cpu_us
        return max(abs(each.cpu_us - middle) for each in self.rounds) / middle

    @property
    def calls_per_inference(self) -> float:
        """AWS calls for each inference."""
        return sum(self.calls.values()) / self.inferences

    def document(self) -> dict[str, object]:
        """It as JSON has it."""
        return {
            "name": self.name,
            "loop": self.cell.loop,
            "tls": self.cell.tls,
            "payload_bytes": self.cell.payload_bytes,
            "cpu_us_per_inference": round(self.cpu_us, 2),
            "per_second": round(self.per_second, 1),
            "calls_per_inference": round(self.calls_per_inference, 4),
            "spread": round(self.spread, 4),
            "rounds": len(self.rounds),
            "settings": self.settings,
            "calls": {name: round(count / self.inferences, 4) for name, count in self.calls.items()},
        }


def ratio(readings: Sequence[Reading], name: str, other: str) -> float | None:
    """How much CPU ``name`` takes for each that ``other`` takes; None unless both were measured."""
    cpu = {reading.name: reading.cpu_us for reading in readings}
    return cpu[name] / cpu[other] if name in cpu and other in cpu else None


def size(count: int) -> str:
    """A number of bytes, for people."""
    for unit, bytes_ in (("MB", 1 << 20), ("KB", 1 << 10)):
        if count >= bytes_:
            return f"{count / bytes_:g} {unit}"
    return f"{count} B"
