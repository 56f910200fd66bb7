"""HTTP: what was sent, what certainly was not, and what nobody knows."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import aio_sm_async
from aio_sm_async.errors import AmbiguousError, ClientClosedError, InvalidRequestError, NotSentError
from aio_sm_async.wire.http1 import Http1Transport
from aio_sm_async.wire.transport import AiohttpTransport, StreamedResponse
from tests.wire.servers import Request, Server, always, in_turn, never, reply, reset

AnyTransport = AiohttpTransport | Http1Transport


@pytest.fixture(params=[Http1Transport, AiohttpTransport], ids=["http1", "aiohttp"])
def make(request: pytest.FixtureRequest) -> type[AnyTransport]:
    """One kind of transport after the other: all that is said here goes for both."""
    kind: type[AnyTransport] = request.param
    return kind


@pytest.fixture
async def transport(make: type[AnyTransport]) -> AsyncIterator[AnyTransport]:
    """A transport without a proxy."""
    transport = make(4, proxy=lambda url: None, ssl_context=None)
    yield transport
    await transport.aclose()


@pytest.fixture
async def narrow(make: type[AnyTransport]) -> AsyncIterator[AnyTransport]:
    """A transport of one connection."""
    transport = make(1, proxy=lambda url: None, ssl_context=None)
    yield transport
    await transport.aclose()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def test_a_request_arrives_as_it_was_signed(transport: AnyTransport) -> None:
    """Nothing is added that the caller did not sign, and no byte of the path is changed."""
    async with Server(always(202, b"yes", {"X-Thing": "one"})) as server:
        response = await transport.request(
            "POST",
            f"{server.url}/a//b/%7Ec/../%2F?x=%20&y",
            headers={"Host": "h", "X-A": "1"},
            body=b"payload",
            timeout_seconds=5,
        )
    (request,) = server.requests

    assert (response.status, response.body, response.headers["x-thing"]) == (202, b"yes", "one")
    assert (request.method, request.target, request.body) == ("POST", "/a//b/%7Ec/../%2F?x=%20&y", b"payload")
    assert request.headers == {
        "host": "h",
        "x-a": "1",
        "content-length": "7",
        "user-agent": f"aio-sm-async/{aio_sm_async.__version__}",
    }


async def test_an_empty_post_says_that_it_is_empty(transport: AnyTransport) -> None:
    """SageMaker wants a length even where there is no body."""
    async with Server(always()) as server:
        await transport.request("POST", server.url, headers={}, timeout_seconds=5)

    assert server.requests[0].headers["content-length"] == "0"


async def test_a_large_body_arrives_whole(transport: AnyTransport) -> None:
    """Bodies beyond a megabyte go out in pieces, with their length told first."""
    body = bytes(range(256)) * 8192
    async with Server(always()) as server:
        await transport.request("PUT", server.url, headers={}, body=body, timeout_seconds=5)

    assert server.requests[0].body == body


async def test_an_answer_is_handed_on_as_it_came(transport: AnyTransport) -> None:
    """Redirects are not followed, bodies are not unpacked, cookies are not kept."""
    headers = {"Location": "/elsewhere", "Content-Encoding": "gzip", "Set-Cookie": "a=b"}
    async with Server(always(301, b"not gzip", headers)) as server:
        for _ in range(2):
            response = await transport.request("GET", server.url, headers={}, timeout_seconds=5)

    assert (response.status, response.body) == (301, b"not gzip")
    assert len(server.requests) == 2
    assert "cookie" not in server.requests[1].headers


async def test_a_refused_connection_means_not_sent(transport: AnyTransport) -> None:
    """Nobody listens: certainly nothing was accepted."""
    port = _free_port()

    with pytest.raises(NotSentError, match=f"Nothing was sent to 127.0.0.1:{port}") as caught:
        await transport.request("POST", f"http://127.0.0.1:{port}/", headers={}, body=b"x", timeout_seconds=5)
    assert caught.value.__cause__ is not None


async def test_tls_that_cannot_be_agreed_on_means_not_sent(transport: AnyTransport) -> None:
    """The server answers the TLS greeting in plain HTTP."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply(400))
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(NotSentError, match=r"no TLS connection could be agreed on.*AWS_CA_BUNDLE"):
        await transport.request("POST", f"https://127.0.0.1:{port}/", headers={}, timeout_seconds=5)
    server.close()


def _self_signed(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


async def test_an_unknown_certificate_means_not_sent(transport: AnyTransport, tmp_path: Path) -> None:
    """The error tells what the verification found."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    async with Server(always(), tls=context) as server:
        with pytest.raises(NotSentError, match=r"TLS.*CERTIFICATE_VERIFY_FAILED"):
            await transport.request("POST", server.url, headers={}, timeout_seconds=5)

    assert server.requests == []


async def test_a_connection_that_takes_too_long_means_not_sent(make: type[AnyTransport]) -> None:
    """The machine takes the connection, and nobody answers the TLS greeting."""
    transport = make(1, proxy=lambda url: None, ssl_context=None, connect_timeout_seconds=0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(NotSentError, match="no connection was made in time"):
            await transport.request("POST", url, headers={}, timeout_seconds=5)
    await transport.aclose()


async def test_no_free_connection_in_time_means_not_sent(narrow: AnyTransport) -> None:
    """A request that waited for its turn in vain was never sent."""
    async with Server(never) as server:
        first = asyncio.create_task(narrow.request("POST", server.url, headers={}, timeout_seconds=30))
        await server.wait_requests(1)
        with pytest.raises(NotSentError, match="no connection was free"):
            await narrow.request("POST", server.url, headers={}, timeout_seconds=0.05)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first

    assert len(server.requests) == 1


async def test_a_proxy_that_cannot_be_reached_means_not_sent(make: type[AnyTransport]) -> None:
    """The error names the variables that chose the proxy."""
    proxy = f"http://127.0.0.1:{_free_port()}"
    transport = make(1, proxy=lambda url: proxy, ssl_context=None)
    with pytest.raises(NotSentError, match=r"proxy could not be reached.*NO_PROXY"):
        await transport.request("POST", "https://aws.invalid/", headers={}, timeout_seconds=5)
    await transport.aclose()


async def test_a_proxy_that_refuses_means_not_sent(make: type[AnyTransport]) -> None:
    """The tunnel was never there."""
    async with Server(always(407)) as proxy:
        transport = make(1, proxy=lambda url: proxy.url, ssl_context=None)
        with pytest.raises(NotSentError, match=r"proxy refused \(HTTP 407\)"):
            await transport.request("POST", "https://aws.invalid/", headers={}, timeout_seconds=5)
        await transport.aclose()

    assert [request.method for request in proxy.requests] == ["CONNECT"]


async def _reset(request: Request, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def _close(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _garbage(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"nonsense\r\n\r\n")
    writer.close()


async def _cut_off(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(body=b"half", headers={"Content-Length": "8"}))
    writer.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_reset, "connection"),
        (_close, "closed before an answer came"),
        (_garbage, "no HTTP answer"),
        (_cut_off, "cut off"),
    ],
)
async def test_what_breaks_after_the_request_is_ambiguous(
    transport: AnyTransport, answer: Callable[[Request, asyncio.StreamWriter], object], words: str
) -> None:
    """The server had the whole request; and a POST is not sent again."""
    async with Server(answer) as server:  # type: ignore[arg-type]
        with pytest.raises(AmbiguousError, match=words) as caught:
            await transport.request("POST", server.url, headers={}, body=b"x", timeout_seconds=5)

    assert len(server.requests) == 1
    assert caught.value.__cause__ is not None


async def _warm(transport: AnyTransport, server: Server) -> None:
    """Leave a connection behind, so that what follows is not about connecting, however slow the machine."""
    wanted, server.answer = server.answer, always()
    await transport.request("POST", server.url, headers={}, timeout_seconds=30)
    server.answer = wanted


async def test_silence_after_the_request_is_ambiguous(transport: AnyTransport) -> None:
    """A read timeout tells nothing of whether the request was carried out."""
    async with Server(never) as server:
        await _warm(transport, server)
        with pytest.raises(AmbiguousError, match="did not come in time"):
            await transport.request("POST", server.url, headers={}, body=b"x", timeout_seconds=0.1)
        await server.wait_requests(2)

    assert server.requests[1].body == b"x"


async def _drip(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(headers={"Content-Length": "1000000"}))
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.005)


async def test_a_slow_drip_ends_with_the_total_time(transport: AnyTransport) -> None:
    """Each byte is in time, and all of them are not."""
    async with Server(_drip) as server:
        await _warm(transport, server)
        with pytest.raises(AmbiguousError, match="did not come in time"):
            await transport.request("GET", server.url, headers={}, timeout_seconds=0.1)


async def test_a_connection_closed_while_idle_is_never_ambiguous(transport: AnyTransport) -> None:
    """The close is either seen in time, or certainly nothing was sent: a POST may be sent again."""
    closed = asyncio.Event()

    async def answer_and_close(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(body=b"ok"))
        writer.close()
        await writer.wait_closed()
        closed.set()

    answered, refusals = 0, []
    async with Server(answer_and_close) as server:
        while answered < 5:
            try:
                await transport.request("POST", server.url, headers={}, body=b"x", timeout_seconds=5)
            except NotSentError as error:
                refusals.append(str(error))
                continue
            answered += 1
            await closed.wait()
            closed.clear()

    assert len(server.requests) == 5
    assert all("closed just before" in refusal for refusal in refusals)


async def test_a_connection_is_kept_for_the_next_request(transport: AnyTransport) -> None:
    """The second request needs no new connection."""
    async with Server(always()) as server:
        for _ in range(3):
            await transport.request("POST", server.url, headers={}, timeout_seconds=5)

    assert server.connections == 1


async def test_a_get_that_met_a_closing_connection_is_sent_again(transport: AnyTransport) -> None:
    """The HTTP library's own habit: harmless for reads, and never done for a POST."""
    async with Server(always(body=b"ok")) as server:
        await transport.request("GET", server.url, headers={}, timeout_seconds=5)
        seen: list[Request] = []

        async def break_once(request: Request, writer: asyncio.StreamWriter) -> None:
            seen.append(request)
            if len(seen) == 1:
                reset(writer)
            else:
                writer.write(reply(body=b"again"))

        server.answer = break_once
        response = await transport.request("GET", server.url, headers={}, timeout_seconds=5)

    assert response.body == b"again"
    assert len(seen) == 2


async def test_a_cancelled_request_frees_its_connection(narrow: AnyTransport) -> None:
    """However often: the next request finds a place."""
    async with Server(never) as server:
        for count in range(1, 6):
            task = asyncio.create_task(narrow.request("POST", server.url, headers={}, timeout_seconds=30))
            await server.wait_requests(count)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        server.answer = always(body=b"free")
        response = await narrow.request("POST", server.url, headers={}, timeout_seconds=5)

    assert response.body == b"free"


async def test_a_line_break_in_a_header_is_refused(transport: AnyTransport) -> None:
    """No header can be smuggled in, and the value is not quoted."""
    async with Server(always()) as server:
        for send in (
            transport.request("POST", server.url, headers={"A": "b\r\nX-Evil: 1"}, timeout_seconds=5),
            _read_all(transport, server.url, headers={"A": "b\r\nX-Evil: 1"}),
        ):
            with pytest.raises(InvalidRequestError, match="HTTP cannot carry it") as caught:
                await send
            assert "Evil" not in str(caught.value)

    assert server.requests == []


async def test_a_closed_transport_says_so(make: type[AnyTransport]) -> None:
    """No request, no stream, no hang."""
    transport = make(3, proxy=lambda url: None, ssl_context=None)

    assert repr(transport) == f"<{make.__name__} open, at most 3 connections>"

    await transport.aclose()

    assert repr(transport) == f"<{make.__name__} closed, at most 3 connections>"
    with pytest.raises(ClientClosedError):
        await transport.request("GET", "http://127.0.0.1:1/", headers={}, timeout_seconds=5)
    with pytest.raises(ClientClosedError):
        await _read_all(transport, "http://127.0.0.1:1/")


async def _read_all(
    transport: AnyTransport,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    timeout_seconds: float = 5,
) -> bytes:
    async with transport.stream("GET", url, headers=headers or {}, timeout_seconds=timeout_seconds) as answer:
        return await answer.read()


async def test_a_stream_begins_before_the_body_is_there(transport: AnyTransport) -> None:
    """Status and headers first, then the body as it comes."""
    go_on = asyncio.Event()

    async def in_two_halves(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(body=b"one ", headers={"Content-Length": "8", "X-A": "b"}))
        await go_on.wait()
        writer.write(b"half")

    async with (
        Server(in_two_halves) as server,
        transport.stream("GET", server.url, headers={}, timeout_seconds=5) as answer,
    ):
        status, header = answer.status, answer.headers["x-a"]
        go_on.set()
        body = b"".join([chunk async for chunk in answer.iter_bytes()])

    assert (status, header, body) == (200, "b", b"one half")


async def test_a_stream_that_was_read_gives_its_connection_back(narrow: AnyTransport) -> None:
    """It is used again."""
    async with Server(always(body=b"ok")) as server:
        bodies = [await _read_all(narrow, server.url) for _ in range(3)]

    assert bodies == [b"ok"] * 3
    assert server.connections == 1


async def test_leaving_a_stream_early_frees_its_connection(narrow: AnyTransport) -> None:
    """What was not read is dropped, together with its connection."""
    endless = in_turn(reply(body=b"x", headers={"Content-Length": "100000000"}))
    async with Server(endless) as server:
        for _ in range(3):
            async with narrow.stream("GET", server.url, headers={}, timeout_seconds=5) as answer:
                await anext(answer.iter_bytes())

    assert server.connections == 3


async def test_a_cancelled_stream_frees_its_connection(narrow: AnyTransport) -> None:
    """In the middle of the body, time and again."""
    endless = in_turn(reply(body=b"x", headers={"Content-Length": "100000000"}))
    async with Server(endless) as server:
        for count in range(1, 6):
            task = asyncio.create_task(_read_all(narrow, server.url))
            await server.wait_requests(count)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        server.answer = always(body=b"free")

        assert await _read_all(narrow, server.url) == b"free"


async def test_a_stream_to_nobody_means_not_sent(transport: AnyTransport) -> None:
    """Like any request."""
    with pytest.raises(NotSentError):
        await _read_all(transport, f"http://127.0.0.1:{_free_port()}/")


async def test_a_stream_that_never_begins_is_ambiguous(transport: AnyTransport) -> None:
    """The request was taken."""
    async with Server(never) as server:
        await _warm(transport, server)
        with pytest.raises(AmbiguousError, match="did not come in time"):
            await _read_all(transport, server.url, timeout_seconds=0.1)


async def _body(answer: StreamedResponse, whole: bool) -> bytes:
    return await answer.read() if whole else b"".join([chunk async for chunk in answer.iter_bytes()])


@pytest.mark.parametrize("whole", [True, False])
async def test_a_stream_that_is_cut_off_never_looks_whole(transport: AnyTransport, whole: bool) -> None:
    """Neither read at once nor piece by piece."""
    async with (
        Server(_cut_off) as server,
        transport.stream("GET", server.url, headers={}, timeout_seconds=5) as answer,
    ):
        with pytest.raises(AmbiguousError, match="cut off"):
            await _body(answer, whole)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_stream_that_hardly_drips_is_given_up(transport: AnyTransport, whole: bool) -> None:
    """Each wait is short, and still the end is nowhere near."""

    async def read(url: str) -> None:
        async with transport.stream("GET", url, headers={}, timeout_seconds=0.1) as answer:
            await _body(answer, whole)

    async with Server(_drip) as server:
        await _warm(transport, server)
        with pytest.raises(AmbiguousError, match=r"hardly sends any more|did not come in time"):
            await read(server.url)
