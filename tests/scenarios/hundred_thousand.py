"""100,000 requests at 8 slots of 30 s each, over real HTTP and in virtual time: does any expire?

    python -m tests.scenarios.hundred_thousand [items]

It takes some minutes, so it is no test. The same without HTTP is one: `tests/protocol/test_drain.py`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack

from aiobotocore.session import AioSession

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.model import ModelRequest, ModelResponse, echo
from tests.scenarios.stage import Clients, pass_time

SLOTS, SECONDS = 8, 30.0


async def run(items: int) -> str:
    """Play it, and say what came of it."""
    clock = VirtualClock(0.0)

    async def model(request: ModelRequest) -> ModelResponse:
        await clock.sleep_until(clock.monotonic() + SECONDS)
        return await echo(request)

    async with Emulator(clock=clock, remembered=1_000) as aws, AsyncExitStack() as stack:
        endpoint = await aws.create_endpoint("e", model, max_concurrent_invocations_per_instance=SLOTS)
        clients = Clients(aws, AioSession().get_component("data_loader"), stack)
        client = await clients.open(endpoint, clock=clock, polling=None)
        longest = 0

        async def send() -> int:
            nonlocal longest
            done = 0
            async for outcome in client.as_completed(range(items)):
                done += outcome.error is None
                longest = max(longest, endpoint.backlog)
            return done

        sending = asyncio.create_task(send())
        await pass_time(clock, sending.done, at_most=2 * items * SECONDS / SLOTS + 600, step=5.0)
        done, expired = await sending, client.statistics().expired
        busiest = items * SECONDS / SLOTS
        return (
            f"{done:,} of {items:,} done, {expired} expired; {longest:,} in SageMaker's queue at most; "
            f"{clock.monotonic():,.0f} s, where {busiest:,.0f} s is the least that {SLOTS} slots can do"
        )


if __name__ == "__main__":
    began = time.perf_counter()
    said = asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
    sys.stdout.write(f"{said}\nin {time.perf_counter() - began:.0f} s\n")
