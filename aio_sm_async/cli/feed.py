"""Between a source and the client: what is done is left out, what is wrong is told, and a stop ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Container
from contextlib import aclosing
from typing import cast

from aio_sm_async.cli.account import Account
from aio_sm_async.cli.sinks import KnownKeys
from aio_sm_async.cli.sources import BrokenItem, Item, ItemSource
from aio_sm_async.fanout import InferenceRequest
from aio_sm_async.protocol.request import MAX_INLINE_BYTES

Place = tuple[int | None, str]
"""An item's index, if that is known, and where a person finds it."""


class Feed:
    """Makes requests of a source's items.

    Args:
        source: The items.
        account: Counts what is read and what is skipped.
        stop: Once it is set, no item is given any more.
        done: The keys that are done already.
        refuse: Told of each item that cannot be sent.
        has_uploads: Whether items may go through S3.
        keys_are_chosen: Whether two items may have the same key.
        limit: How many items to read at most.
    """

    def __init__(
        self,
        source: ItemSource,
        account: Account,
        *,
        stop: asyncio.Event,
        done: Container[str],
        refuse: Callable[[BrokenItem], Awaitable[None]],
        has_uploads: bool,
        keys_are_chosen: bool,
        limit: int | None = None,
    ) -> None:
        self._source = source
        self._account = account
        self._stop = stop
        self._done = done
        self._refuse = refuse
        self._has_uploads = has_uploads
        self._seen = KnownKeys() if keys_are_chosen else None
        self._limit = limit
        self._places: dict[str, Place] = {}
        self.is_at_end = False

    def take_place(self, key: str) -> Place:
        """Where the item of this key came from; it is out of hand now."""
        return self._places.pop(key)

    @property
    def in_hand(self) -> int:
        """How many were given and have not come back."""
        return len(self._places)

    async def requests(self) -> AsyncGenerator[InferenceRequest, None]:
        """The requests, in the order of the source."""
        async with aclosing(self.items()) as items:
            async for item in items:
                self._places[item.key] = (item.index, item.place)
                yield _request(item)

    async def items(self) -> AsyncGenerator[Item, None]:
        """The items that are to be sent."""
        # aclosing wants what every async generator has; the sources promise no more than to be iterated.
        items = cast("AsyncGenerator[Item | BrokenItem, None]", self._source.items())
        async with aclosing(items):
            while not self._stop.is_set() and self._account.read != self._limit:
                item = await anext(items, None)
                if item is None:
                    break
                if self._stop.is_set():  # what standard input gave as it ended may be half a line
                    return
                self._account.read += 1
                if await self._is_to_be_sent(item):
                    assert isinstance(item, Item)
                    yield item
        if not self._stop.is_set():
            self.is_at_end = True
            self._account.total = self._account.read

    async def _is_to_be_sent(self, item: Item | BrokenItem) -> bool:
        if item.key in self._done:
            self._account.already_there += 1
            return False
        broken = item if isinstance(item, BrokenItem) else self._fault(item)
        if broken is None:
            return True
        if broken.key in self._done:
            self._account.already_there += 1
        else:
            await self._refuse(broken)
        return False

    def _fault(self, item: Item) -> BrokenItem | None:
        """What keeps the item from being sent, if anything does."""
        if self._seen is not None and not self._seen.add(item.key):
            reason = f"the key {item.key!r} occurs twice. Give each item its own."
            return BrokenItem(item.index, item.place, item.place, reason)
        if item.input_location is not None or self._has_uploads:
            return None
        if 0 < item.size_bytes <= MAX_INLINE_BYTES:
            return None
        reason = (
            f"it has {item.size_bytes:,} bytes, and 1 to {MAX_INLINE_BYTES:,} fit into a request. "
            "Name a place for larger ones: --uploads s3://bucket/prefix/."
        )
        return BrokenItem(item.index, item.key, item.place, reason)


def _request(item: Item) -> InferenceRequest:
    if item.input_location is not None:
        return InferenceRequest(
            input_location=item.input_location, key=item.key, content_type=item.content_type
        )
    return InferenceRequest(item.payload, key=item.key, content_type=item.content_type)
