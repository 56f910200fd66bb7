"""The server at the speed of the wire: what it says to whom."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import pytest

from benchmarks.server import Connection, Services


class _Wire:
    """What was written, kept."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


@pytest.fixture
def wire() -> _Wire:
    """The answers of a connection."""
    return _Wire()


@pytest.fixture
def connection(wire: _Wire) -> Connection:
    """A connection to a server of its own."""
    made = Connection(Services(0.0))
    made.connection_made(cast("asyncio.BaseTransport", wire))
    return made


def _say(connection: Connection, wire: _Wire, *pieces: bytes) -> tuple[bytes, bytes]:
    wire.data = b""
    for piece in pieces:
        connection.data_received(piece)
    head, _, body = wire.data.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], body


def test_an_object_can_be_read_again(connection: Connection, wire: _Wire) -> None:
    """An input becomes the output; it is there until it was read, and for a while after."""
    _say(connection, wire, b"PUT /poll-x/in/1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
    invoke = b"POST /endpoints/poll-x/async-invocations HTTP/1.1\r\nContent-Length: 0\r\n"
    names = b"X-Amzn-SageMaker-InputLocation: s3://poll-x/in/1\r\nX-Amzn-SageMaker-Filename: f.out\r\n"
    status, body = _say(connection, wire, invoke + names + b"\r\n")

    assert status == b"HTTP/1.1 202 Accepted"
    assert "InferenceId" in json.loads(body)
    read = b"GET /poll-x/out/any/f.out HTTP/1.1\r\n\r\n"

    assert _say(connection, wire, read) == (b"HTTP/1.1 200 OK", b"abc")
    assert _say(connection, wire, read) == (b"HTTP/1.1 200 OK", b"abc")
    assert (
        b"<Key>out/any/f.out</Key>"
        in _say(connection, wire, b"GET /poll-x?list-type=2&prefix=out%2Fany%2F HTTP/1.1\r\n\r\n")[1]
    )


@pytest.mark.parametrize("cut", [1, 30, 75, 90])
def test_a_body_comes_in_pieces(connection: Connection, wire: _Wire, cut: int) -> None:
    """Wherever the network cuts a request, what was sent is what is kept; two in one piece are two."""
    put = b"PUT /poll-x/in/1 HTTP/1.1\r\nHost: h\r\nX-Some: thing\r\nContent-Length: 40\r\n\r\n" + b"z" * 40
    head = b"HEAD /poll-x/in/1 HTTP/1.1\r\n\r\n"
    data = put + head
    _say(connection, wire, data[:cut], data[cut:])

    assert wire.data.count(b"HTTP/1.1 200 OK") == 2
    assert b"Content-Length: 40" in wire.data


def test_chunks_in_chunks(connection: Connection, wire: _Wire) -> None:
    """S3's own chunks inside those of HTTP are taken off, as botocore sends them over TLS."""
    inner = b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"
    outer = b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
    head = b"PUT /s3-x/in/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Encoding: aws-chunked\r\n"
    status, _ = _say(connection, wire, head + b"Expect: 100-continue\r\n\r\n", outer)

    assert status == b"HTTP/1.1 100 Continue"
    assert _say(connection, wire, b"GET /s3-x/in/1 HTTP/1.1\r\n\r\n") == (b"HTTP/1.1 200 OK", b"abc")


def test_a_payload_in_the_request_is_refused_where_it_must_go_through_s3(
    connection: Connection, wire: _Wire
) -> None:
    """As regions do that know no payload in the request: so that a client uploads."""
    status, body = _say(
        connection,
        wire,
        b"POST /endpoints/s3-x/async-invocations HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
    )

    assert status == b"HTTP/1.1 400 Bad Request"
    assert b"InputLocation" in body


def test_what_is_not_there(connection: Connection, wire: _Wire) -> None:
    """A missing object is a 404 with S3's code."""
    status, body = _say(connection, wire, b"GET /s3-x/out/nothing HTTP/1.1\r\n\r\n")

    assert status == b"HTTP/1.1 404 Not Found"
    assert b"<Code>NoSuchKey</Code>" in body
