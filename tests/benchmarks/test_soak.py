"""The soak: its account, and a short run of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import Watch, key_of, payload_of, problems, rows

ROOT = Path(__file__).parents[2]
WELL = {
    "lost": 0,
    "wrong": 0,
    "failed": 0,
    "resolved_twice": 0,
    "emulator_errors": [],
    "rss_growth_mb": 99.9,
    "is_finished": True,
}


def test_every_item_is_another() -> None:
    """An answer that belongs to another item is noticed, for no two items are the same bytes."""
    items = list(rows(1_000))

    assert 1_000 == len(set(items))
    assert [payload_of(int(key_of(item))) for item in items] == items


def test_the_watch_counts_what_must_not_be() -> None:
    """What is missing, wrong, failed or told twice is in the account."""
    watch = Watch(6)
    watch.take(0, payload_of(0))
    watch.take(0, payload_of(0))
    watch.take(1, payload_of(2))
    watch.take(2, None)

    assert (3, 1, 1, 1) == (watch.lost, watch.wrong, watch.failed, watch.resolved_twice)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lost", 1),
        ("wrong", 1),
        ("failed", 1),
        ("resolved_twice", 1),
        ("emulator_errors", ["KeyError()"]),
        ("rss_growth_mb", 100.1),
        ("is_finished", False),
    ],
)
def test_each_promise_is_enforced(name: str, value: object) -> None:
    """Whatever is broken is a problem, and the exit code is 1."""
    assert [] == problems(WELL)
    assert 1 == len(problems(WELL | {name: value}))


def test_a_short_soak() -> None:
    """The last line is the account, as one JSON object."""
    command = [sys.executable, "-m", "benchmarks.soak", "--items", "200", "--deadline", "40"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert 0 == run.returncode, run.stderr
    account = json.loads(run.stdout.splitlines()[-1])
    assert {"items": 200, "lost": 0, "resolved_twice": 0, "requests": 200}.items() <= account.items()
    assert {"rss_growth_mb", "per_second", "cpu_us_per_inference", "journal_mb", "commit"} <= account.keys()
