"""Connections: kept, looked at, made room for, and closed in time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from aio_sm_async.wire.http1.connection import Connection
from aio_sm_async.wire.http1.origin import Origin, origin_of
from aio_sm_async.wire.http1.pool import Pool
from tests.wire.servers import Server, always


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(2, ssl_context=None, keepalive_seconds=0.1, connect_timeout_seconds=5)
    yield pool
    await pool.aclose()


async def use(pool: Pool, origin: Origin) -> Connection:
    deadline = asyncio.get_running_loop().time() + 5
    connection = await pool.acquire(origin, deadline)
    await connection.send(b"GET / HTTP/1.1\r\n\r\n", b"", has_answer_body=True, deadline=deadline)
    await connection.receive_all(deadline)
    return connection


async def test_each_host_has_connections_of_its_own_and_all_are_closed_in_time(pool: Pool) -> None:
    """Whichever of them was used last."""
    async with Server(always()) as first, Server(always()) as second:
        connections = []
        for server in (first, second, first):
            origin = origin_of(server.url)
            connection = await use(pool, origin)
            pool.release(origin, connection)
            connections.append(connection)

        assert connections[0] is connections[2]
        assert repr(pool) == "<Pool 2 of 2 connections>"

        await asyncio.wait([connection.closed for connection in connections])

    assert repr(pool) == "<Pool 0 of 2 connections>"


async def test_making_many_at_a_time_stays_within_the_limit(pool: Pool) -> None:
    """What is being made counts, and what lies idle makes room."""
    async with Server(always()) as first, Server(always()) as second:
        for server in (first, second):
            origin = origin_of(server.url)
            used = [await use(pool, origin) for _ in range(2)]
            for connection in used:
                pool.release(origin, connection)
            await asyncio.sleep(0)

            assert repr(pool) == "<Pool 2 of 2 connections>"


async def test_a_cancel_while_the_loop_is_asked_frees_the_place(pool: Pool) -> None:
    """The connection that was being looked at is closed, and another one may be made."""
    async with Server(always()) as server:
        origin = origin_of(server.url)
        kept = await use(pool, origin)
        pool.release(origin, kept)
        goodbyes = server.hang_up()  # not a step of the loop passes: it has not seen it yet
        taking = asyncio.create_task(pool.acquire(origin, asyncio.get_running_loop().time() + 5))
        await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        await kept.closed
        used = [await use(pool, origin) for _ in range(2)]
        for connection in used:
            pool.release(origin, connection)

    assert goodbyes == 1


async def test_who_waits_longest_is_next_and_a_cancelled_one_takes_nothing(pool: Pool) -> None:
    """Not even one that is cancelled in the moment in which its turn comes."""
    async with Server(always()) as server:
        origin, deadline = origin_of(server.url), asyncio.get_running_loop().time() + 5
        used = [await use(pool, origin) for _ in range(2)]
        waiting = [asyncio.create_task(pool.acquire(origin, deadline)) for _ in range(4)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        pool.release(origin, used[0])
        waiting[1].cancel()
        first = await waiting[2]

        assert not waiting[3].done()

        pool.release(origin, first)
        second = await waiting[3]
        pool.release(origin, second)
        pool.release(origin, used[1])
        cancelled = await asyncio.gather(*waiting[:2], return_exceptions=True)
        again = [await use(pool, origin) for _ in range(2)]
        for connection in again:
            pool.release(origin, connection)

    assert [type(each) for each in cancelled] == [asyncio.CancelledError] * 2


async def test_a_deadline_that_passes_while_connecting_is_the_requests_own(pool: Pool) -> None:
    """Not the one of making connections: that has its own words."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        origin = Origin("127.0.0.1", silent.getsockname()[1], is_tls=True)
        with pytest.raises(TimeoutError) as caught:
            await pool.acquire(origin, asyncio.get_running_loop().time() + 0.05)

    assert type(caught.value) is TimeoutError


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example/path?q=http://b", Origin("a.example", 443, is_tls=True)),
        ("http://127.0.0.1:8080", Origin("127.0.0.1", 8080, is_tls=False)),
        ("http://[::1]:81/", Origin("::1", 81, is_tls=False)),
        ("http://a.example", Origin("a.example", 80, is_tls=False)),
    ],
)
def test_an_origin_is_what_stands_before_the_path(url: str, origin: Origin) -> None:
    """With the scheme's own port where the URL names none."""
    assert origin_of(url) == origin
