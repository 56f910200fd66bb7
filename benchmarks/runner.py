"""One contender in a process of its own; it is told what to do on standard input, line by line, as JSON.

    {"do": "open", "settings": {...}}                      -> {"ok": true}
    {"do": "round", "inferences": 1000}                    -> {"inferences", "wall_seconds", "cpu_seconds"}
    {"do": "profile", "inferences": 1000, "top": 25}       -> {"functions": [...], "files": [...]}

CPU is that of the whole process, user and system, threads included. Whatever libraries print goes to standard
error.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
from contextlib import AsyncExitStack
from typing import Any, TextIO

from benchmarks.contenders import load
from benchmarks.profiling import profiled
from benchmarks.work import Contender, Place, Run, Work


class Runner:
    """Carries out one order after the other."""

    def __init__(self, contender: Contender, place: Place, payload_bytes: int) -> None:
        self._contender = contender
        self._place = place
        self._payload_bytes = payload_bytes
        self._stack = AsyncExitStack()
        self._run: Run | None = None

    async def obey(self, order: dict[str, Any]) -> dict[str, object]:
        """Do what the order says, and return what there is to tell."""
        if order["do"] == "open":
            await self._stack.aclose()
            self._run = await self._stack.enter_async_context(
                self._contender.opened(self._place, order["settings"])
            )
            return {"ok": True}
        if order["do"] == "profile":
            work = Work(int(order["inferences"]), self._payload_bytes)
            return dict(await profiled(self._do(work), top=int(order["top"])))
        return await self._round(int(order["inferences"]))

    async def aclose(self) -> None:
        """Close what is open."""
        await self._stack.aclose()

    async def _round(self, inferences: int) -> dict[str, object]:
        work = Work(inferences, self._payload_bytes)
        gc.collect()
        cpu, wall = cpu_seconds(), time.perf_counter()
        await self._do(work)
        return {
            "inferences": inferences,
            "wall_seconds": time.perf_counter() - wall,
            "cpu_seconds": cpu_seconds() - cpu,
        }

    async def _do(self, work: Work) -> None:
        assert self._run is not None
        await self._run(work)
        if not work.is_done:
            raise RuntimeError("the contender came back before all its results did")


def cpu_seconds() -> float:
    """The CPU time of this process so far, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def obey_all(runner: Runner, answers: TextIO) -> None:
    """Read orders until there are no more; an order that fails is told, and is the last."""
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await runner.obey(json.loads(line))), file=answers, flush=True)
    except Exception as error:  # noqa: BLE001 - the parent shows it, and fails the run
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
    finally:
        await runner.aclose()


def main() -> None:
    """Obey until standard input ends; what to be is the one argument, as `benchmarks.processes` writes it."""
    wanted = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if wanted["loop"] == "uvloop":
        import uvloop  # noqa: PLC0415 - only where it is asked for

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    runner = Runner(load(wanted["name"]), Place(**wanted["place"]), wanted["payload_bytes"])
    if wanted["cpu"] is not None:
        os.sched_setaffinity(0, {wanted["cpu"]})  # only now: many are started at a time
    print(json.dumps({"ready": True}), file=answers, flush=True)
    asyncio.run(obey_all(runner, answers))


if __name__ == "__main__":
    main()
