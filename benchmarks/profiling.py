"""Where the time of a contender goes: its dearest functions, and what part of the work they are."""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

Function = dict[str, Any]
"""``where``, ``part``, ``calls``, ``own_seconds``."""

Key = tuple[str, int, str]
"""A function as the profiler knows it: file, line, name."""

Stats = Mapping[Key, tuple[int, int, float, float, Mapping[Key, tuple[int, int, float, float]]]]
"""By function: calls without and with recursion, own time, time with callees, and the same by caller."""

OTHER = "other"

_PARTS = (
    (
        "signing",
        ("sigv4", "hmac", "hashlib", "_sha256", "wire/call.py _", "botocore/auth", "botocore/signers"),
    ),
    ("TLS", ("sslproto", "/ssl.py", "_ssl.")),
    ("JSON", ("/json/", "_json.", "b64", "binascii", "base64")),
    (
        "transport",
        ("aiohttp", "yarl", "multidict", "httptools", "urllib3", "/http/", "socket", "wire/transport"),
    ),
    (
        "transport",
        (
            "wire/http1",
            "wire/faults",
            "wire/connection",
            "wire/pool",
            "wire/stream",
            "_http_parser",
            "propcache",
        ),
    ),
    ("event loop", ("asyncio", "selectors", "select.epoll", "uvloop")),
    ("own code", ("aio_sm_async", "benchmarks/")),
    ("botocore", ("botocore", "boto3", "sagemaker", "jmespath")),
)
_DEPTH = 6


async def profiled(work: Awaitable[None], *, top: int) -> dict[str, list[Function]]:
    """Do the work under cProfile, which makes calls of Python functions dearer than they are.

    Args:
        work: What to do.
        top: How many functions to tell of, those with the most time of their own first; the rest is summed
            up by part.

    Returns:
        ``functions`` and ``files``, the latter those of the package only.
    """
    profile = cProfile.Profile()
    profile.enable()
    try:
        await work
    finally:
        profile.disable()
    stats: Stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    return {"functions": dearest(stats, top=top), "files": own_files(stats)[:top]}


def dearest(stats: Stats, *, top: int) -> list[Function]:
    """The functions that take most, and one entry for what is left of each part."""
    shares = sorted(stats.items(), key=lambda entry: -entry[1][2])
    told: list[Function] = []
    rest: defaultdict[str, float] = defaultdict(float)
    for index, (key, (_, calls, own, _, _)) in enumerate(shares):
        parts = parts_of(key, stats)
        for part, share in parts.items():
            if index >= top:
                rest[part] += own * share
        if index < top:
            part = max(parts, key=lambda each: parts[each])
            told.append({"where": _where(*key), "part": part, "calls": calls, "own_seconds": own})
    return told + [
        {"where": "all others", "part": part, "calls": 0, "own_seconds": seconds}
        for part, seconds in sorted(rest.items(), key=lambda each: -each[1])
    ]


def parts_of(key: Key, stats: Stats, depth: int = _DEPTH) -> dict[str, float]:
    """What parts of the work a function belongs to, and by how much; a builtin belongs to its callers."""
    text = f"{key[0]} {key[2]}"
    for part, words in _PARTS:
        if any(word in text for word in words):
            return {part: 1.0}
    callers = stats[key][4] if key in stats else {}
    total = sum(own for _, _, own, _ in callers.values())
    if not total or not depth:
        return {OTHER: 1.0}
    shares: defaultdict[str, float] = defaultdict(float)
    for caller, (_, _, own, _) in callers.items():
        for part, share in parts_of(caller, stats, depth - 1).items():
            shares[part] += share * own / total
    return dict(shares)


def by_part(functions: Iterable[Function]) -> list[tuple[str, float]]:
    """The time of each part, the largest first."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for function in functions:
        seconds[function["part"]] += function["own_seconds"]
    return sorted(seconds.items(), key=lambda part: -part[1])


def own_files(stats: Stats) -> list[Function]:
    """The time of each file of the package, what its functions call in builtins included."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for key, (_, _, own, _, callers) in stats.items():
        if "aio_sm_async/" in key[0]:
            seconds[key[0]] += own
        elif key[0] == "~":
            for caller, (_, _, spent, _) in callers.items():
                if "aio_sm_async/" in caller[0]:
                    seconds[caller[0]] += spent
    return [
        {"where": "aio_sm_async/" + file.rpartition("aio_sm_async/")[2], "own_seconds": spent}
        for file, spent in sorted(seconds.items(), key=lambda each: -each[1])
    ]


def _where(file: str, line: int, name: str) -> str:
    if file == "~":
        return name
    if "/aio_sm_async/" in file:  # not where it lies on this machine
        return f"aio_sm_async/{file.rpartition('/aio_sm_async/')[2]}:{line} {name}"
    return f"{'/'.join(file.split('/')[-3:])}:{line} {name}"
