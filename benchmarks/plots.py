"""Plots of what was measured, as SVG; matplotlib comes with the environment of the benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def bars(path: Path, title: str, values: Mapping[str, float], *, unit: str) -> None:
    """Write a bar for each value, the smallest on top, on a logarithmic scale.

    Raises:
        ImportError: There is no matplotlib.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only where a plot is wanted

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "benchmarks"  # the same numbers make the same file
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after its backend was chosen

    names = sorted(values, key=lambda name: -values[name])
    figure, axes = plt.subplots(figsize=(8, 0.4 * len(names) + 1.2), layout="constrained")
    colours = ["#c8553d" if name.startswith("ours") else "#8d99ae" for name in names]
    drawn = axes.barh(names, [values[name] for name in names], color=colours)
    axes.bar_label(drawn, fmt="%.4g", padding=3)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel(f"{unit} (logarithmic)")
    axes.set_title(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
