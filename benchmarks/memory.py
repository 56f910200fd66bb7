"""How much memory this process holds, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")


def rss_mb() -> float:
    """Its resident set, in MB of a million bytes."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"{_STATUS} does not tell VmRSS: this runs on Linux only")
