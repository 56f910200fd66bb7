"""A body that is read as it comes, and given up when it stops or hardly drips."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import aiohttp

from aio_sm_async.errors import AmbiguousError
from aio_sm_async.wire.connection_errors import CONNECTION_FAILURES, connection_error

# A stream that brings less than this in each of its timeouts is as good as dead.
MIN_STREAM_BYTES = 16_384


class Pace:
    """Tells a stream that hardly drips from one that flows, however long that takes in all.

    Args:
        timeout_seconds: The time of waiting in which `MIN_STREAM_BYTES` must come.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._waited_seconds = 0.0
        self._received_bytes = 0

    def is_dripping(self, waited_seconds: float, received_bytes: int) -> bool:
        """Take note of one more chunk, and tell whether too few have come of late."""
        self._waited_seconds += waited_seconds
        self._received_bytes += received_bytes
        if self._waited_seconds < self._timeout_seconds:
            return False
        dripping = self._received_bytes < MIN_STREAM_BYTES
        self._waited_seconds, self._received_bytes = 0.0, 0
        return dripping


async def paced(
    next_chunk: Callable[[], Awaitable[bytes]], host: str, timeout_seconds: float
) -> AsyncIterator[bytes]:
    """Yield chunks until an empty one, as long as they flow.

    Args:
        next_chunk: Waits for the next one, its own timeout's time at most.
        host: Who sends them, for the error's words.
        timeout_seconds: The time of waiting in which `MIN_STREAM_BYTES` must come.

    Raises:
        AmbiguousError: They hardly dripped.
    """
    loop = asyncio.get_running_loop()
    pace = Pace(timeout_seconds)
    while True:
        asked = loop.time()
        chunk = await next_chunk()
        if not chunk:
            return
        # Only our own waiting counts: a consumer may take its time.
        if pace.is_dripping(loop.time() - asked, len(chunk)):
            raise AmbiguousError(
                f"{host} hardly sends any more: less than {MIN_STREAM_BYTES} bytes in "
                f"{timeout_seconds:g} seconds. Ask for the rest again, or check the network."
            )
        yield chunk


class AiohttpStream:
    """An answer whose body has not been read yet.

    Args:
        answer: The answer, its headers read.
        host: Who sends it, for the errors' words.
        timeout_seconds: The most that each wait for more of the body may take.
    """

    def __init__(self, answer: aiohttp.ClientResponse, host: str, timeout_seconds: float) -> None:
        self._answer = answer
        self._host = host
        self._timeout_seconds = timeout_seconds

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; the mapping ignores case."""
        return self._answer.headers

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, to its proven end.

        Raises:
            AmbiguousError: The rest of the body did not come, or hardly dripped.
        """
        return paced(self._next_chunk, self._host, self._timeout_seconds)

    async def read(self) -> bytes:
        """Return the whole body.

        Raises:
            AmbiguousError: It did not come as a whole, or not in time.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._answer.read()
        except CONNECTION_FAILURES as error:
            raise connection_error(error, self._host, sent=True) from error

    async def _next_chunk(self) -> bytes:
        try:
            return await self._answer.content.readany()
        except CONNECTION_FAILURES as error:
            raise connection_error(error, self._host, sent=True) from error
