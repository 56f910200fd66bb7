"""Pulls rows from what the caller iterates over, and packs them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace

from aio_sm_async.clock import Clock
from aio_sm_async.codecs import RowCodec
from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.fanout.intake import Intake
from aio_sm_async.fanout.keys import Keys
from aio_sm_async.fanout.packing.pack import Pack
from aio_sm_async.fanout.packing.parcel import Parcel, Place
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.supervision import is_being_cancelled


@dataclass(frozen=True, slots=True)
class _Row:
    place: Place
    body: bytes = b""
    error: Exception | None = None


@dataclass(slots=True)
class _Load:
    """What is to be a parcel."""

    pack: Pack
    places: list[Place] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    size_bytes: int = 0
    deadline: float | None = None

    @property
    def has_room(self) -> bool:
        return len(self.rows) < self.pack.max_rows

    def takes(self, row: _Row) -> bool:
        return row.error is None and self.size_bytes + len(row.body) <= self.pack.max_bytes

    def add(self, row: _Row) -> None:
        self.places.append(row.place)
        self.rows.append(row.body)
        self.size_bytes += len(row.body)

    def seal(self) -> Parcel:
        return Parcel(tuple(self.places), tuple(self.rows))


class Gathering:
    """Where the packs of a fan-out come from.

    Args:
        intake: The rows.
        pack: How many go together.
        codec: Their format.
        clock: Time.
    """

    def __init__(self, intake: Intake, pack: Pack, codec: RowCodec, clock: Clock, *, keys: Keys) -> None:
        self._intake = intake
        self._keys = keys
        self._pack = pack
        self._codec = codec
        self._clock = clock
        self._pulled = 0
        self._pulling: asyncio.Task[object] | None = None
        # What has come, and belongs into the next parcel; how the source has ended.
        self._left: _Row | None = None
        self._end: BaseException | None = None

    async def pull(self) -> Parcel:
        """The next pack: full, or all that the source gave in time. A row that cannot be sent is alone.

        Raises:
            StopAsyncIteration: There are no more rows.
            BaseException: The source's own.
        """
        await asyncio.sleep(0)  # a sync source would keep the loop for many packs in a row
        load = _Load(self._pack)
        while load.has_room:
            row = await self._next_row(load)
            if row is None:
                break
            if not load.takes(row):
                if not load.rows:
                    return Parcel((row.place,), error=row.error)
                self._left = row
                break
            load.add(row)
            if load.deadline is None:
                load.deadline = self._clock.monotonic() + self._pack.linger_seconds
        return load.seal()

    async def aclose(self) -> None:
        """Pull no more rows, and close the source."""
        self._left = None
        pulling, self._pulling = self._pulling, None
        if pulling is not None:
            pulling.cancel()
            await asyncio.wait({pulling})
            if not pulling.cancelled():
                pulling.exception()  # nobody wants to know any more
        await self._intake.aclose()

    async def _next_row(self, load: _Load) -> _Row | None:
        """The next row; None if the load had better go without it."""
        if self._left is not None:
            row, self._left = self._left, None
            return row
        if self._end is None:
            try:
                return await self._pull_row(load.deadline)
            except asyncio.CancelledError as error:
                if is_being_cancelled():
                    raise
                self._end = error
            except Exception as error:  # noqa: BLE001 - the source's own, told once all before it is packed
                self._end = error
        if load.rows:
            return None
        assert self._end is not None
        raise self._end

    async def _pull_row(self, deadline: float | None) -> _Row | None:
        if self._intake.is_sync:
            return self._encode(await self._intake.pull())
        if self._pulling is None:
            self._pulling = asyncio.ensure_future(self._intake.pull())
        with suppress(TimeoutError):
            async with self._clock.timeout_at(deadline):
                await asyncio.wait({self._pulling})  # which leaves it alone when time is up
        if not self._pulling.done():
            return None
        pulling, self._pulling = self._pulling, None
        return self._encode(pulling.result())

    def _encode(self, pulled: object) -> _Row:
        request = pulled if isinstance(pulled, InferenceRequest) else InferenceRequest(pulled)
        place = Place(self._pulled, request.key)
        self._pulled += 1
        try:
            place = replace(place, key=self._keys.enter(request.key, pulled))
            return _Row(place, self._encode_row(request))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one row is that row's outcome
            return _Row(place, error=error)

    def _encode_row(self, request: InferenceRequest) -> bytes:
        if request.options or request.input_location is not None:
            raise InvalidRequestError(
                "payload",
                "a row that is packed with others has no options and no input_location of its own",
                "Give options to the whole call, or do not pack.",
            )
        body = self._codec.encode_row(request.payload)
        if len(body) > self._pack.max_bytes:
            raise InvalidRequestError(
                "payload",
                f"a row of {len(body):,} bytes is larger than a pack of {self._pack.max_bytes:,}",
                "Raise max_bytes (128,000 at most), or send such rows without pack=.",
            )
        return body
