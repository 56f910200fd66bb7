"""Standard input, whatever it is: a pipe, a file, a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

BLOCK_BYTES = 64 * 1024


def read_stdin(stop: asyncio.Event) -> Callable[[], AsyncIterator[bytes]]:
    """The bytes, as they come. They end when ``stop`` is set, however long the next would take."""

    async def blocks() -> AsyncIterator[bytes]:
        reader = _Reader(sys.stdin.fileno(), asyncio.get_running_loop())
        reader.start()
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: reader.tell(b""))
        try:
            while not stop.is_set() and (block := await reader.read()):
                yield block
        finally:
            stopping.cancel()

    return blocks


class _Reader(threading.Thread):
    """Reads in a thread that may be left behind: a read of a silent pipe cannot be called off.

    The event loop's own pipes cannot read a plain file; a thread of a pool would be waited for at the end.
    """

    def __init__(self, descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="standard input", daemon=True)
        self._descriptor = descriptor
        self._loop = loop
        self._is_wanted = threading.Semaphore(0)
        self._answer: asyncio.Future[bytes] | None = None

    async def read(self) -> bytes:
        """The next block; empty at the end."""
        self._answer = self._loop.create_future()
        self._is_wanted.release()
        return await self._answer

    def run(self) -> None:
        block: bytes | OSError = b"-"
        while block and not isinstance(block, OSError):
            self._is_wanted.acquire()
            try:
                block = os.read(self._descriptor, BLOCK_BYTES)
            except OSError as error:
                block = error
            with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody listens
                self._loop.call_soon_threadsafe(self.tell, block)

    def tell(self, block: bytes | OSError) -> None:
        """Give whoever reads this block."""
        answer = self._answer
        if answer is None or answer.done():
            return
        if isinstance(block, OSError):
            answer.set_exception(block)
        else:
            answer.set_result(block)
