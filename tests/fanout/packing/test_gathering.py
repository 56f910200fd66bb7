"""Rows become packs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.codecs import JSONLines
from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.fanout.intake import Intake, Source
from aio_sm_async.fanout.keys import Keys
from aio_sm_async.fanout.options import Limits
from aio_sm_async.fanout.packing.gathering import Gathering
from aio_sm_async.fanout.packing.pack import Pack
from aio_sm_async.fanout.packing.packing import Packing
from aio_sm_async.fanout.packing.parcel import Parcel
from aio_sm_async.fanout.request import InferenceRequest
from tests.fanout.stage import Counted, steps


def gathering(source: Source, *, clock: VirtualClock | None = None, **pack: Any) -> Gathering:
    return Gathering(
        Intake(source), Pack(**pack), JSONLines(), clock or VirtualClock(), keys=Keys(None, is_unique=False)
    )


async def all_of(packs: Gathering) -> list[Parcel]:
    parcels = []
    try:
        while True:
            parcels.append(await packs.pull())
    except StopAsyncIteration:
        return parcels


def sizes(parcels: Iterable[Parcel]) -> list[int]:
    return [len(parcel.places) for parcel in parcels]


@pytest.mark.parametrize("kind", ["sync", "asynchronous"])
async def test_rows_follow_each_other(kind: str) -> None:
    """Packs are full but for the last, and no row is lost, twice there or out of its place."""
    parcels = await all_of(gathering(getattr(Counted(range(10)), kind)(), max_rows=4))

    assert [4, 4, 2] == sizes(parcels)
    assert list(range(10)) == [place.index for parcel in parcels for place in parcel.places]
    assert b"".join(b"%d\n" % number for number in range(10)) == b"".join(
        row for parcel in parcels for row in parcel.rows
    )


async def test_no_rows() -> None:
    """No rows make no pack."""
    assert [] == await all_of(gathering([]))


async def test_bytes() -> None:
    """A row that does not fit any more opens the next pack."""
    assert [2, 1, 2, 1] == sizes(await all_of(gathering([1, 2, 12345, 333, 4, 5], max_bytes=6)))


async def test_row_that_cannot_be_sent() -> None:
    """It is alone, at its place, with its key; those around it are packed."""
    rows = [1, 2, InferenceRequest(float("nan"), key="odd"), 3]
    parcels = await all_of(gathering(rows))

    assert [2, 1, 1] == sizes(parcels)
    assert isinstance(parcels[1].error, InvalidRequestError)
    assert (2, "odd") == (parcels[1].places[0].index, parcels[1].places[0].key)
    assert "1\\n" not in repr(parcels[0])


@pytest.mark.parametrize("kind", ["sync", "asynchronous"])
@pytest.mark.parametrize("error", [OSError("the source broke"), asyncio.CancelledError()])
async def test_source_that_breaks(kind: str, error: BaseException) -> None:
    """What came before is packed first; then the source's own error is raised, each time."""
    packs = gathering(getattr(Counted([1, 2], error=error), kind)())
    parcel = await packs.pull()

    assert 2 == len(parcel.rows)
    for _ in range(2):
        with pytest.raises(type(error)):
            await packs.pull()


class TestSlow:
    async def test_linger(self) -> None:
        """The first row waits for others so long and no longer; what comes later is not lost."""
        clock, gate = VirtualClock(), asyncio.Event()

        async def slow() -> AsyncIterator[int]:
            yield 1
            await gate.wait()
            yield 2

        packs = gathering(slow(), clock=clock, linger_seconds=3.0)
        pulling = asyncio.ensure_future(packs.pull())
        await clock.advance(2.9)
        early = pulling.done()
        await clock.advance(0.2)
        first = await pulling
        pulling = asyncio.ensure_future(packs.pull())
        await clock.advance(100.0)
        still_waits = not pulling.done()
        gate.set()
        second = await pulling

        assert (False, True) == (early, still_waits)
        assert ((b"1\n",), (b"2\n",)) == (first.rows, second.rows)

    async def test_closed_while_it_waits(self) -> None:
        """The source is closed, whatever it does about it."""
        source = Counted([1])
        is_closed = asyncio.Event()

        async def stubborn() -> AsyncIterator[object]:
            try:
                async for row in source.asynchronous():
                    yield row
                await asyncio.Event().wait()
            finally:
                is_closed.set()

        packs = gathering(stubborn())
        pulling = asyncio.ensure_future(packs.pull())
        await steps()
        pulling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pulling
        await packs.aclose()

        assert is_closed.is_set()

    async def test_closed_as_it_breaks(self) -> None:
        """A source that fails while it is closed leaves no error behind that nobody takes."""

        async def broken() -> AsyncIterator[int]:
            try:
                await asyncio.Event().wait()
                yield 1
            except asyncio.CancelledError:
                raise OSError("the source broke") from None

        packs = gathering(broken())
        pulling = asyncio.ensure_future(packs.pull())
        await steps()
        pulling.cancel()
        await asyncio.wait({pulling})
        await packs.aclose()

        assert pulling.cancelled()


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_rows", 0), ("max_bytes", 0), ("max_bytes", 128_001), ("linger_seconds", -1.0)],
)
def test_packs_that_cannot_be(name: str, value: float) -> None:
    """The error names what cannot work."""
    with pytest.raises(InvalidRequestError) as caught:
        Pack(**{name: value})  # type: ignore[arg-type]

    assert name == caught.value.field


@pytest.mark.parametrize(("window", "max_rows", "packs"), [(1000, 64, 15), (64, 64, 1), (10, 10, 1)])
def test_window_of_rows(window: int, max_rows: int, packs: int) -> None:
    """A window counts rows: as many packs as fit, and no pack larger than it."""
    packing, limits = Packing(Pack(), JSONLines()).within(Limits(window, 5))

    assert (max_rows, Limits(packs, 5)) == (packing.pack.max_rows, limits)
