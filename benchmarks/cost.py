"""What a million inferences of a minute cost at AWS: calls counted by operation, times list prices.

    python -m benchmarks.cost [--inferences 20000] [--json]

Those on an event loop really do the work, against the server, on a loop that jumps over the time in which
nothing happens. Those on threads sleep in real time, so their calls are computed: one upload, one request,
and as many looks at S3 as fit into the inference.

``busy`` is a thousand inferences begun each second; ``trickle`` is one after the other, with half a minute of
rest between two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.bill import PRICES_OF, S3_WRITE, Bill, message_bytes, polled
from benchmarks.contenders import MODES, load
from benchmarks.page import circumstances, write_section
from benchmarks.processes import environment
from benchmarks.server import GATHER_SECONDS, Connection, Services
from benchmarks.tables import table
from benchmarks.warped_loop import WarpedLoop, run_warped
from benchmarks.work import Place, Work

INFERENCE_SECONDS = 60.0
PAYLOAD_BYTES = 1024
BOTO3_POLL_SECONDS = 1.0
PREDICTOR_POLL_SECONDS = 15.0  # the SDK's default

COUNTED = ("ours-inline", "ours-s3", "ours-poll", "aiobotocore-inline", "aiobotocore-s3")
SETTINGS = {"in_flight": 1, "start_in_flight": 100_000, "requests": 64, "pollers": 4, "warped": 1}


@dataclass(frozen=True, slots=True)
class Pace:
    """How inferences come.

    Attributes:
        name: What it is called.
        every_seconds: One begins each time so many seconds have passed.
        share: The part of the inferences asked for that is enough to count.
    """

    name: str
    every_seconds: float
    share: float


PACES = (Pace("busy", 0.001, 1.0), Pace("trickle", INFERENCE_SECONDS + 30, 0.01))


async def count(name: str, pace: Pace, inferences: int, loop: WarpedLoop) -> dict[str, float]:
    """Do so many inferences at this pace, and return the calls for each, by operation."""
    services = Services(GATHER_SECONDS, INFERENCE_SECONDS)
    server = await loop.create_server(lambda: Connection(services), "127.0.0.1", 0)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        place = Place(url, f"{MODES[name]}-{name}", None, scratch)
        loop.hold(still=True)
        async with load(name).opened(place, SETTINGS) as run:
            loop.hold(still=False)
            await run(Work(1, PAYLOAD_BYTES))  # what is read and looked up only once, in threads
            services.calls.clear()
            tasks = []
            for _ in range(inferences):
                tasks.append(asyncio.ensure_future(run(Work(1, PAYLOAD_BYTES))))
                await asyncio.sleep(pace.every_seconds)
            await asyncio.gather(*tasks)
            await asyncio.sleep(1)  # the last messages are deleted
    server.close()
    return {operation: calls / inferences for (_, operation), calls in services.calls.items()}


def computed(name: str) -> dict[str, float]:
    """The calls of those who sleep on threads; the pace does not matter to them."""
    calls = {"PutObject": 1.0, "InvokeEndpointAsync": 1.0}
    if name == "boto3-threads":
        return {**calls, "GetObject": float(polled(INFERENCE_SECONDS, BOTO3_POLL_SECONDS))}
    return {**calls, "HeadObject": float(polled(INFERENCE_SECONDS, PREDICTOR_POLL_SECONDS)), "GetObject": 1.0}


def bill(name: str, calls: Mapping[str, float]) -> Bill:
    """What these calls cost, and what comes with this way of doing it."""
    mode = MODES[name]
    return Bill(
        calls,
        notified=mode != "poll",
        uploaded="PutObject" in calls,
        message_bytes=message_bytes(PAYLOAD_BYTES, inline=mode == "inline"),
    )


def bills(inferences: int) -> dict[str, dict[str, Bill]]:
    """The bill of each contender, by pace."""
    found: dict[str, dict[str, Bill]] = {}
    for pace in PACES:
        enough = max(10, round(inferences * pace.share))
        found[pace.name] = {
            name: bill(name, run_warped(partial(count, name, pace, enough))) for name in COUNTED
        }
        for name in ("boto3-threads", "async-predictor"):
            found[pace.name][name] = bill(name, computed(name))
    return found


def bills_table(found: Mapping[str, Bill]) -> str:
    """A row for each contender, and how its bill compares with the AsyncPredictor's."""
    dearest = found["async-predictor"].dollars
    rows = [
        (
            name,
            f"{each.calls_per_inference:.2f}",
            f"{each.empty_per_inference:.2f}",
            f"{each.own_dollars:.2f}",
            f"{each.others_dollars:.2f}",
            f"{each.dollars:.2f}",
            f"1/{dearest / each.dollars:.1f}" if each.dollars < dearest else f"{each.dollars / dearest:.1f}",
            ", ".join(f"{operation} {calls:.3g}" for operation, calls in sorted(each.calls.items())),
        )
        for name, each in found.items()
    ]
    head = ("contender", "calls", "empty polls", "$ calls", "$ SNS, input", "$ in all", "of AsyncPredictor's")
    return table((*head, "calls for each inference"), rows)


def document(found: Mapping[str, Mapping[str, Bill]]) -> dict[str, object]:
    """The bills as JSON has them."""
    return {
        pace: {
            name: {"calls": dict(each.calls), "dollars_per_million": round(each.dollars, 4)}
            for name, each in of_pace.items()
        }
        for pace, of_pace in found.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Count, and print what it costs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__.partition("\n")[0])
    parser.add_argument("--inferences", type=int, default=20_000, help="how many are counted when busy")
    parser.add_argument("--page", type=Path, help="write the tables into this report page")
    parser.add_argument("--json", action="store_true", help="print the results as JSON, and nothing else")
    arguments = parser.parse_args(argv)
    environment_of_contenders()
    found = bills(arguments.inferences)
    if arguments.json:
        print(json.dumps(document(found), indent=1))
        return 0
    sections = [circumstances(f"python -m benchmarks.cost --inferences {arguments.inferences}")]
    for pace, of_pace in found.items():
        title = (
            f"**{pace}**: dollars for a million inferences of {INFERENCE_SECONDS:g} s, prices of {PRICES_OF}"
        )
        sections += [title, bills_table(of_pace)]
    sections.append(
        "SageMaker's own write of each output is not in the tables: where the endpoint has a path for them, "
        f"it is {S3_WRITE:.2f} for all alike."
    )
    print("\n\n".join(sections))
    if arguments.page:
        write_section(arguments.page, "cost", "\n\n".join(sections))
    return 0


def environment_of_contenders() -> None:
    """Give this process the environment that contenders have in processes of their own."""
    wanted = environment()
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)


if __name__ == "__main__":
    sys.exit(main())
