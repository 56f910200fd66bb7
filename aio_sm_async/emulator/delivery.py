"""How an answer reaches the caller, or fails to."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from aio_sm_async.emulator.service import Reply

# Linger for zero seconds: the kernel drops what is unsent and sends a reset instead of an orderly end.
_LINGER_ZERO = struct.pack("ii", 1, 0)


def whole(reply: Reply) -> web.StreamResponse:
    """The answer as it should be."""
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


async def truncated(request: web.Request, reply: Reply) -> web.StreamResponse:
    """The headers, with the full length, and half of the body; then the connection ends.

    It ends in order, since a reset would drop what has not left yet, and half would be less.
    """
    response = await _begin(request, reply)
    await response.write(reply.body[: len(reply.body) // 2])
    _transport(request).close()
    return await silence()


async def dripped(
    request: web.Request, reply: Reply, pause: Callable[[], Awaitable[None]]
) -> web.StreamResponse:
    """The body byte by byte, with a pause before each."""
    response = await _begin(request, reply)
    for index in range(len(reply.body)):
        await pause()
        await response.write(reply.body[index : index + 1])
    await response.write_eof()
    return response


async def reset(request: web.Request) -> web.StreamResponse:
    """No answer: the caller's connection is reset. Does not return; the lost connection ends the handler."""
    transport = _transport(request)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
    return await silence()


async def silence() -> web.StreamResponse:
    """No answer, until the caller leaves or the server closes: either cancels the handler."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")


def _transport(request: web.Request) -> asyncio.Transport:
    # A handler is cancelled when its connection is lost, so that one that runs has a connection.
    assert request.transport is not None
    return request.transport


async def _begin(request: web.Request, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    return response
