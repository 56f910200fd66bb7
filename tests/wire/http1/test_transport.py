"""What is this transport's own; what it shares with the other is told in tests/wire/test_transport.py."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aio_sm_async.errors import AmbiguousError, ClientClosedError, NotSentError
from aio_sm_async.wire.http1 import Http1Transport
from tests.wire.servers import Request, Server, always, never, reply, reset

MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture
async def transport() -> AsyncIterator[Http1Transport]:
    transport = Http1Transport(2, proxy=lambda url: None, ssl_context=None)
    yield transport
    await transport.aclose()


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], host: str = "127.0.0.1"
) -> AsyncIterator[str]:
    """A server that reads no more than it says, and its URL."""
    tasks: list[asyncio.Task[None]] = []

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(run(reader, writer)))

    server = await asyncio.start_server(start, host, 0, limit=65_536)
    address = f"[{host}]" if ":" in host else host
    yield f"http://{address}:{server.sockets[0].getsockname()[1]}/"
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _post(transport: Http1Transport, url: str, body: bytes = b"x") -> bytes:
    response = await transport.request("POST", url, headers={}, body=body, timeout_seconds=5)
    return response.body


async def test_a_post_that_met_a_closing_connection_is_not_sent_again(transport: Http1Transport) -> None:
    """It may have been carried out: the kept connection had taken it."""

    async def break_it(request: Request, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async with Server(always()) as server:
        await _post(transport, server.url)
        server.answer = break_it
        with pytest.raises(AmbiguousError):
            await _post(transport, server.url)

    assert len(server.requests) == 2


async def test_a_connection_that_was_closed_a_moment_ago_is_not_used(transport: Http1Transport) -> None:
    """Its end lies in the socket, and the loop has not looked yet: a POST on it would be ambiguous."""
    async with Server(always(body=b"ok")) as server:
        for _ in range(3):
            assert await _post(transport, server.url) == b"ok"
            server.hang_up()

    assert len(server.requests) == server.connections == 3


async def test_a_get_is_sent_again_once_only(transport: Http1Transport) -> None:
    """A new connection that breaks, too, is not to blame on its age."""

    async def break_it(request: Request, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async with Server(always()) as server:
        await _post(transport, server.url)
        server.answer = break_it
        with pytest.raises(AmbiguousError):
            await transport.request("GET", server.url, headers={}, timeout_seconds=5)

    assert [request.method for request in server.requests] == ["POST", "GET", "GET"]
    assert server.connections == 2


async def test_a_get_whose_answer_had_begun_is_not_sent_again(transport: Http1Transport) -> None:
    """The peer was there, so that its connection's age was not the cause."""

    async def begin(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 2")
        writer.close()

    async with Server(always()) as server:
        await _post(transport, server.url)
        server.answer = begin
        with pytest.raises(AmbiguousError, match="closed before an answer came"):
            await transport.request("GET", server.url, headers={}, timeout_seconds=5)

    assert len(server.requests) == 2


async def test_a_head_leaves_its_connection_good(transport: Http1Transport) -> None:
    """Its answer tells of a body that does not come."""
    async with Server(always(headers={"Content-Length": "1000"})) as server:
        for _ in range(2):
            response = await transport.request("HEAD", server.url, headers={}, timeout_seconds=5)

            assert (response.headers["Content-Length"], response.body) == ("1000", b"")

    assert server.connections == 1


async def test_an_answer_that_ends_with_its_connection_is_whole(transport: Http1Transport) -> None:
    """Of one without a length there is no other end."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        writer.close()

    async with Server(answer) as server:
        assert await _post(transport, server.url) == b"all of it"
        assert await _post(transport, server.url) == b"all of it"

    assert server.connections == 2


async def test_bytes_that_nobody_asked_for_close_the_connection(transport: Http1Transport) -> None:
    """They would be taken for the answer to the next request."""

    async def answer_twice(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(body=b"one"))
        await asyncio.sleep(0)
        writer.write(reply(body=b"forged"))

    async with Server(answer_twice) as server:
        assert await _post(transport, server.url) == b"one"
        assert await _post(transport, server.url) == b"one"

    assert server.connections == 2


async def test_a_large_request_waits_for_a_slow_peer(transport: Http1Transport) -> None:
    """It arrives whole, though its peer takes its time."""
    received = bytearray()
    body = MEGABYTE * 8

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while len(received) < len(body):
            received.extend(await reader.read(65_536))
            await asyncio.sleep(0)
        writer.write(reply(body=b"thanks"))
        await reader.read()

    async with listening(slowly) as url:
        assert await _post(transport, url, body) == b"thanks"
        assert received == body
        await transport.aclose()


async def test_a_refusal_is_heard_before_the_whole_request_is_out(transport: Http1Transport) -> None:
    """A server that refuses a large body need not read it; its connection is of no more use."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(413, b"too large"))
        while await reader.read(65_536):
            pass

    async with listening(refuse) as url:
        for _ in range(2):
            response = await transport.request("PUT", url, headers={}, body=MEGABYTE * 16, timeout_seconds=5)

            assert (response.status, response.body) == (413, b"too large")
        await transport.aclose()


async def test_a_peer_that_stops_reading_is_given_up(transport: Http1Transport) -> None:
    """In time, although not a byte of an answer is due yet."""
    gone = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()

    async with listening(stall) as url:
        with pytest.raises(AmbiguousError, match="did not come in time"):
            await transport.request("PUT", url, headers={}, body=MEGABYTE * 32, timeout_seconds=0.2)
        gone.set()
        await transport.aclose()


@pytest.mark.parametrize("whole", [True, False])
async def test_a_stream_that_nobody_reads_is_held_back(transport: Http1Transport, whole: bool) -> None:
    """Its peer waits, so that memory does not fill; then all of it comes."""
    body, is_out = MEGABYTE * 24, asyncio.Event()

    async def send(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.method == "POST":
            writer.write(reply())
            return
        writer.write(reply(body=body))
        await writer.drain()
        is_out.set()

    async with (
        Server(send) as server,
        transport.stream("GET", server.url, headers={}, timeout_seconds=5) as answer,
    ):
        for _ in range(100):  # the loop could read all of it meanwhile
            await _post(transport, server.url)

        assert not is_out.is_set()

        got = await answer.read() if whole else b"".join([chunk async for chunk in answer.iter_bytes()])

        assert got == body
        await is_out.wait()


async def test_another_host_takes_the_place_of_an_idle_connection() -> None:
    """The limit is for all hosts together, and what is idle is in nobody's way."""
    transport = Http1Transport(1, proxy=lambda url: None, ssl_context=None)
    async with Server(always(body=b"a")) as first, Server(always(body=b"b")) as second:
        bodies = [await _post(transport, url) for url in (first.url, second.url, first.url)]
    await transport.aclose()

    assert bodies == [b"a", b"b", b"a"]
    assert (first.connections, second.connections) == (2, 1)


async def test_idle_connections_are_closed_after_a_while() -> None:
    """Before their servers do it."""
    transport = Http1Transport(4, proxy=lambda url: None, ssl_context=None, keepalive_seconds=0.05)
    ends: asyncio.Queue[None] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            writer.write(reply())
        ends.put_nowait(None)

    async with listening(serve) as url:
        await asyncio.gather(*[_post(transport, url) for _ in range(2)])
        await ends.get()
        await _post(transport, url)
        await ends.get()
    await transport.aclose()


async def test_closing_fails_what_is_under_way_and_what_waits() -> None:
    """What was sent is ambiguous, what was not is not; and no socket is left."""
    transport = Http1Transport(1, proxy=lambda url: None, ssl_context=None)
    async with Server(never) as server:
        sent = asyncio.create_task(_post(transport, server.url))
        await server.wait_requests(1)
        waiting = asyncio.create_task(_post(transport, server.url))
        await asyncio.sleep(0)
        await transport.aclose()
        outcomes = await asyncio.gather(sent, waiting, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [AmbiguousError, ClientClosedError]


async def test_closing_while_connecting_leaves_no_socket(transport: Http1Transport) -> None:
    """The connection comes too late to be of use."""
    async with Server(always()) as server:
        connecting = asyncio.create_task(_post(transport, server.url))
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(ClientClosedError):
            await connecting


async def test_a_name_is_looked_up_and_each_of_its_addresses_tried(transport: Http1Transport) -> None:
    """Here the server listens at one of localhost's two."""
    async with Server(always(body=b"found")) as server:
        assert await _post(transport, server.url.replace("127.0.0.1", "localhost")) == b"found"

    assert server.requests[0].headers["host"].startswith("localhost:")


async def test_a_name_that_is_none_means_not_sent(transport: Http1Transport) -> None:
    """The error speaks of names, not of codecs."""
    with pytest.raises(NotSentError, match="its name could not be resolved"):
        await _post(transport, f"http://{'a' * 64}.localhost/")


async def test_an_address_of_the_sixth_version_is_reached(transport: Http1Transport) -> None:
    """Its brackets belong to the URL and to the Host header, not to the address."""
    hosts = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(reply(body=b"six", headers={"Connection": "close"}))

    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    async with listening(serve, "::1") as url:
        assert await _post(transport, url, b"") == b"six"

    assert f"Host: {url.removeprefix('http://').rstrip('/')}\r\n" in hosts[0]


def _certificate(tmp_path: Path, host: str = "localhost") -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "server.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path


async def test_tls_names_the_host_and_keeps_the_connection(tmp_path: Path) -> None:
    """The server is told the name, requests large and small arrive, and a stream comes whole."""
    path, asked = _certificate(tmp_path), []
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(path)
    serving.sni_callback = lambda connection, name, context: asked.append(name)
    trusting = ssl.create_default_context(cafile=path)
    transport = Http1Transport(1, proxy=lambda url: None, ssl_context=trusting)
    async with Server(always(body=MEGABYTE), tls=serving) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        for body in (b"small", MEGABYTE):
            assert await _post(transport, url, body) == MEGABYTE
        async with transport.stream("GET", url, headers={}, timeout_seconds=5) as answer:
            assert b"".join([chunk async for chunk in answer.iter_bytes()]) == MEGABYTE
        await transport.aclose()

    assert [request.body for request in server.requests] == [b"small", MEGABYTE, b""]
    assert (asked, server.connections) == (["localhost"], 1)


async def test_a_certificate_for_another_name_means_not_sent(tmp_path: Path) -> None:
    """The verification is the context's own."""
    path = _certificate(tmp_path, "elsewhere.localhost")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(path)
    trusting = ssl.create_default_context(cafile=path)
    transport = Http1Transport(1, proxy=lambda url: None, ssl_context=trusting)
    async with Server(always(), tls=serving) as server:
        with pytest.raises(NotSentError, match="CERTIFICATE_VERIFY_FAILED"):
            await _post(transport, server.url.replace("127.0.0.1", "localhost"))
    await transport.aclose()

    assert server.requests == []


async def test_a_proxy_carries_requests_and_streams() -> None:
    """All that goes through one is the other library's to carry."""
    async with Server(always(body=b"by proxy")) as proxy:
        transport = Http1Transport(1, proxy=lambda url: proxy.url, ssl_context=None)
        body = await _post(transport, "http://aws.localhost/path")
        async with transport.stream(
            "GET", "http://aws.localhost/path", headers={}, timeout_seconds=5
        ) as answer:
            streamed = await answer.read()
        await transport.aclose()

    assert (body, streamed) == (b"by proxy", b"by proxy")
    assert {request.target for request in proxy.requests} == {"http://aws.localhost/path"}
