"""HTTP as the data plane needs it: one request in, one whole answer or one stream out.

Nothing is added to what the caller signed, nothing is decoded, no redirect is followed, no cookie is kept and
no ``.netrc`` is read. One habit of the HTTP library remains: where a kept-alive connection breaks before the
answer, it sends a GET, HEAD, PUT or DELETE once more by itself. All of these are idempotent in S3, and a POST
is never repeated.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from yarl import URL

from aio_sm_async.errors import ClientClosedError, InvalidRequestError
from aio_sm_async.version import __version__
from aio_sm_async.wire.addresses import request_target
from aio_sm_async.wire.connection_errors import CONNECTION_FAILURES, connection_error
from aio_sm_async.wire.streamed import AiohttpStream

# Larger bodies go out piece by piece; aiohttp warns about them as plain bytes.
_MAX_WHOLE_BODY_BYTES = 1 << 20
_ADDED_BY_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer.

    Attributes:
        status: The HTTP status.
        headers: The headers; the mapping ignores case.
        body: The body as it came.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class StreamedResponse(Protocol):
    """An answer whose body has not been read yet."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; the mapping ignores case."""
        ...

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, to its proven end.

        Raises:
            AmbiguousError: The rest of the body did not come.
        """
        ...

    async def read(self) -> bytes:
        """Return the whole body.

        Raises:
            AmbiguousError: It did not come as a whole, or not in time.
        """
        ...


class Transport(Protocol):
    """What carries signed requests. It follows no redirect and repeats no POST."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", timeout_seconds: float
    ) -> Response:
        """Send one request and return the whole answer, whatever its status.

        Args:
            method: The HTTP method.
            url: The URL, percent-encoded; it goes on the wire as it is.
            headers: All headers but those of the connection itself.
            body: The body.
            timeout_seconds: The most that everything may take, to the last byte of the answer.

        Raises:
            NotSentError: Certainly nothing was sent.
            AmbiguousError: It was sent, and the answer or a part of it is missing.
            ClientClosedError: The transport is closed.
        """
        ...

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], timeout_seconds: float
    ) -> AbstractAsyncContextManager[StreamedResponse]:
        """Send one request without a body; leaving the block drops what was not read of the answer.

        Args:
            method: The HTTP method.
            url: The URL, percent-encoded.
            headers: All headers but those of the connection itself.
            timeout_seconds: The most that it may take until the answer begins, and that each wait for more
                of it may take. A stream that hardly drips is given up, too.

        Raises:
            NotSentError: Certainly nothing was sent.
            AmbiguousError: It was sent, and no answer came.
            ClientClosedError: The transport is closed.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections; requests that are open fail."""
        ...


class AiohttpTransport:
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
        self._proxy = proxy
        self._connect_timeout_seconds = connect_timeout_seconds
        self._connector = aiohttp.TCPConnector(
            limit=limit,
            ssl=True if ssl_context is None else ssl_context,
            keepalive_timeout=keepalive_seconds,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            request_class=_MarkingRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"aio-sm-async/{__version__}"},
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            auto_decompress=False,
            trust_env=False,
        )

    def __repr__(self) -> str:
        state = "closed" if self._session.closed else "open"
        return f"<AiohttpTransport {state}, at most {self._connector.limit} connections>"

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", timeout_seconds: float
    ) -> Response:
        """Send one request and return the whole answer; see `Transport.request`."""
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=self._connect_timeout_seconds)
        attempt = self._begin()
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=_payload(body),
                proxy=self._proxy(url),
                allow_redirects=False,
                timeout=timeout,
            ) as answer:
                return Response(answer.status, answer.headers, await answer.read())
        except CONNECTION_FAILURES as error:
            raise connection_error(error, request_target(url)[0], sent=attempt.sent) from error
        except ValueError as error:
            raise unsendable(error) from error

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], timeout_seconds: float
    ) -> AsyncIterator[StreamedResponse]:
        """Send one request and hand out the answer as it comes; see `Transport.stream`."""
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._connect_timeout_seconds, sock_read=timeout_seconds
        )
        attempt = self._begin()
        host = request_target(url)[0]
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await self._session.request(
                    method,
                    URL(url, encoded=True),
                    headers=headers,
                    proxy=self._proxy(url),
                    allow_redirects=False,
                    timeout=timeout,
                )
        except CONNECTION_FAILURES as error:
            raise connection_error(error, host, sent=attempt.sent) from error
        except ValueError as error:
            raise unsendable(error) from error
        try:
            yield AiohttpStream(answer, host, timeout_seconds)
        finally:
            answer.close()

    async def aclose(self) -> None:
        """Close all connections; requests that are open fail."""
        await self._session.close()

    def _begin(self) -> _Attempt:
        if self._session.closed:
            raise ClientClosedError("This client's connections are closed. Open a new client.")
        attempt = _Attempt()
        _current_attempt.set(attempt)
        return attempt


class _Attempt:
    """Whether a request may have reached its peer whole: then it may have been carried out."""

    __slots__ = ("_before", "_now")

    def __init__(self) -> None:
        self._before = False
        self._now = False

    @property
    def sent(self) -> bool:
        return self._before or self._now

    def begin(self, connection: Connection) -> None:
        """A connection is there, and the request is about to be written to it; the second time, too."""
        self._before = self.sent
        self.write(connection)

    def write(self, connection: Connection) -> None:
        """The body is about to be written. Nothing gets into a connection that is closing already."""
        socket = connection.transport
        self._now = socket is not None and not socket.is_closing()


_current_attempt: ContextVar[_Attempt] = ContextVar("aio_sm_async_attempt")


class _MarkingRequest(aiohttp.ClientRequest):
    """Marks the running attempt as it is written.

    A TraceConfig could tell nearly the same, for some 50 µs more on each request: aiohttp then sends every
    signal. It could not tell of a kept connection that is closed by the peer just before it is written to.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        _current_attempt.get().begin(conn)
        return await super().send(conn)

    # aiohttp 3.11 has no content_length, and later versions give it by position.
    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, *content_length: int | None
    ) -> None:
        _current_attempt.get().write(conn)
        await super().write_bytes(writer, conn, *content_length)


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    if len(body) > _MAX_WHOLE_BODY_BYTES:
        return io.BytesIO(body)
    return body or None


def unsendable(error: ValueError) -> InvalidRequestError:
    """The error of a request that cannot be written as HTTP."""
    return InvalidRequestError(
        "request", f"HTTP cannot carry it ({error})", "Take control characters out of what becomes a header."
    )
