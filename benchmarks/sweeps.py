"""The settings that each kind of contender is tried with. The first of each is what a quick run takes."""

from __future__ import annotations

MOST_BYTES_IN_MEMORY = 128 << 20


def _flying(*rows: tuple[int, int, int]) -> list[dict[str, int]]:
    return [
        {"in_flight": in_flight, "requests": requests, "pollers": pollers}
        for in_flight, requests, pollers in rows
    ]


_OURS = _flying((256, 32, 2), (64, 16, 2), (256, 64, 4), (1024, 64, 4), (1024, 128, 8))
_BY_HAND = _flying((64, 32, 2), (64, 10, 2), (256, 32, 2), (256, 64, 4), (256, 128, 8))
_FLOOR = [
    {"requests": requests, "pollers": pollers}
    for requests, pollers in ((32, 2), (8, 2), (64, 4), (128, 4), (256, 8))
]
_THREADS = [{"threads": threads} for threads in (16, 1, 4, 32, 64)]

SWEEPS = {
    "floor-inline": _FLOOR,
    "floor-s3": _FLOOR,
    "ours-inline": _OURS,
    "ours-s3": _OURS,
    "ours-poll": _OURS,
    "ours-inline-journal": _OURS,
    "ours-s3-journal": _OURS,
    "aiobotocore-inline": _BY_HAND,
    "aiobotocore-s3": _BY_HAND,
    "boto3-threads": _THREADS,
    "async-predictor": _THREADS,
}


def fitted(settings: dict[str, int], payload_bytes: int) -> dict[str, int]:
    """The same settings, lowered so far that payloads in flight fit into memory."""
    most = max(4, MOST_BYTES_IN_MEMORY // payload_bytes)
    return {name: min(value, most) for name, value in settings.items()}
