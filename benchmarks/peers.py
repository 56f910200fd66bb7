"""The client beside its peers and beside the floor, on the same work: what an inference costs each.

python -m benchmarks.peers [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.comparison import Contestant, Effort, compare
from benchmarks.contenders import MODES, NAMES, PACKAGES
from benchmarks.page import circumstances, write_section
from benchmarks.plots import bars
from benchmarks.processes import Cores, RunFailedError, serving
from benchmarks.profiling import Function
from benchmarks.readings import Cell
from benchmarks.tables import comparison_table, profile_table

SIZES = (1 << 10, 100 << 10, 5 << 20)
MOST_INLINE_BYTES = 128_000
QUICK_SECONDS = 38.0


def arguments_of(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--quick", action="store_true", help="under a minute: 1 KB, asyncio, plain HTTP, no sweep"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON, and nothing else")
    parser.add_argument("--page", type=Path, help="write the tables and a plot into this report page")
    parser.add_argument("--only", nargs="+", choices=list(NAMES), metavar="NAME", help="these contenders")
    parser.add_argument("--loops", nargs="+", choices=["asyncio", "uvloop"])
    parser.add_argument("--tls", nargs="+", choices=["off", "on"])
    parser.add_argument("--sizes", nargs="+", type=int, help="bytes of payloads and results")
    parser.add_argument("--rounds", type=int, help="rounds of each contender")
    parser.add_argument("--round-seconds", type=float, help="how much CPU a round should take")
    parser.add_argument("--sweep", type=int, help="how many settings of each contender to try")
    parser.add_argument("--minutes", type=float, help="begin no round after so long")
    parser.add_argument(
        "--profile", nargs="*", choices=list(NAMES), metavar="NAME", help="profile these, at the end"
    )
    arguments = parser.parse_args(argv)
    arguments.given = " ".join(sys.argv[1:] if argv is None else argv)
    quick = arguments.quick
    arguments.loops = arguments.loops or (["asyncio"] if quick else ["asyncio", "uvloop"])
    arguments.tls = arguments.tls or (["off"] if quick else ["off", "on"])
    arguments.sizes = arguments.sizes or ([SIZES[0]] if quick else list(SIZES))
    arguments.rounds = arguments.rounds or (3 if quick else 7)
    arguments.round_seconds = arguments.round_seconds or (0.4 if quick else 1.0)
    arguments.sweep = arguments.sweep or (1 if quick else 5)
    arguments.minutes = arguments.minutes or (QUICK_SECONDS / 60 if quick else 60.0)
    return arguments


def cells_of(arguments: argparse.Namespace) -> list[Cell]:
    """The circumstances to compare under, the most telling first."""
    return [
        Cell(loop, tls == "on", size)
        for size in arguments.sizes
        for tls in arguments.tls
        for loop in arguments.loops
    ]


def names_of(cell: Cell, wanted: Sequence[str] | None, *, first_loop: str) -> list[str]:
    """Who takes part in a cell: nobody inline whose payload does not fit, and threads only once."""
    names = [name for name in NAMES if wanted is None or name in wanted]
    if cell.payload_bytes > MOST_INLINE_BYTES:
        names = [name for name in names if MODES[name] != "inline"]
    if cell.loop != first_loop:
        names = [name for name in names if name not in PACKAGES]
    return names


def missing_packages(names: Sequence[str]) -> dict[str, str]:
    """The contenders that cannot run in this environment, and the package that each lacks."""
    needed = {name: PACKAGES[name] for name in names if name in PACKAGES}
    return {name: package for name, package in needed.items() if importlib.util.find_spec(package) is None}


async def run(arguments: argparse.Namespace) -> list[Contestant]:
    """Measure everything that was asked for, and print it."""
    measured: list[Contestant] = []
    sections: list[str] = []
    started = time.monotonic()
    command = f"python -m benchmarks.peers {arguments.given}".strip()
    deadline = started + arguments.minutes * 60

    def tell(line: str) -> None:
        if not arguments.json:
            print(line, flush=True)

    def keep() -> None:
        if arguments.page and arguments.only is None and measured:
            write_section(arguments.page, "peers", "\n\n".join([circumstances(command), *sections]))
            plot(arguments.page, measured)

    loops = [loop for loop in arguments.loops if loop == "asyncio" or importlib.util.find_spec(loop)]
    for loop in set(arguments.loops) - set(loops):
        print(f"{loop} is not installed here; left out", file=sys.stderr)
    arguments.loops = loops
    lacking = missing_packages(arguments.only or list(NAMES))
    for name, package in lacking.items():
        print(f"{name} needs the package {package}, which is not installed here; left out", file=sys.stderr)
    wanted = [name for name in arguments.only or NAMES if name not in lacking]
    cores = Cores.of_this_machine()
    if cores.server is not None:
        os.sched_setaffinity(0, {cores.server})
    tell(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {cores}"
    )
    profiles: dict[str, dict[str, list[Function]]] = {name: {} for name in arguments.profile or []}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        async with serving(scratch, cores.server) as server:
            cells = cells_of(arguments)
            for index, cell in enumerate(cells):
                if index and time.monotonic() > deadline:
                    sections.append(f"Time was up; left out: {'; '.join(map(str, cells[index:]))}.")
                    tell(sections[-1])
                    keep()
                    break
                tell(f"\n{cell}")
                effort = Effort(arguments.rounds, arguments.round_seconds, arguments.sweep, deadline)
                names = names_of(cell, wanted, first_loop=arguments.loops[0])
                contestants = await compare(
                    names, cell, effort, server=server, cores=cores, tell=tell, profiles=profiles
                )
                measured += contestants
                sections.append(f"#### {cell}\n\n{comparison_table(contestants)}")
                tell(sections[-1])
                keep()  # at once, lest a later failure take it along
                for name, profile in profiles.items():
                    if profile:
                        shown = profile_table(name, profile["functions"], profile["files"])
                        tell(shown)
                        if arguments.page:
                            write_section(arguments.page, "profile", f"{circumstances(command)}\n{shown}")
                profiles = {}  # of the first cell
    tell(f"\n{time.monotonic() - started:.0f} s in all, load {os.getloadavg()[0]:.1f}")
    return measured


def plot(page: Path, measured: Sequence[Contestant]) -> None:
    """Draw the first cell beside the page."""
    first = [each.reading for each in measured if each.reading.cell == measured[0].reading.cell]
    bars(
        page.parent / "benchmarks" / "peers.svg",
        f"CPU of the client for one inference: {first[0].cell}",
        {reading.name: reading.cpu_us for reading in first},
        unit="microseconds",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; 1 if a contender failed or handed back wrong bytes."""
    arguments = arguments_of(argv)
    try:
        measured = asyncio.run(run(arguments))
    except RunFailedError as error:
        print(f"the run failed: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({"contenders": [each.reading.document() for each in measured]}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
