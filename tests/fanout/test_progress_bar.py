"""tqdm's bar."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.fanout.progress import FanOutProgress
from aio_sm_async.fanout.progress_bar import ProgressBar
from tests.fanout.stage import Counted, Stage, steps, take_all


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


def drawings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was drawn, one after the other."""
    return [each for each in capsys.readouterr().err.split("\r") if "items" in each]


async def test_of_a_list(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The bar knows the length of a list, ends with the last number, and shows what failed."""
    results = stage.map_either(["a", "bad", "c"], progress=True)
    first = asyncio.ensure_future(anext(results))
    await steps()
    await stage.settle("a", "c")
    await first
    await take_all(results, [])

    last = drawings(capsys)[-1]
    assert "3/3" in last
    assert "1 failed, 0 in flight" in last


async def test_of_a_source_without_a_length(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts what is done where nobody knows how much there is."""
    results = stage.map(Counted(["a"]).asynchronous(), progress=True)
    first = asyncio.ensure_future(anext(results))
    await steps()
    await stage.settle("a")
    await first
    await take_all(results, [])

    assert drawings(capsys)[-1].startswith("1 items ")


async def test_closed_when_it_is_left(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A fan-out that is left leaves its bar at what was done, and ends the line."""
    async with stage.map(["a", "b"], progress=True) as results:
        first = asyncio.ensure_future(anext(results))
        await steps()
        await stage.settle("a")
        await first

    last = drawings(capsys)[-1]
    assert "1/2" in last
    assert last.endswith("\n")


async def test_none_is_wanted(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Without progress, or with False, nothing is drawn."""
    await take_all(stage.map_either(["bad"], progress=False), [])
    await take_all(stage.map_either(["bad"]), [])

    assert "" == capsys.readouterr().err


def test_drawn_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand changes within a tenth of a second are not a thousand drawings, and the last is right."""
    bar = ProgressBar(1000)
    for done in range(1, 1001):
        bar(FanOutProgress(submitted=1000, in_flight=1000 - done, done=done, failed=0))
    bar.close()
    bar(FanOutProgress(submitted=1000, in_flight=0, done=1000, failed=7))

    drawn = drawings(capsys)
    assert len(drawn) < 100
    assert "1000/1000" in drawn[-1]
    assert "0 failed, 0 in flight" in drawn[-1]


def test_closed_before_it_began(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar that had nothing to show was never there."""
    ProgressBar(0).close()

    assert "" == capsys.readouterr().err


async def test_not_installed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tqdm the error says what to install, before anything is pulled."""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    source = Counted("abc")

    with pytest.raises(InvalidRequestError, match=r'pip install "aio-sm-async\[notebook\]"'):
        stage.map(source.sync(), progress=True)
    assert (0, 0) == (source.pulled, len(stage.fan_outs))
