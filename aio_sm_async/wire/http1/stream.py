"""An answer that is read as it comes, off a connection that waits where its reader does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from aio_sm_async.wire.connection_errors import CONNECTION_FAILURES, connection_error
from aio_sm_async.wire.http1.connection import Connection
from aio_sm_async.wire.streamed import paced


class Http1Stream:
    """An answer whose body has not been read yet.

    Args:
        connection: The answer's head has come on it.
        host: Who sends it, for the errors' words.
        timeout_seconds: The most that each wait for more of the body may take.
    """

    def __init__(self, connection: Connection, host: str, timeout_seconds: float) -> None:
        self._connection = connection
        self._answer = connection.answer
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
            await self._connection.receive_all(self._deadline())
        except CONNECTION_FAILURES as error:
            raise connection_error(error, self._host, sent=True) from error
        return self._answer.take()

    async def _next_chunk(self) -> bytes:
        try:
            return await self._connection.receive_chunk(self._deadline())
        except CONNECTION_FAILURES as error:
            raise connection_error(error, self._host, sent=True) from error

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout_seconds
