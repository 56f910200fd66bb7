"""One connection: a request goes out, its answer comes in, then the next.

Whoever uses it waits in one of its ``receive`` methods, and what goes wrong is raised there. It is used again
only after an answer that was complete, and that nothing came behind.
"""

from __future__ import annotations

import asyncio
import select
from typing import cast

from aio_sm_async.wire.faults import ClosedBeforeRequestError, NotHttpError
from aio_sm_async.wire.http1.answer import AnswerReader

# So much of a body that nobody takes is held in memory before its peer is made to wait.
_HIGH_WATER_BYTES = 262_144

# No answer of AWS that is asked for as a whole comes near to it.
MAX_WHOLE_BYTES = 1 << 28

_PIECE_BYTES = 65_536


class Connection(asyncio.Protocol):
    """One connection.

    Args:
        loop: The running loop.
        max_whole_bytes: The most that is held of a body which is awaited as a whole.

    Attributes:
        answer: What has come of the answer.
        is_sent: Whether the last request may have reached the peer.
        is_kept: Whether it has been through a request already.
        idle_since: When it was last done with one, in the loop's time.
        closed: Done once the socket is closed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, max_whole_bytes: int = MAX_WHOLE_BYTES) -> None:
        self.answer = AnswerReader()
        self.is_sent = False
        self.is_kept = False
        self.idle_since = 0.0
        self.closed: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._max_whole_bytes = max_whole_bytes
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._wants_all = True
        self._is_request_whole = True
        self._is_reading_paused = False
        self._is_writing_paused = False
        # Tells whether something has come, for a microsecond: that the peer is gone, say.
        self._poll: select.poll | None = None
        # One timer for many requests: when it goes off, it looks at the deadline of that moment.
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Connection {'open' if self.is_open else 'closed'}, {self.answer!r}>"

    @property
    def is_open(self) -> bool:
        """Whether it may be written to, as far as this side knows."""
        return self._error is None and self._transport is not None and not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """Whether another request may be sent on it."""
        answer = self.answer
        return answer.is_complete and answer.keeps_alive and self._is_request_whole and self.is_open

    @property
    def has_news(self) -> bool:
        """Whether the loop may have to tell something of it that it has not told yet."""
        return self._poll is None or bool(self._poll.poll(0))

    # What its user does

    async def send(self, head: bytes, body: bytes, *, has_answer_body: bool, deadline: float) -> None:
        """Send a request; of a large body, as much as the peer takes before it answers.

        Args:
            head: The request line and the headers.
            body: The body.
            has_answer_body: False for a HEAD.
            deadline: When to give up, in the loop's time.

        Raises:
            OSError: The connection broke, or time is up.
        """
        self.is_sent = False
        if not self.is_open:
            raise ClosedBeforeRequestError
        assert self._transport is not None
        self.answer.expect(has_body=has_answer_body)
        self.is_sent = True
        if len(body) <= _PIECE_BYTES:
            self._transport.write(head + body if body else head)
            return
        self._transport.write(head)
        self._wants_all = self._is_request_whole = False
        rest = memoryview(body)
        while rest and not self.answer.is_begun:
            self._transport.write(rest[:_PIECE_BYTES])
            rest = rest[_PIECE_BYTES:]
            while self._is_writing_paused and not self.answer.is_begun:
                await self._wait(deadline)
        self._is_request_whole = not rest

    async def receive_all(self, deadline: float) -> None:
        """Return once the whole answer is there.

        Raises:
            OSError: The connection broke, what came is no answer, or time is up.
        """
        self._wants_all = True
        self._go_on_reading()
        while not self.answer.is_complete:
            await self._wait(deadline)

    async def receive_head(self, deadline: float) -> None:
        """Return once status and headers are there; of the body no more comes than is taken.

        Raises:
            OSError: The connection broke, what came is no answer, or time is up.
        """
        self._wants_all = False
        while not self.answer.is_headed:
            await self._wait(deadline)

    async def receive_chunk(self, deadline: float) -> bytes:
        """Return what there is of the body, once there is some; nothing at its end.

        Raises:
            OSError: The connection broke, or time is up.
        """
        while not self.answer.held_bytes and not self.answer.is_complete:
            await self._wait(deadline)
        chunk = self.answer.take()
        self._go_on_reading()
        return chunk

    def abort(self) -> None:
        """Close it at once; whatever was under way fails."""
        if self._transport is not None:
            self._transport.abort()

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not of that class
        socket = transport.get_extra_info("socket")
        if socket is not None and hasattr(select, "poll"):  # Windows has none
            self._poll = select.poll()
            self._poll.register(socket.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        answer = self.answer
        if answer.is_complete:
            self._fail(NotHttpError("bytes that belong to no request"))
            return
        try:
            answer.feed(data)
        except NotHttpError as error:
            self._fail(error)
            return
        if answer.is_complete:
            self._wake()
        elif self._wants_all:
            if answer.held_bytes > self._max_whole_bytes:
                self._fail(NotHttpError(f"more than {self._max_whole_bytes} bytes"))
        else:
            self._wake()
            self._hold_back()

    def eof_received(self) -> None:
        """The peer sends no more; the transport closes itself."""
        try:
            self.answer.end()
        except ConnectionError as error:
            self._fail(error)
        else:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        if self._timer is not None:
            self._timer.cancel()
        self._fail(exc or ConnectionAbortedError())
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """The peer takes no more for now."""
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        """The peer takes more."""
        self._is_writing_paused = False
        self._wake()

    # How it waits

    async def _wait(self, deadline: float) -> None:
        """Return once something has happened."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        self._deadline = deadline
        if self._timer is None or self._timer.when() > deadline:
            self._set_timer(deadline)
        try:
            await self._waiter
        finally:
            self._waiter = self._deadline = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self.abort()
        self._wake()

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._deadline <= self._loop.time():
            self._fail(TimeoutError())
        else:
            self._set_timer(self._deadline)

    def _hold_back(self) -> None:
        assert self._transport is not None
        if self.answer.held_bytes > _HIGH_WATER_BYTES and not self._transport.is_closing():
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _go_on_reading(self) -> None:
        if not self._is_reading_paused:
            return
        assert self._transport is not None
        self._is_reading_paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
