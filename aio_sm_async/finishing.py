"""Work that has to be waited for even while everything around it is being cancelled.

A worker thread cannot be stopped, and parts left in S3 cost money: whoever started such work sees it end, and
passes the cancel on afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import anyio
from anyio import to_thread

T = TypeVar("T")


async def finish(work: Coroutine[object, object, T]) -> T:
    """The result of ``work``, once it has ended; a cancel that comes meanwhile is raised only then."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):  # an anyio scope would otherwise cancel again and again
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as exc:
                cancelled = exc
    if cancelled is not None:
        task.exception()  # seen, so that nobody reports it as never retrieved
        raise cancelled
    return task.result()


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a worker thread, and do not leave before it has ended."""
    return await finish(to_thread.run_sync(work))
