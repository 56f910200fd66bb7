"""An S3 prefix: one item an object, which SageMaker reads from where it lies."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from itertools import count

from aio_sm_async.cli.sources.item import BrokenItem, Item
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.retries import Retries
from aio_sm_async.wire.object_xml import ListedObject
from aio_sm_async.wire.objects import Objects


class Prefix:
    """Items from the objects below an S3 prefix. Nothing is downloaded.

    Args:
        location: The prefix.
        objects: Lists it.
        content_type: What all are sent as; None to let SageMaker take that of the object.
    """

    def __init__(self, location: S3Location, objects: Objects, *, content_type: str | None = None) -> None:
        self._location = location
        self._objects = objects
        self._content_type = content_type

    async def items(self) -> AsyncIterator[Item | BrokenItem]:
        """The items, in the order of the keys. What ends in a slash is a console's folder, and no item."""
        numbers = count()
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                for found in page:
                    if not found.key.endswith("/"):
                        location = str(S3Location(self._location.bucket, found.key))
                        yield Item(
                            next(numbers),
                            found.key,
                            location,
                            input_location=location,
                            content_type=self._content_type,
                            size_bytes=found.size_bytes,
                        )

    async def count(self) -> int | None:
        """Unknown: each thousand would cost a call of its own."""
        return None

    async def _pages(self) -> AsyncGenerator[list[ListedObject], None]:
        pages, page = await Retries().call(self._begin)
        async with aclosing(pages):
            while page is not None:
                yield page
                page = await anext(pages, None)

    async def _begin(self) -> tuple[AsyncGenerator[list[ListedObject], None], list[ListedObject] | None]:
        # Only the beginning is tried again: a listing that broke could not go on where it was.
        pages = self._objects.list_keys(self._location)
        return pages, await anext(pages, None)
