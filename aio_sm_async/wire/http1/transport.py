"""The transport of the data plane's small requests.

A request that may safely be sent twice is, once, where a kept connection ended without a byte of an answer:
its peer had closed it meanwhile. A POST never is. What goes through a proxy is left to `AiohttpTransport`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from aio_sm_async.wire.addresses import request_target
from aio_sm_async.wire.connection_errors import CONNECTION_FAILURES, connection_error
from aio_sm_async.wire.http1.connection import Connection
from aio_sm_async.wire.http1.origin import Origin, origin_of
from aio_sm_async.wire.http1.pool import Pool
from aio_sm_async.wire.http1.request_head import encode_head
from aio_sm_async.wire.http1.stream import Http1Stream
from aio_sm_async.wire.transport import AiohttpTransport, Response, StreamedResponse, unsendable

_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class Http1Transport:
    """A pool of connections to any number of hosts. Made and used in one event loop.

    Args:
        limit: The most connections at a time; a request beyond it waits.
        proxy: Gives the proxy for a URL, or None.
        ssl_context: How TLS is done; None is the machine's default.
        keepalive_seconds: How long an idle connection is kept. Shorter than the servers' own patience, so
            that a request seldom meets a connection that is just being closed.
        connect_timeout_seconds: The most that making one connection may take.
    """

    def __init__(
        self,
        limit: int,
        *,
        proxy: Callable[[str], str | None],
        ssl_context: ssl.SSLContext | None,
        keepalive_seconds: float = 4.0,
        connect_timeout_seconds: float = 10.0,
    ) -> None:
        self._limit = limit
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(
            limit,
            ssl_context=ssl_context,
            keepalive_seconds=keepalive_seconds,
            connect_timeout_seconds=connect_timeout_seconds,
        )
        self._proxied: AiohttpTransport | None = None
        self._make_proxied = partial(
            AiohttpTransport,
            limit,
            proxy=proxy,
            ssl_context=ssl_context,
            keepalive_seconds=keepalive_seconds,
            connect_timeout_seconds=connect_timeout_seconds,
        )

    def __repr__(self) -> str:
        state = "closed" if self._pool.is_closed else "open"
        return f"<Http1Transport {state}, at most {self._limit} connections>"

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", timeout_seconds: float
    ) -> Response:
        """Send one request and return the whole answer; see `Transport.request`."""
        by_proxy = self._by_proxy(url)
        if by_proxy is not None:
            return await by_proxy.request(
                method, url, headers=headers, body=body, timeout_seconds=timeout_seconds
            )
        outgoing = self._outgoing(method, url, headers, body, timeout_seconds, whole=True)
        connection = await self._ask(outgoing)
        answer = connection.answer
        response = Response(answer.status, answer.headers, answer.take())
        self._pool.release(outgoing.origin, connection)
        return response

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], timeout_seconds: float
    ) -> AsyncIterator[StreamedResponse]:
        """Send one request and hand out the answer as it comes; see `Transport.stream`."""
        by_proxy = self._by_proxy(url)
        if by_proxy is not None:
            async with by_proxy.stream(
                method, url, headers=headers, timeout_seconds=timeout_seconds
            ) as proxied:
                yield proxied
            return
        outgoing = self._outgoing(method, url, headers, b"", timeout_seconds, whole=False)
        connection = await self._ask(outgoing)
        try:
            yield Http1Stream(connection, outgoing.host, timeout_seconds)
        finally:
            self._pool.release(outgoing.origin, connection)

    async def aclose(self) -> None:
        """Close all connections; requests that are open fail."""
        await self._pool.aclose()
        if self._proxied is not None:
            await self._proxied.aclose()

    def _by_proxy(self, url: str) -> AiohttpTransport | None:
        """What carries the request if it goes through a proxy."""
        self._pool.require_open()
        if self._proxy(url) is None:
            return None
        if self._proxied is None:
            self._proxied = self._make_proxied()
        return self._proxied

    def _outgoing(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
        *,
        whole: bool,
    ) -> _Outgoing:
        host, path, query = request_target(url)
        target = f"{path}?{query}" if query else path
        try:
            head = encode_head(method, host, target, headers, len(body))
        except ValueError as error:
            raise unsendable(error) from error
        deadline = self._loop.time() + timeout_seconds
        return _Outgoing(method, host, origin_of(url), head, body, deadline, whole)

    async def _ask(self, outgoing: _Outgoing) -> Connection:
        """A connection that the answer has come on, whole or its head; for the caller to release."""
        sent = False
        for again in (False, True):
            try:
                connection = await self._pool.acquire(outgoing.origin, outgoing.deadline, fresh=again)
            except CONNECTION_FAILURES as error:
                raise connection_error(error, outgoing.host, sent=sent) from error
            try:
                await outgoing.exchange(connection)
            except BaseException as error:
                self._pool.release(outgoing.origin, connection)
                if not isinstance(error, CONNECTION_FAILURES):
                    raise
                sent = sent or connection.is_sent
                if again or not outgoing.may_go_again(connection, error):
                    raise connection_error(error, outgoing.host, sent=sent) from error
            else:
                return connection
        raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A request, ready to be written to any connection.

    Attributes:
        method: The HTTP method.
        host: Who it is for, for the errors' words.
        origin: Where it goes.
        head: Its line and headers.
        body: Its body.
        deadline: When to give up, in the loop's time.
        whole: Whether the whole answer is waited for, or its head.
    """

    method: str
    host: str
    origin: Origin
    head: bytes
    body: bytes
    deadline: float
    whole: bool

    async def exchange(self, connection: Connection) -> None:
        """Send it, and wait for as much of the answer as is wanted."""
        await connection.send(
            self.head, self.body, has_answer_body=self.method != "HEAD", deadline=self.deadline
        )
        if self.whole:
            await connection.receive_all(self.deadline)
        else:
            await connection.receive_head(self.deadline)

    def may_go_again(self, connection: Connection, error: Exception) -> bool:
        """Whether the peer had most likely closed the connection before the request came."""
        return (
            self.method in _SAFE_TO_REPEAT
            and connection.is_kept
            and not connection.answer.is_begun
            and not isinstance(error, TimeoutError)
        )
