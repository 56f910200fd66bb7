"""The long matrix: every point with many seeds, more rows; a table, and one JSON object as the last line.

::

    make chaos-kill
    python -m tests.kill --seeds 5 --items 120 --point on-close
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from tests.kill.account import Account
from tests.kill.case import Case
from tests.kill.nursery import Nursery
from tests.kill.point import POINTS, Point

SEEDS = 5
ITEMS = 120
JOBS = 2


@dataclass(slots=True)
class Row:
    """What came of all seeds of one point."""

    point: Point
    accounts: list[Account] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, int]:
        """The sums over all seeds."""
        return {
            "seeds": len(self.accounts),
            "kills": sum(each.kills for each in self.accounts),
            "lost": sum(len(each.lost) for each in self.accounts),
            "resolved_twice": sum(len(each.resolved_twice) for each in self.accounts),
            "ambiguous": sum(len(each.ambiguous) for each in self.accounts),
            "sent_twice": sum(len(each.sent_twice) for each in self.accounts),
            "handed_again": sum(each.handed_again for each in self.accounts),
            "problems": len(self.problems),
        }


async def matrix(points: Sequence[Point], seeds: Sequence[int], items: int) -> list[Row]:
    """Every point with every seed, a few at a time."""
    rows = {point.name: Row(point) for point in points}
    todo = [(point, seed) for point in points for seed in seeds]

    async def work(nursery: Nursery) -> None:
        while todo:
            point, seed = todo.pop(0)
            await _fill(rows[point.name], seed, items, nursery)

    with ExitStack() as stack:
        nurseries = [stack.enter_context(Nursery()) for _ in range(JOBS)]
        await asyncio.gather(*(work(nursery) for nursery in nurseries))
    return list(rows.values())


async def _fill(row: Row, seed: int, items: int, nursery: Nursery) -> None:
    folder = Path(mkdtemp(prefix=f"kill-{row.point.name}-{seed}-"))
    try:
        account = await Case(row.point, seed, items, folder, nursery).run()
    except AssertionError as error:
        problems = [str(error)]
    else:
        row.accounts.append(account)
        problems = account.problems()
    row.problems += problems
    if not problems:
        shutil.rmtree(folder)
    for problem in problems:
        _say(f"{row.point.name}, seed {seed}: {problem} (its files: {folder})")


def _line(first: str, rest: Sequence[str]) -> str:
    return " | ".join([first.ljust(26), *rest])


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command's output


def main() -> int:
    """The matrix from the command line; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="tests.kill", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"1 to this one ({SEEDS})")
    parser.add_argument("--items", type=int, default=ITEMS, help=f"rows of each run ({ITEMS})")
    parser.add_argument("--point", choices=[point.name for point in POINTS], help="this one alone")
    options = parser.parse_args()
    points = [point for point in POINTS if options.point in (None, point.name)]
    started = time.perf_counter()
    rows = asyncio.run(matrix(points, range(1, options.seeds + 1), options.items))
    names = list(rows[0].figures)
    _say(_line("point", names))
    for row in rows:
        _say(_line(row.point.name, [str(row.figures[name]).rjust(len(name)) for name in names]))
    sums = {name: sum(row.figures[name] for row in rows) for name in names}
    seconds = round(time.perf_counter() - started, 1)
    _say(json.dumps({"points": len(rows), "items": options.items, **sums, "seconds": seconds}))
    return 1 if sums["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
