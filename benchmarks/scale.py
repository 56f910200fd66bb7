"""How the client behaves as numbers grow: CPU, memory, polling, lag, and the steps of its event loop.

    python -m benchmarks.scale [--inferences 1000 10000 100000] [--in-flight 10000 100000] [--json]

The client runs in this process, the server in another, each on a core of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from benchmarks.busy_client import client_of
from benchmarks.contenders.ours import run as run_work
from benchmarks.cost import environment_of_contenders
from benchmarks.memory import rss_mb
from benchmarks.page import circumstances, write_section
from benchmarks.processes import Cores, Server, environment, running, serving
from benchmarks.runner import cpu_seconds
from benchmarks.steps import Steps
from benchmarks.tables import table
from benchmarks.work import Work

PAYLOAD_BYTES = 1024
CALLERS = 256
WARM_UP = 1000
FOREVER_SECONDS = 3600.0
TRICKLE_PER_SECOND = 2.0


async def growth(server: Server, sizes: Sequence[int], *, warm_up: int = WARM_UP) -> list[dict[str, float]]:
    """CPU for each inference, in runs that grow; one client does them all, and forgets nothing on the way."""
    found = []
    async with client_of(server.http, "inline-growth") as client:
        await run_work(client, CALLERS, Work(warm_up, PAYLOAD_BYTES))
        for size in sizes:
            gc.collect()
            cpu, wall = cpu_seconds(), time.perf_counter()
            await run_work(client, CALLERS, Work(size, PAYLOAD_BYTES))
            taken = time.perf_counter() - wall
            found.append(
                {
                    "inferences": size,
                    "cpu_us_per_inference": (cpu_seconds() - cpu) * 1e6 / size,
                    "per_second": size / taken,
                    "rss_mb": rss_mb(),
                }
            )
    return found


async def lag(server: Server, per_second: float, seconds: float, *, name: str) -> dict[str, float | str]:
    """From the moment at which a notification can be had to the moment at which its caller goes on."""
    lags: list[float] = []
    steps = Steps()
    async with client_of(server.http, f"inline-stamped-{name}") as client:
        await client.invoke(b"x")

        async def call() -> None:
            result = await client.invoke(b"x" * PAYLOAD_BYTES)
            lags.append((time.monotonic_ns() - int(result.body)) / 1e6)

        began = time.perf_counter()
        tasks = []
        with steps.watched():
            for number in range(int(per_second * seconds)):
                await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
                tasks.append(asyncio.create_task(call()))
            await asyncio.gather(*tasks)
    return {
        "load": name,
        "per_second": per_second,
        "p50_ms": quantile(lags, 0.5),
        "p99_ms": quantile(lags, 0.99),
        "p999_ms": quantile(lags, 0.999),
        "longest_step_ms": steps.longest_ms,
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def pending(server: Server, count: int, cores: Cores) -> dict[str, float | str]:
    """So many in flight, in a process of its own: a heap that was used before would hide what they take."""
    wanted = json.dumps({"url": server.http, "count": count, "cpu": cores.client})
    async with running("pending", "benchmarks.pending", wanted, environment=environment()) as lines:
        return cast("dict[str, float | str]", await lines.read(patience_seconds=3600))


async def measure(arguments: argparse.Namespace) -> dict[str, list[dict[str, float | str]]]:
    """Everything, one after the other."""
    cores = Cores.of_this_machine()
    if cores.client is not None:
        os.sched_setaffinity(0, {cores.client})
    found: dict[str, list[dict[str, float | str]]] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        async with serving(scratch, cores.server) as server:
            found["growth"] = [dict(each) for each in await growth(server, arguments.inferences)]
        peak = max(float(each["per_second"]) for each in found["growth"])
        async with serving(scratch, cores.server, "--gather-seconds", "0") as server:
            found["lag"] = [
                await lag(server, peak / 2, arguments.seconds, name="half-of-peak"),
                await lag(server, TRICKLE_PER_SECOND, arguments.seconds, name="trickle"),
            ]
        async with serving(scratch, cores.server, "--inference-seconds", str(FOREVER_SECONDS)) as server:
            found["pending"] = [await pending(server, count, cores) for count in arguments.in_flight]
    return found


def tables(found: dict[str, list[dict[str, float | str]]]) -> str:
    """The results, a table for each question."""
    parts = []
    for name, rows in found.items():
        if rows:
            cells = [
                [f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()]
                for row in rows
            ]
            parts.append(f"**{name}**\n\n{table([key.replace('_', ' ') for key in rows[0]], cells)}")
    return "\n\n".join(parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--inferences", nargs="+", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--in-flight", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long lag is watched, for each load")
    parser.add_argument("--page", type=Path, help="write the tables into this report page")
    parser.add_argument("--json", action="store_true", help="print the results as JSON, and nothing else")
    arguments = parser.parse_args(argv)
    environment_of_contenders()
    found = asyncio.run(measure(arguments))
    print(json.dumps(found, indent=1) if arguments.json else tables(found))
    if arguments.page:
        given = " ".join(sys.argv[1:] if argv is None else argv)
        where = circumstances(f"python -m benchmarks.scale {given}".strip())
        write_section(arguments.page, "scale", f"{where}\n\n{tables(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
