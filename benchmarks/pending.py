"""What invocations take that only wait: memory for each, and what polling S3 for all of them costs."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys

from benchmarks.busy_client import client_of
from benchmarks.memory import rss_mb
from benchmarks.processes import Server
from benchmarks.runner import cpu_seconds
from benchmarks.steps import Steps

SENDERS = 64
WARM_UP = 1000
WATCH_SECONDS = 30.0


async def pending(
    server: Server, count: int, *, warm_up: int = WARM_UP, watch_seconds: float = WATCH_SECONDS
) -> dict[str, float]:
    """Send so many, whose answers do not come, then watch. Payloads are a byte long."""
    owner = f"poll-pending-{count}"
    async with client_of(server.http, owner, notified=False) as client:

        async def send(number: int) -> list[object]:
            turns = iter(range(number))

            async def some() -> list[object]:
                return [await client.submit(b"x") for _ in turns]

            return await asyncio.gather(*[some() for _ in range(SENDERS)])

        futures = await send(warm_up)  # connections are made, code is read
        gc.collect()
        before = rss_mb()
        futures += await send(count)
        gc.collect()
        grown = rss_mb() - before
        polled, cpu = s3_calls(server, owner), cpu_seconds()
        steps = Steps()
        with steps.watched():
            await asyncio.sleep(watch_seconds)
        return {
            "in_flight": count,
            "bytes_per_invocation": grown * 1e6 / count,
            "s3_calls_per_second": (s3_calls(server, owner) - polled) / watch_seconds,
            "cpu_percent": 100 * (cpu_seconds() - cpu) / watch_seconds,
            "longest_step_ms": steps.longest_ms,
        }


def s3_calls(server: Server, owner: str) -> int:
    """The looks at S3 that this owner's client has taken."""
    calls = server.state()["calls"]
    assert isinstance(calls, dict)
    return sum(
        count for name, count in calls.get(owner, {}).items() if name in {"ListObjectsV2", "GetObject"}
    )


def main() -> None:
    """``python -m benchmarks.pending '{"url": …, "count": …, "cpu": …}'``; one line of JSON."""
    wanted = json.loads(sys.argv[1])
    if wanted["cpu"] is not None:
        os.sched_setaffinity(0, {wanted["cpu"]})
    server = Server(wanted["url"], "", "")
    print(json.dumps(asyncio.run(pending(server, wanted["count"]))), flush=True)


if __name__ == "__main__":
    main()
