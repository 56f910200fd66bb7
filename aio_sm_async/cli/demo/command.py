"""``python -m aio_sm_async demo``: three runs, three accounts, one exit code."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from functools import partial

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from aio_sm_async.cli.demo.account import Account
from aio_sm_async.cli.demo.digits import Digits
from aio_sm_async.cli.demo.run import run
from aio_sm_async.cli.demo.scenario import SCENARIOS


async def run_demo(*, as_json: bool = False, limit: int | None = None) -> int:
    """Run the demo with all images, or with ``limit`` of them; 0 if every account adds up."""
    started = time.perf_counter()
    # One JSON object on stdout leaves only stderr for people.
    console = Console(stderr=as_json)
    console.print("Training a model on half of scikit-learn's 1,797 handwritten digits ...")
    images = (await asyncio.to_thread(lambda: Digits().images()))[:limit]
    accounts = []
    columns = (TextColumn("{task.description:>14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for number, scenario in enumerate(SCENARIOS, 1):
            console.print(f"Run {number}: {len(images)} images, {scenario.title}", soft_wrap=True)
            bar = progress.add_task(scenario.name, total=len(images))
            account = await run(scenario, images, partial(_show, progress, bar))
            progress.remove_task(bar)
            console.print(_table(account))
            accounts.append(account)
    if as_json:
        print(json.dumps({"runs": [account.as_json() for account in accounts]}))
    problems = [(account.scenario.name, problem) for account in accounts for problem in account.problems()]
    for name, problem in problems:
        print(f"{name}: {problem}", file=sys.stderr)
    verdict = "The accounts do not add up." if problems else "Every account adds up."
    console.print(f"{verdict} ({time.perf_counter() - started:.1f} s)")
    return 1 if problems else 0


def _show(progress: Progress, bar: TaskID, done: int) -> None:
    progress.update(bar, completed=done)


def _table(account: Account) -> Table:
    table = Table(show_header=False, box=None, pad_edge=True)
    table.add_column(style="bold")
    table.add_column()
    lag, calls = account.resolve_lag_ms, account.calls_per_inference
    rows = {
        "submitted": str(len(account.sent)),
        "succeeded": str(account.succeeded),
        "failed": _listed(account.failed),
        "expired": str(account.expired),
        "lost": str(account.lost),
        "wrong": str(account.wrong),
        "resolved by": _listed(account.by_source),
        "calls per inference": f"{_listed(calls)} = {sum(calls.values()):.2f}",
        "throughput": f"{len(account.sent) / account.seconds:.0f} inferences per second",
        "resolve lag": f"p50 {lag['p50']:.0f} ms, p99 {lag['p99']:.0f} ms after completion",
        "injected": _listed(account.evidence.injected),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _listed(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
