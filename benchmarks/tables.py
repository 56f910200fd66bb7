"""Results as tables in Markdown, which read well on a terminal too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.profiling import Function, by_part
from benchmarks.readings import ratio

if TYPE_CHECKING:
    from benchmarks.comparison import Contestant

_RATIOS = (
    ("ours-inline", "floor-inline", "at most 1.5, aiming below 1"),
    ("ours-inline", "aiobotocore-inline", "at most 1/5, aiming at 1/10"),
    ("ours-inline", "boto3-threads", "at most 1/20"),
    ("ours-s3", "floor-s3", "at most 1.4"),
    ("ours-s3", "aiobotocore-s3", "at most 1/6"),
)


def comparison_table(contestants: Sequence[Contestant]) -> str:
    """One row for each contender, the ratios that there are targets for, and the server's share."""
    rows = [
        (
            each.name,
            f"{each.reading.cpu_us:.1f}",
            f"{100 * each.reading.spread:.0f} %",
            f"{each.reading.per_second:.0f}",
            f"{each.reading.calls_per_inference:.2f}",
            f"{100 * median(each.server_shares):.0f} %",
            ", ".join(f"{name} {value}" for name, value in each.reading.settings.items()),
        )
        for each in contestants
    ]
    head = ("contender", "CPU µs", "±", "per second", "calls", "server busy", "best settings")
    readings = [each.reading for each in contestants]
    ratios = [
        (f"{name} / {other}", f"{value:.2f}" if value >= 0.3 else f"1/{1 / value:.1f}", target)
        for name, other, target in _RATIOS
        if (value := ratio(readings, name, other)) is not None
    ]
    text = table(head, rows)
    if ratios:
        text += "\n\n" + table(("CPU, ratio", "measured", "target"), ratios)
    return text


def profile_table(name: str, functions: Sequence[Function], files: Sequence[Function]) -> str:
    """Where the time of a contender goes: by part, by file of the package, and by function."""
    total = sum(function["own_seconds"] for function in functions)
    parts = [(part, f"{100 * seconds / total:.1f} %") for part, seconds in by_part(functions)]
    rows = [
        (
            function["where"],
            function["part"],
            str(function["calls"]),
            f"{100 * function['own_seconds'] / total:.1f} %",
        )
        for function in functions
        if function["where"] != "all others"
    ]
    own = [(each["where"], f"{100 * each['own_seconds'] / total:.1f} %") for each in files]
    ours = f"{table(('file', 'own time, builtins included'), own)}\n\n" if own else ""
    return (
        f"\nProfile of {name}\n\n{table(('part', 'own time'), parts)}\n\n{ours}"
        f"{table(('function', 'part', 'calls', 'own time'), rows)}"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with columns as wide as they need to be."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def row(line: Sequence[str]) -> str:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        return f"| {' | '.join(cells)} |"

    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([row(lines[0]), rule, *[row(line) for line in lines[1:]]])
