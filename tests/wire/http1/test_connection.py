"""One connection, whose peer is played by the test byte by byte."""

from __future__ import annotations

import asyncio

import pytest

from aio_sm_async.wire.faults import ClosedBeforeRequestError, NotHttpError
from aio_sm_async.wire.http1.connection import Connection


class Line(asyncio.Transport):
    """What a connection writes to; it has no socket."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_over = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def abort(self) -> None:
        self.is_over = True

    def is_closing(self) -> bool:
        return self.is_over


def connect(*, max_whole_bytes: int = 1000) -> tuple[Connection, Line]:
    connection, line = Connection(asyncio.get_running_loop(), max_whole_bytes=max_whole_bytes), Line()
    connection.connection_made(line)
    return connection, line


async def ask(connection: Connection) -> None:
    await connection.send(b"GET", b"", has_answer_body=True, deadline=0.0)


async def test_a_connection_tells_its_state() -> None:
    """To whoever debugs."""
    connection, _line = connect()

    assert repr(connection) == "<Connection open, <AnswerReader complete, 0 bytes held>>"

    connection.abort()

    assert repr(connection) == "<Connection closed, <AnswerReader complete, 0 bytes held>>"


async def test_what_has_no_socket_may_always_have_news() -> None:
    """So its user lets the loop speak first."""
    assert connect()[0].has_news


async def test_nothing_is_sent_on_a_connection_that_is_closing() -> None:
    """And whoever asks is told so: the request was certainly not sent."""
    connection, line = connect()
    line.abort()
    with pytest.raises(ClosedBeforeRequestError):
        await ask(connection)

    assert not connection.is_sent
    assert line.written == b""


async def test_bytes_behind_an_answer_end_the_connection() -> None:
    """Whoever was answered has the answer, and nobody uses the connection again."""
    connection, line = connect()
    await ask(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    assert connection.is_reusable

    connection.data_received(b"HTTP/1.1 200 OK\r\n")

    assert not connection.is_reusable
    assert line.is_over
    assert connection.answer.take() == b"ok"


async def test_an_answer_without_measure_is_given_up() -> None:
    """What is held as a whole must fit into memory."""
    connection, line = connect(max_whole_bytes=10)
    await ask(connection)
    receiving = asyncio.create_task(connection.receive_all(asyncio.get_running_loop().time() + 5))
    await asyncio.sleep(0)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
    connection.data_received(b"01234567890")
    with pytest.raises(NotHttpError, match="more than 10 bytes"):
        await receiving

    assert line.is_over


async def test_an_answer_that_came_before_the_break_counts() -> None:
    """Both may be seen before its reader has had a turn."""
    connection, _ = connect()
    await ask(connection)
    receiving = asyncio.create_task(connection.receive_all(asyncio.get_running_loop().time() + 5))
    await asyncio.sleep(0)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    connection.connection_lost(ConnectionResetError())
    await receiving

    assert connection.answer.take() == b"ok"
    assert connection.closed.done()


async def test_a_break_with_a_body_of_no_length_is_no_end() -> None:
    """Only an orderly close ends such a body."""
    connection, _ = connect()
    await ask(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nsome")
    connection.connection_lost(ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await connection.receive_all(0.0)


async def test_the_time_of_one_request_does_not_count_for_the_next() -> None:
    """One timer serves them all, and looks at the deadline of the moment."""
    connection, _line = connect()
    loop = asyncio.get_running_loop()
    for seconds in (0.01, 30.0):
        await ask(connection)
        receiving = asyncio.create_task(connection.receive_all(loop.time() + seconds))
        await asyncio.sleep(0)
        if seconds == 30.0:  # the first one's time runs out, while nobody waits and while somebody does
            rung = loop.create_future()
            loop.call_later(0.02, rung.set_result, None)
            await rung
        connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await receiving
        connection.answer.take()

    assert connection.is_reusable
    connection.connection_lost(None)


async def test_a_time_that_ran_out_while_idle_is_nobodys() -> None:
    """The connection is as good as before."""
    connection, _line = connect()
    loop = asyncio.get_running_loop()
    await ask(connection)
    receiving = asyncio.create_task(connection.receive_all(loop.time() + 0.01))
    await asyncio.sleep(0)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await receiving
    rung = loop.create_future()
    loop.call_later(0.02, rung.set_result, None)
    await rung

    assert connection.is_reusable
    connection.connection_lost(None)
