"""Where the time of a contender goes: its dearest functions, and what part of the work they are."""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Awaitable, Iterable

Function = dict[str, object]
"""``where``, ``part``, ``calls``, ``own_seconds``."""

_PARTS = (
    ("signing", ("sigv4", "hmac", "hashlib", "_sha256", "_hashlib", "_digest")),
    ("TLS", ("ssl", "sslproto", "_ssl")),
    ("JSON", ("/json/", "_json", "b64", "binascii", "base64")),
    (
        "transport",
        ("aiohttp", "yarl", "multidict", "httptools", "/wire/", "urllib", "socket", "async_timeout"),
    ),
    ("event loop", ("asyncio", "selectors", "select.epoll", "uvloop", "_asyncio")),
    ("own code", ("aio_sm_async",)),
)


async def profiled(work: Awaitable[None], *, top: int) -> list[Function]:
    """Do the work under cProfile, which makes calls of Python functions dearer than they are.

    Args:
        work: What to do.
        top: How many functions to tell of, those with the most time of their own first; the rest is summed
            up by part.
    """
    profile = cProfile.Profile()
    profile.enable()
    try:
        await work
    finally:
        profile.disable()
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    functions: list[Function] = [
        {"where": _where(*key), "part": part_of(key[0], key[2]), "calls": calls, "own_seconds": own}
        for key, (_, calls, own, _, _) in stats.items()
    ]
    functions.sort(key=lambda function: -float(str(function["own_seconds"])))
    rest = by_part(functions[top:])
    return functions[:top] + [
        {"where": "all others", "part": part, "calls": 0, "own_seconds": seconds} for part, seconds in rest
    ]


def part_of(file: str, name: str) -> str:
    """What part of the work a function is."""
    text = f"{file} {name}"
    for part, words in _PARTS:
        if any(word in text for word in words):
            return part
    return "other"


def by_part(functions: Iterable[Function]) -> list[tuple[str, float]]:
    """The time of each part, the largest first."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for function in functions:
        seconds[str(function["part"])] += float(str(function["own_seconds"]))
    return sorted(seconds.items(), key=lambda part: -part[1])


def _where(file: str, line: int, name: str) -> str:
    if file == "~":
        return name
    return f"{'/'.join(file.split('/')[-3:])}:{line} {name}"
