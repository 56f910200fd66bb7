"""``python -m aio_sm_async demo``: three runs, three accounts, one exit code."""

from __future__ import annotations

import json
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from aio_sm_async.cli.demo.account import Account
from aio_sm_async.cli.demo.digits import Digits
from aio_sm_async.cli.demo.run import run
from aio_sm_async.cli.demo.scenario import SCENARIOS


async def run_demo(*, as_json: bool = False) -> int:
    """Run the demo; 0 if every account adds up."""
    started = time.perf_counter()
    aside = Console(stderr=True)
    aside.print("Training a model on half of scikit-learn's 1,797 handwritten digits ...")
    images = Digits().images()
    accounts = []
    columns = (TextColumn("{task.description:>14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=aside, disable=not aside.is_terminal) as progress:
        for number, scenario in enumerate(SCENARIOS, 1):
            if not aside.is_terminal:
                aside.print(f"Run {number}: {len(images)} images, {scenario.title} ...", soft_wrap=True)
            bar = progress.add_task(scenario.name, total=len(images))
            account = await run(
                scenario,
                images,
                lambda done, bar=bar: progress.update(bar, completed=done),  # type: ignore[misc]
            )
            accounts.append(account)
            if not as_json:
                _print(Console(), number, account)
    problems = [(account.scenario.name, problem) for account in accounts for problem in account.problems()]
    if as_json:
        print(json.dumps({"runs": [account.as_json() for account in accounts]}))
    for name, problem in problems:
        print(f"{name}: {problem}", file=sys.stderr)
    verdict = "The accounts do not add up." if problems else "Every account adds up."
    aside.print(f"{verdict} ({time.perf_counter() - started:.1f} s)")
    return 1 if problems else 0


def _print(console: Console, number: int, account: Account) -> None:
    table = Table(
        title=f"Run {number}: {account.scenario.title}", title_justify="left", show_header=False, box=None
    )
    table.add_column(style="bold")
    table.add_column()
    lag = account.resolve_lag_ms
    rows = {
        "submitted": len(account.sent),
        "succeeded": account.succeeded,
        "failed": _listed(account.failed),
        "expired": account.expired,
        "lost": account.lost,
        "wrong": account.wrong,
        "resolved by": _listed(account.by_source),
        "calls per inference": _listed(account.calls_per_inference)
        + f" = {sum(account.calls_per_inference.values()):.2f}",
        "throughput": f"{len(account.sent) / account.seconds:.0f} inferences per second",
        "resolve lag": f"p50 {lag['p50']:.0f} ms, p99 {lag['p99']:.0f} ms after completion",
    }
    if account.evidence.injected:
        rows["injected"] = _listed(account.evidence.injected)
    for name, value in rows.items():
        table.add_row(name, str(value))
    console.print(table)
    console.print()


def _listed(counts: dict[str, int] | dict[str, float]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "0"
