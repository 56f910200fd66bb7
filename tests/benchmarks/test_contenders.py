"""Every contender does a little work on the real server; how fast is not asked here."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.comparison import Effort, compare
from benchmarks.contenders import MODES, NAMES, PACKAGES, load
from benchmarks.processes import Cores, RunFailedError, Server, serving
from benchmarks.readings import Cell
from benchmarks.server import GATHER_SECONDS, Connection, Services
from benchmarks.sweeps import SWEEPS, fitted
from benchmarks.work import Place, Work, WrongBytesError


@pytest.fixture
async def services() -> Services:
    """The server, on the loop of the test."""
    return Services(GATHER_SECONDS)


@pytest.fixture
async def url(services: Services) -> AsyncIterator[str]:
    """Where it listens."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(services), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server of the test's own."""
    async with serving(str(tmp_path), None) as running:
        yield running


@pytest.mark.parametrize("name", list(NAMES))
async def test_a_contender_hands_back_what_it_was_given(
    name: str, url: str, services: Services, tmp_path: Path
) -> None:
    """Twenty payloads go in, and come back byte for byte, with the calls that this way of doing it takes."""
    package = PACKAGES.get(name)
    if package is not None and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed here: make bench installs it")
    owner = f"{MODES[name]}-{name}"
    place = Place(url, owner, None, str(tmp_path))
    work = Work(20, 1024)
    settings = dict.fromkeys(SWEEPS[name][0], 4)
    async with load(name).opened(place, settings) as run:
        await asyncio.wait_for(run(work), 30)
    calls = {operation: count for (_, operation), count in services.calls.items()}

    assert work.is_done
    assert calls["InvokeEndpointAsync"] >= 20
    assert ("ReceiveMessage" in calls) == (MODES[name] != "poll")
    assert ("GetObject" in calls) == (MODES[name] != "inline")


async def test_a_comparison_over_tls(server: Server) -> None:
    """Two contenders in processes of their own are swept, measured in turn, and told of."""
    told: list[str] = []
    effort = Effort(rounds=2, round_seconds=0.01, sweep=2, deadline=time.monotonic() + 60)
    cell = Cell("asyncio", tls=True, payload_bytes=4096)
    names = ["floor-inline", "floor-s3"]
    contestants = await compare(names, cell, effort, server=server, cores=Cores(None, None), tell=told.append)

    assert [each.reading.name for each in contestants] == names
    assert [len(each.reading.rounds) for each in contestants] == [2, 2]
    assert [each.reading.calls["InvokeEndpointAsync"] for each in contestants] == [
        each.reading.inferences for each in contestants
    ]
    assert sum("floor-s3" in line for line in told) == 2


async def test_wrong_bytes_fail_the_run(url: str, services: Services) -> None:
    """What comes back for another payload is no result: the contender fails, and does not wait on."""
    place = Place(url, "inline-floor-inline", None, "/nowhere")
    async with load("floor-inline").opened(place, {"requests": 1, "pollers": 1}) as run:
        work = Work(1, 1024)
        work._payloads = iter([next(iter(Work(1, 2048)))])

        with pytest.raises(WrongBytesError):
            await asyncio.wait_for(run(work), 30)


async def test_a_contender_that_cannot_start_fails_the_run(server: Server) -> None:
    """A process that ends without an answer is named."""
    effort = Effort(rounds=1, round_seconds=0.01, sweep=1, deadline=time.monotonic() + 60)
    cell = Cell("no such loop", tls=False, payload_bytes=1)
    with pytest.raises(RunFailedError, match="floor-inline"):
        await compare(["floor-inline"], cell, effort, server=server, cores=Cores(None, None), tell=print)


def test_every_contender_is_swept_and_placed() -> None:
    """Each has settings to try, and a way for its results."""
    assert set(SWEEPS) == set(MODES) == set(NAMES)


def test_large_payloads_lower_the_settings() -> None:
    """No more is in flight than fits into memory; small payloads change nothing."""
    assert fitted({"in_flight": 256, "pollers": 2}, 1024) == {"in_flight": 256, "pollers": 2}
    assert fitted({"in_flight": 256, "pollers": 2}, 5 << 20) == {"in_flight": 25, "pollers": 2}
