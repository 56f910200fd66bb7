"""A very long fan-out with the journal on, watched: is anything lost, does memory grow?

::

    make soak ITEMS=1000000
    python -m benchmarks.soak --items 20000

The client runs in this process, the emulator in another. Every answer is compared with its item, byte by
byte. Progress goes to stderr; the last line on stdout is one JSON object. It exits with 1 if anything was
lost, wrong or handed out twice, if memory grew by more than 100 MB after the warm-up, or if the deadline
passed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from aio_sm_async import AsyncInferenceClient, SqsNotifications
from benchmarks.emulator_process import ENDPOINT_NAME, EmulatorProcess, emulator_process
from benchmarks.memory import rss_mb

WARM_UP_ITEMS = 10_000
MAX_GROWTH_MB = 100.0
PROGRESS_SECONDS = 5


@dataclass(slots=True)
class Watch:
    """Counts the answers, and samples memory each second once the warm-up is over."""

    items: int
    seen: bytearray = field(init=False)
    done: int = 0
    wrong: int = 0
    failed: int = 0
    resolved_twice: int = 0
    rss_mb: list[float] = field(default_factory=list)
    # Seconds on the clock and of this process's CPU, when the warm-up was over.
    warm_at: float = 0.0
    warm_cpu: float = 0.0

    def __post_init__(self) -> None:
        self.seen = bytearray(self.items)

    @property
    def warm_up_items(self) -> int:
        """After how many items the figures begin: ten thousand, or half of a short run."""
        return min(WARM_UP_ITEMS, self.items // 2)

    @property
    def lost(self) -> int:
        """Items without any outcome."""
        return self.seen.count(0)

    @property
    def growth_mb(self) -> float:
        """How much more memory was held than after the warm-up, at most."""
        return max(self.rss_mb) - self.rss_mb[0]

    def take(self, number: int, body: bytes | None) -> None:
        """An item has its outcome; None is a failure."""
        self.resolved_twice += self.seen[number]
        self.seen[number] = 1
        self.done += 1
        if body is None:
            self.failed += 1
        elif body != payload_of(number):
            self.wrong += 1
        if self.done == self.warm_up_items:
            self.warm_at, self.warm_cpu = time.perf_counter(), time.process_time()
            self.rss_mb.append(rss_mb())

    async def sample(self) -> None:
        """Sample each second, and tell how far it is."""
        told, told_at = 0, time.perf_counter()
        while True:
            await asyncio.sleep(1)
            if self.rss_mb:
                self.rss_mb.append(rss_mb())
            seconds = time.perf_counter() - told_at
            if seconds >= PROGRESS_SECONDS:
                rate = (self.done - told) / seconds
                growth = f"{self.growth_mb:+.1f} MB since the warm-up" if self.rss_mb else "warming up"
                _say(f"{self.done:,} of {self.items:,}, {rate:,.0f}/s, RSS {rss_mb():.1f} MB, {growth}")
                told, told_at = self.done, time.perf_counter()


def payload_of(number: int) -> bytes:
    """An item: about a hundred bytes that are no other item's."""
    return b"%07d:" % number + b"%08x" % (number * 2_654_435_761 % 2**32) * 12


def key_of(payload: bytes) -> str:
    """What the item is called."""
    return payload[:7].decode()


def rows(items: int) -> Iterator[bytes]:
    """All items, made as they are pulled."""
    return (payload_of(number) for number in range(items))


async def soak(watch: Watch, emulator: EmulatorProcess, journal: Path) -> None:
    """Send all items, and let the watch have every outcome."""
    async with AsyncInferenceClient(
        ENDPOINT_NAME, notifications=SqsNotifications([emulator.queue_url]), journal=journal
    ) as client:
        async for outcome in client.as_completed(rows(watch.items), key=key_of):
            watch.take(int(outcome.key or ""), None if outcome.result is None else outcome.result.body)


async def run(items: int, deadline_seconds: float, folder: Path) -> dict[str, object]:
    """One soak, and its account."""
    watch = Watch(items)
    started = time.perf_counter()
    is_finished = True
    async with emulator_process() as emulator:
        sampler = asyncio.create_task(watch.sample())
        try:
            async with asyncio.timeout(deadline_seconds):
                await soak(watch, emulator, folder / "soak.sqlite")
        except TimeoutError:
            is_finished = False
            _say(f"not finished after {deadline_seconds:g} s")
        finally:
            sampler.cancel()
        watch.rss_mb.append(rss_mb())
        ended, cpu = time.perf_counter(), time.process_time()
        account = await emulator.account()
    warm = max(1, watch.done - watch.warm_up_items)
    accepted = account["calls"].get("InvokeEndpointAsync", 0)
    return {
        "items": items,
        "is_finished": is_finished,
        "lost": watch.lost,
        "wrong": watch.wrong,
        "failed": watch.failed,
        "resolved_twice": watch.resolved_twice,
        "requests": accepted,
        "rss_growth_mb": round(watch.growth_mb, 1),
        "rss_mb": round(watch.rss_mb[-1], 1),
        "per_second": round(warm / (ended - watch.warm_at), 1),
        "cpu_us_per_inference": round((cpu - watch.warm_cpu) / warm * 1e6, 1),
        "seconds": round(ended - started, 1),
        "journal_mb": round(await asyncio.to_thread(_size_mb, folder), 1),
        "calls_per_inference": {
            name: round(count / items, 3) for name, count in sorted(account["calls"].items())
        },
        "emulator_rss_mb": round(account["rss_mb"], 1),
        "emulator_errors": account["errors"],
        "commit": _commit(),
    }


def problems(account: dict[str, object]) -> list[str]:
    """What must not be; empty if all is well."""
    found = [
        f"{name}: {account[name]}"
        for name in ("lost", "wrong", "failed", "resolved_twice", "emulator_errors")
        if account[name]
    ]
    growth = account["rss_growth_mb"]
    assert isinstance(growth, float)
    if growth > MAX_GROWTH_MB:
        found.append(f"memory grew by {growth} MB, more than {MAX_GROWTH_MB}")
    if not account["is_finished"]:
        found.append("it did not finish")
    return found


def _size_mb(folder: Path) -> float:
    return sum(each.stat().st_size for each in folder.iterdir()) / 1e6


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.check_output([*git, "rev-parse", "--short", "HEAD"], text=True)
        changes = subprocess.check_output([*git, "status", "--porcelain", "--untracked-files=no"], text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + ("+changes" if changes.strip() else "")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """One soak from the command line."""
    parser = argparse.ArgumentParser(prog="soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--items", type=int, default=1_000_000, help="how many payloads (1,000,000)")
    parser.add_argument(
        "--deadline", type=float, default=14_400, help="seconds after which it gives up (14,400)"
    )
    options = parser.parse_args()
    with TemporaryDirectory(prefix="soak-") as folder:
        account = asyncio.run(run(options.items, options.deadline, Path(folder)))
    wrong = problems(account)
    for each in wrong:
        _say(each)
    print(json.dumps(account))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
