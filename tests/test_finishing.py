"""Work that is waited for in spite of a cancel."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from aio_sm_async.finishing import finish, in_thread


class Work:
    """Ends when it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self.ended = False
        self.error = error

    async def __call__(self) -> str:
        await self.go.wait()
        self.ended = True
        if self.error is not None:
            raise self.error
        return "done"


async def test_result_comes_through() -> None:
    """Without a cancel it is a plain await."""
    work = Work()
    work.go.set()

    assert await finish(work()) == "done"


async def test_error_comes_through() -> None:
    """The work's own error is raised."""
    work = Work(OSError("disk full"))
    work.go.set()

    with pytest.raises(OSError, match="disk full"):
        await finish(work())


@pytest.mark.parametrize("error", [None, OSError("disk full")])
async def test_cancels_wait_for_the_end(error: Exception | None) -> None:
    """However often the waiter is cancelled, the work ends first, and then the cancel is passed on."""
    work = Work(error)
    waiting = asyncio.create_task(finish(work()))
    await asyncio.sleep(0)
    for _ in range(3):
        waiting.cancel()
        await asyncio.sleep(0)
    held = not waiting.done()
    work.go.set()
    await asyncio.wait([waiting])

    assert held
    assert work.ended
    assert waiting.cancelled()


async def test_cancelled_anyio_scope_waits_too() -> None:
    """A cancelled anyio scope neither interrupts the work nor spins while it goes on."""
    work = Work()
    with anyio.CancelScope() as scope:
        scope.cancel()
        asyncio.get_running_loop().call_later(0.01, work.go.set)
        await finish(work())

    assert work.ended


async def test_thread_is_not_left_behind() -> None:
    """A cancelled waiter leaves only when its thread has ended."""
    started, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    ended: list[bool] = []

    def block() -> None:
        loop.call_soon_threadsafe(started.set)
        go.wait(5)
        ended.append(True)

    waiting = asyncio.create_task(in_thread(block))
    await started.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    go.set()
    await asyncio.wait([waiting])

    assert ended
    assert waiting.cancelled()
