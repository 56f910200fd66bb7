"""What a profile says."""

from __future__ import annotations

import pytest

from benchmarks.profiling import Stats, by_part, dearest, own_files, parts_of, profiled

SIGN = ("/x/aio_sm_async/protocol/sigv4.py", 68, "sign")
REQUEST = ("/x/site-packages/aiohttp/client.py", 558, "_request")
GET = ("~", 0, "<method 'get' of 'dict' objects>")
STATS: Stats = {
    SIGN: (2, 2, 3.0, 4.0, {}),
    REQUEST: (1, 1, 2.0, 3.0, {}),
    GET: (9, 9, 1.0, 1.0, {SIGN: (3, 3, 0.25, 0.25), REQUEST: (6, 6, 0.75, 0.75)}),
}


def test_a_builtin_belongs_to_its_callers() -> None:
    """What has no part of its own counts for those who called it, by the time that each call took."""
    assert parts_of(GET, STATS) == {"signing": 0.25, "transport": 0.75}
    assert parts_of(SIGN, STATS) == {"signing": 1.0}
    assert parts_of(("~", 0, "<built-in method nobody>"), STATS) == {"other": 1.0}


def test_the_dearest_are_told_and_the_rest_is_summed_up() -> None:
    """The parts add up to all of the time, however few functions are told of."""
    told = dearest(STATS, top=1)

    assert told[0] == {
        "where": "aio_sm_async/protocol/sigv4.py:68 sign",
        "part": "signing",
        "calls": 2,
        "own_seconds": 3.0,
    }
    assert dict(by_part(told)) == pytest.approx({"signing": 3.25, "transport": 2.75})


def test_own_files_take_their_builtins_along() -> None:
    """What a file of the package costs is its own time, and that of the builtins that it calls."""
    assert own_files(STATS) == [{"where": "aio_sm_async/protocol/sigv4.py", "own_seconds": 3.25}]


async def test_work_is_profiled() -> None:
    """The functions that the work called are in the profile, with their calls."""

    async def work() -> None:
        for _ in range(7):
            parts_of(SIGN, STATS)

    told = await profiled(work(), top=3)

    assert any("parts_of" in function["where"] and function["calls"] == 7 for function in told["functions"])
