"""One comparison: all contenders of one cell, swept, then measured in turn, round by round."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import cast

from benchmarks.contenders import MODES
from benchmarks.processes import Cores, Lines, Server, contending
from benchmarks.profiling import Function
from benchmarks.readings import Cell, Reading, Round
from benchmarks.sweeps import SWEEPS, fitted

FIRST_INFERENCES = 20
MOST_INFERENCES = 50_000


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: Rounds of each contender.
        round_seconds: How much CPU a round should take.
        sweep: How many settings of each contender to try; 1 takes the first as it is.
        deadline: When to stop, by ``time.monotonic``; a round more is not begun after it.
    """

    rounds: int
    round_seconds: float
    sweep: int
    deadline: float


class Contestant:
    """One contender's process, and what was measured of it."""

    def __init__(self, name: str, owner: str, lines: Lines, server: Server, cell: Cell) -> None:
        self.name = name
        self.swept: list[tuple[dict[str, int], float]] = []
        self.reading = Reading(name, cell, {})
        self.server_shares: list[float] = []
        self._owner = owner
        self._lines = lines
        self._server = server
        self._per_round = FIRST_INFERENCES

    async def ready(self) -> None:
        """Return once its process has read all its code."""
        await self._lines.read()

    async def choose(self, settings: Sequence[dict[str, int]], seconds: float) -> None:
        """Try all settings, keep the one that takes the least CPU, and warm up with it."""
        best: tuple[float, dict[str, int]] | None = None
        for each in settings:
            await self._lines.ask(do="open", settings=each)
            self._per_round = await self._calibrated(seconds)
            if len(settings) == 1:
                best = (0.0, each)
                continue
            tried = await self._round()
            self.swept.append((each, tried.cpu_us))
            if best is None or tried.cpu_us < best[0]:
                best = (tried.cpu_us, each)
        assert best is not None
        self.reading.settings = best[1]
        if len(settings) > 1:
            await self._lines.ask(do="open", settings=best[1])
            self._per_round = await self._calibrated(seconds)

    async def measure(self) -> None:
        """One round that counts, after a small one that does not: connections may have been closed since."""
        widest = max(self.reading.settings.get(name, 0) for name in ("requests", "threads"))
        await self._round(min(self._per_round, 2 * widest))
        before = self._server.state()
        measured = await self._round()
        after = self._server.state()
        self.reading.rounds.append(measured)
        self.reading.inferences += measured.inferences
        for operation, count in _calls(after, self._owner).items():
            more = count - _calls(before, self._owner).get(operation, 0)
            self.reading.calls[operation] = self.reading.calls.get(operation, 0) + more
        busy = _number(after["cpu_seconds"]) - _number(before["cpu_seconds"])
        self.server_shares.append(busy / measured.wall_seconds)

    async def profile(self, top: int) -> dict[str, list[Function]]:
        """Where its time goes; see `benchmarks.profiling`."""
        answer = await self._lines.ask(do="profile", inferences=self._per_round, top=top)
        return cast("dict[str, list[Function]]", answer)

    async def _calibrated(self, seconds: float) -> int:
        """Warm up, and find out how many inferences make a round of so many seconds of CPU."""
        self._per_round = FIRST_INFERENCES
        await self._round()  # connections are made, code is read
        self._per_round *= 5
        self._per_round = _as_many(await self._round(), seconds / 4)
        return _as_many(await self._round(), seconds)

    async def _round(self, inferences: int | None = None) -> Round:
        answer = await self._lines.ask(do="round", inferences=inferences or self._per_round)
        return Round(
            int(_number(answer["inferences"])),
            _number(answer["wall_seconds"]),
            _number(answer["cpu_seconds"]),
        )


async def compare(
    names: Iterable[str],
    cell: Cell,
    effort: Effort,
    *,
    server: Server,
    cores: Cores,
    tell: Callable[[str], None],
    profiles: dict[str, dict[str, list[Function]]] | None = None,
) -> list[Contestant]:
    """Measure these contenders side by side, each in a process of its own that stays until the end.

    Args:
        names: The contenders.
        cell: The circumstances.
        effort: How long to measure.
        server: The server.
        cores: Where processes stay.
        tell: Told of progress, a line at a time.
        profiles: Filled with a profile of each contender that is a key of it.

    Raises:
        RunFailedError: A contender failed, or handed back wrong bytes.
    """
    async with AsyncExitStack() as stack:

        async def start(name: str) -> Contestant:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-"))
            owner = f"{MODES[name]}-{name}-{cell.loop}-{cell.payload_bytes}-{'tls' if cell.tls else 'plain'}"
            lines = await stack.enter_async_context(
                contending(
                    name,
                    server.place(owner, tls=cell.tls, scratch=scratch),
                    loop=cell.loop,
                    payload_bytes=cell.payload_bytes,
                    core=cores.client,
                )
            )
            return Contestant(name, owner, lines, server, cell)

        contestants = [await start(name) for name in names]
        await asyncio.gather(*[each.ready() for each in contestants])
        for each in contestants:
            settings = [fitted(one, cell.payload_bytes) for one in SWEEPS[each.name][: effort.sweep]]
            await each.choose(_distinct(settings), effort.round_seconds)
            for chosen, cpu_us in each.swept:
                mark = "*" if chosen == each.reading.settings else " "
                tell(f"  sweep {mark} {each.name:20} {cpu_us:9.1f} µs  {chosen}")
        for number in range(effort.rounds):
            if number and time.monotonic() > effort.deadline:
                tell(f"  time is up after {number} of {effort.rounds} rounds")
                break
            # Each round begins with another, so that none always follows the same one.
            turn = number % len(contestants)
            for each in contestants[turn:] + contestants[:turn]:
                await each.measure()
        for each in contestants:
            if profiles is not None and each.name in profiles:
                profiles[each.name] = await each.profile(25)
        return contestants


def _as_many(measured: Round, seconds: float) -> int:
    return max(FIRST_INFERENCES, min(MOST_INFERENCES, round(seconds * 1e6 / measured.cpu_us)))


def _distinct(settings: Sequence[dict[str, int]]) -> list[dict[str, int]]:
    return [each for index, each in enumerate(settings) if each not in settings[:index]]


def _calls(state: dict[str, object], owner: str) -> dict[str, int]:
    calls = state["calls"]
    assert isinstance(calls, dict)
    return dict(calls.get(owner, {}))


def _number(value: object) -> float:
    assert isinstance(value, (int, float))
    return float(value)
