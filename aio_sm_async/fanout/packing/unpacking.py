"""Hands out what became of rows, one by one, where packs are what comes in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from aio_sm_async.fanout.backlog import Result
from aio_sm_async.fanout.outcome import Attempt, InferenceOutcome
from aio_sm_async.fanout.packing.gathering import Gathering
from aio_sm_async.fanout.packing.parcel import Parcel, Parted, Place
from aio_sm_async.fanout.packing.review import Review
from aio_sm_async.fanout.packing.row_result import RowResult
from aio_sm_async.fanout.progress import Tally
from aio_sm_async.fanout.run import Run

_RowOfPack = tuple[RowResult | Exception, tuple[Attempt, ...]]


class Places:
    """Remembers whose rows are in which pack, from the moment it is pulled until it is handed out.

    Args:
        gathering: Where packs come from.
    """

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering
        self._places: dict[int, tuple[Place, ...]] = {}
        self._pulled = 0

    async def pull(self) -> Parcel:
        """The next pack."""
        parcel = await self._gathering.pull()
        self._places[self._pulled] = parcel.places
        self._pulled += 1
        return parcel

    def left_out(self, index: int) -> None:
        """Nobody will ask whose rows were in this pack."""
        del self._places[index]

    async def aclose(self) -> None:
        """Pull no more."""
        await self._gathering.aclose()

    def take(self, index: int) -> tuple[Place, ...]:
        """Whose rows were in this pack, for the first and last time."""
        return self._places.pop(index)


class Unpacking:
    """A `Run` of packs, seen as one of rows.

    Args:
        run: The packs.
        places: Whose rows are in them.
        review: Reads their answers.
    """

    def __init__(self, run: Run, places: Places, review: Review) -> None:
        self.loop = run.loop
        self._run = run
        self._places = places
        self._review = review
        self._rows: deque[InferenceOutcome[RowResult]] = deque()
        self._one_at_a_time = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Unpacking {len(self._rows)} rows ready, {self._run!r}>"

    @property
    def tally(self) -> Tally:
        """How many rows have come how far."""
        return self._run.tally

    async def next(self) -> InferenceOutcome[RowResult]:
        """The outcome of the next row. Whoever is cancelled while waiting for it has lost nothing.

        Raises:
            StopAsyncIteration: All have been handed out.
            BaseException: The source's own; all that came out of it before has been handed out.
        """
        async with self._one_at_a_time:
            if not self._rows:
                self._rows.extend(self._unpack(await self._run.next()))
            return self._rows.popleft()

    def take(self) -> None:
        """Nothing: a pack is taken once all its rows are."""

    async def aclose(self) -> None:
        """Abandon what is in flight, close the source, drop what was not handed out."""
        self._rows.clear()
        await self._run.aclose()

    def abandon(self) -> asyncio.Task[None]:
        """The same, soon."""
        self._rows.clear()
        return self._run.abandon()

    def _unpack(self, outcome: InferenceOutcome[Result]) -> Iterator[InferenceOutcome[RowResult]]:
        places = self._places.take(outcome.index)
        for place, (row, attempts) in zip(places, self._rows_of(len(places), outcome), strict=True):
            if isinstance(row, Exception):
                yield InferenceOutcome(place.index, place.key, None, row, attempts)
            else:
                yield InferenceOutcome(place.index, place.key, row, None, attempts)

    def _rows_of(self, count: int, outcome: InferenceOutcome[Result]) -> list[_RowOfPack]:
        error = outcome.error
        if isinstance(error, Parted):
            sent = _blamed(outcome.attempts, error.cause)
            return [(row.outcome, sent + row.attempts) for row in error.outcomes]
        if error is None:  # its rows were counted before: they are read anew, since they were not kept
            results = self._review.results(count, outcome.unwrap())
            return [(result, outcome.attempts) for result in results]
        return [(error, _blamed(outcome.attempts, error))] * count


def _blamed(attempts: tuple[Attempt, ...], error: Exception) -> tuple[Attempt, ...]:
    """The last attempt has failed after all, if what came of it could not be used."""
    if not attempts or attempts[-1].error is not None:
        return attempts
    return (*attempts[:-1], replace(attempts[-1], error=error))
