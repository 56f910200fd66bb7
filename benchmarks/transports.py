"""What one request costs on each of the package's transports: the CPU time of the client, in microseconds.

    python -m benchmarks.transports [--requests 5000] [--rounds 5] [--json]

Each is a process of its own, on a core of its own, and puts 1 KB into the server's S3, 64 requests at a time,
signed with a signature that nobody checks. Rounds are interleaved; told is the median.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import ssl
import statistics
import sys
import tempfile
import time
from itertools import product

from aio_sm_async.wire.http1 import Http1Transport
from aio_sm_async.wire.transport import AiohttpTransport
from benchmarks.processes import Cores, Server, environment, running, serving

TRANSPORTS = {"httptools": Http1Transport, "aiohttp": AiohttpTransport}
LOOPS = ("asyncio", "uvloop")
CONCURRENCY = 64

_HEADERS = {
    "X-Amz-Date": "20261101T000000Z",
    "X-Amz-Content-SHA256": "0" * 64,
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261101/us-east-1/s3/aws4_request, "
    f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={'0' * 64}",
}


def _directly(_: str) -> None:
    """No proxy."""


async def measure(transport_name: str, url: str, ca_file: str | None, requests: int) -> float:
    """The CPU time of one request, in microseconds, once the connections are there."""
    context = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    transport = TRANSPORTS[transport_name](CONCURRENCY, proxy=_directly, ssl_context=context)
    body = os.urandom(1024)

    async def put(numbers: range) -> None:
        left = iter(numbers)

        async def put_some() -> None:
            for number in left:
                answer = await transport.request(
                    "PUT", f"{url}/transports/{number % 100}", headers=_HEADERS, body=body, timeout_seconds=30
                )
                assert answer.status == 200

        await asyncio.gather(*[put_some() for _ in range(CONCURRENCY)])

    await put(range(500))
    begin = time.process_time()
    await put(range(requests))
    spent = time.process_time() - begin
    await transport.aclose()
    return spent / requests * 1e6


async def ask(server: Server, name: str, loop: str, *, tls: bool, requests: int, core: int | None) -> float:
    """The same, in a process of its own."""
    order = {
        "transport_name": name,
        "url": server.https if tls else server.http,
        "ca_file": server.ca_file if tls else None,
        "requests": requests,
    }
    command = ["benchmarks.transports", "--one", json.dumps(order), "--loop", loop]
    if core is not None:
        command += ["--cpu", str(core)]
    async with running(f"{name} on {loop}", *command, environment=environment()) as lines:
        told = (await lines.read())["cpu_us_per_request"]
    assert isinstance(told, float)
    return told


async def compare(rounds: int, requests: int) -> list[dict[str, object]]:
    """A row for each transport, with and without TLS, on each loop that is installed."""
    cores = Cores.of_this_machine()
    loops = [loop for loop in LOOPS if importlib.util.find_spec(loop) is not None]
    cells: dict[tuple[bool, str, str], list[float]] = {
        cell: [] for cell in product((False, True), loops, TRANSPORTS)
    }
    with tempfile.TemporaryDirectory() as scratch:
        async with serving(scratch, cores.server) as server:
            for _ in range(rounds):
                for (tls, loop, name), told in cells.items():
                    told.append(await ask(server, name, loop, tls=tls, requests=requests, core=cores.client))
    return [
        {
            "transport": name,
            "loop": loop,
            "tls": tls,
            "cpu_us_per_request": round(statistics.median(told), 1),
            "least": round(min(told), 1),
            "most": round(max(told), 1),
        }
        for (tls, loop, name), told in cells.items()
    ]


def main() -> None:
    """Read the command line and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transports", description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--loop", default="asyncio", help=argparse.SUPPRESS)
    parser.add_argument("--cpu", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        if given.cpu is not None:
            os.sched_setaffinity(0, {given.cpu})
        factory = importlib.import_module("uvloop").new_event_loop if given.loop == "uvloop" else None
        with asyncio.Runner(loop_factory=factory) as runner:
            print(
                json.dumps({"cpu_us_per_request": runner.run(measure(**json.loads(given.one)))}), flush=True
            )
        return
    rows = asyncio.run(compare(given.rounds, given.requests))
    if given.json:
        json.dump({"rows": rows}, sys.stdout)
        print()
        return
    print("| | loop | httptools | aiohttp | ratio |")
    print("|---|---|---|---|---|")
    for own, other in zip(rows[::2], rows[1::2], strict=True):
        ours, theirs = own["cpu_us_per_request"], other["cpu_us_per_request"]
        assert isinstance(ours, float)
        assert isinstance(theirs, float)
        wire = "TLS" if own["tls"] else "plain HTTP"
        print(f"| {wire} | {own['loop']} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.2f} |")


if __name__ == "__main__":
    main()
