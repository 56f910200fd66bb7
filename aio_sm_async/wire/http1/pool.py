"""The connections of one transport: kept while they are of use, made when there is none, never too many."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from functools import partial

from aio_sm_async.errors import ClientClosedError
from aio_sm_async.wire.faults import ConnectTimeoutError
from aio_sm_async.wire.http1.connection import Connection
from aio_sm_async.wire.http1.origin import Origin


class Pool:
    """Connections to any number of hosts. Each that was acquired must be released.

    Args:
        limit: The most connections at a time.
        ssl_context: How TLS is done; None is the machine's default.
        keepalive_seconds: How long an idle connection is kept.
        connect_timeout_seconds: The most that making one connection may take.
    """

    def __init__(
        self,
        limit: int,
        *,
        ssl_context: ssl.SSLContext | None,
        keepalive_seconds: float,
        connect_timeout_seconds: float,
    ) -> None:
        self.is_closed = False
        self._limit = limit
        self._ssl_context = ssl_context
        self._keepalive_seconds = keepalive_seconds
        self._connect_timeout_seconds = connect_timeout_seconds
        self._loop = asyncio.get_running_loop()
        # How many are used or being made, and who waits for one: first come, first served.
        self._used = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._all: set[Connection] = set()
        self._connecting = 0
        # By origin, each the longest idle first.
        self._idle: dict[Origin, deque[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Pool {len(self._all)} of {self._limit} connections>"

    async def acquire(self, origin: Origin, deadline: float, *, fresh: bool = False) -> Connection:
        """Return a connection that nobody else uses, once there may be one.

        Args:
            origin: Where to.
            deadline: When to give up, in the loop's time.
            fresh: Whether it must be a new one.

        Raises:
            OSError: None could be made, or not in time.
            ClientClosedError: The pool is closed.
        """
        if self._used < self._limit:  # nobody waits while there is room
            self._used += 1
        else:
            async with asyncio.timeout_at(deadline):
                await self._wait_turn()
        try:
            self.require_open()
            connection = None if fresh else await self._kept(origin)
            return connection or await self._connect(origin, deadline)
        except BaseException:
            self._leave()
            raise

    def release(self, origin: Origin, connection: Connection) -> None:
        """Keep the connection for the next, or close it."""
        self._leave()
        if self.is_closed or not connection.is_reusable:
            connection.abort()
            return
        connection.is_kept = True
        connection.idle_since = self._loop.time()
        self._idle.setdefault(origin, deque()).append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._keepalive_seconds, self._close_idle)

    def require_open(self) -> None:
        """Pass, unless it is closed.

        Raises:
            ClientClosedError: It is.
        """
        if self.is_closed:
            raise ClientClosedError("This client's connections are closed. Open a new client.")

    async def aclose(self) -> None:
        """Close all connections; what is under way on them fails."""
        self.is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        self._idle.clear()
        for connection in self._all:
            connection.abort()
        while self._all:
            await asyncio.wait([connection.closed for connection in self._all])

    async def _wait_turn(self) -> None:
        """Return once somebody has left, in whose place we are."""
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._leave()  # the place was given at the very moment of the cancel
            raise

    def _leave(self) -> None:
        """Give the place to who waits longest."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._used -= 1

    async def _kept(self, origin: Origin) -> Connection | None:
        """The one that was used last, if any is still good."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.has_news:
                await self._look(connection)
            if connection.is_reusable:
                return connection
            connection.abort()
        return None

    async def _look(self, connection: Connection) -> None:
        """Let the loop tell it: a request must not go to a peer that is gone, for it might count as sent."""
        try:
            for _ in range(2):  # the first step looks at the sockets, the second brings what it saw
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            connection.abort()
            raise

    async def _connect(self, origin: Origin, deadline: float) -> Connection:
        if len(self._all) + self._connecting >= self._limit:
            self._close_longest_idle()
        self._connecting += 1
        try:
            async with asyncio.timeout(self._connect_timeout_seconds) as patience:
                if deadline < (patience.when() or deadline):
                    patience.reschedule(deadline)
                _, connection = await self._loop.create_connection(
                    partial(Connection, self._loop),
                    origin.host,
                    origin.port,
                    ssl=self._tls() if origin.is_tls else None,
                )
        except TimeoutError as error:
            if patience.expired() and self._loop.time() < deadline:
                raise ConnectTimeoutError from error
            raise
        except UnicodeError as error:  # the codec of host names refuses it, before anybody is asked
            raise socket.gaierror(socket.EAI_NONAME, "not a host's name") from error
        finally:
            self._connecting -= 1
        if self.is_closed:
            connection.abort()
            self.require_open()
        self._all.add(connection)
        connection.closed.add_done_callback(lambda _: self._all.discard(connection))
        return connection

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context

    def _close_longest_idle(self) -> None:
        """Make room: the permits let in no more than there may be, so that one of these is in excess."""
        oldest = min(
            (idle for idle in self._idle.values() if idle), key=lambda idle: idle[0].idle_since, default=None
        )
        if oldest is not None:
            oldest.popleft().abort()

    def _close_idle(self) -> None:
        self._sweep = None
        now = self._loop.time()
        next_at = None
        for origin, idle in tuple(self._idle.items()):
            while idle and (idle[0].idle_since + self._keepalive_seconds <= now or not idle[0].is_reusable):
                idle.popleft().abort()
            if not idle:
                del self._idle[origin]
            elif next_at is None or idle[0].idle_since < next_at:
                next_at = idle[0].idle_since
        if next_at is not None:
            self._sweep = self._loop.call_at(next_at + self._keepalive_seconds, self._close_idle)
