"""Reads answers off the bytes of one connection, one after the other. No I/O.

The grammar is llhttp's, at its strictest. What it leaves to its caller is decided here: a HEAD's answer has
no body whatever its headers say, an interim answer (100 to 199) is passed over, a body without a length ends
with the connection, and of all transfer codings only ``chunked`` is taken.
"""

from __future__ import annotations

import httptools

from aio_sm_async.wire.faults import ClosedBeforeAnswerError, CutOffError, NotHttpError
from aio_sm_async.wire.http1.headers import Headers

MAX_HEAD_BYTES = 65_536
_NO_BODY = frozenset({204, 304})


class AnswerReader:
    """One answer at a time: `expect` it, `feed` what comes, take what is there.

    Attributes:
        status: The HTTP status.
        headers: The headers.
        chunks: What has come of the body, and was not taken yet.
        held_bytes: How many bytes of the body that are.
        is_begun: Whether anything has come.
        is_headed: Whether the head is there.
        is_complete: Whether all is there; true as well while no answer is expected.
        keeps_alive: Whether the connection may carry another request, once the answer is complete.
    """

    __slots__ = (
        "_ends_with_connection",
        "_has_body",
        "_head_bytes",
        "_parser",
        "chunks",
        "headers",
        "held_bytes",
        "is_begun",
        "is_complete",
        "is_headed",
        "keeps_alive",
        "status",
    )

    def __init__(self) -> None:
        self._parser: httptools.HttpResponseParser | None = None
        self.expect()
        self.is_complete = True

    def __repr__(self) -> str:
        state = "complete" if self.is_complete else "headed" if self.is_headed else "awaited"
        return f"<AnswerReader {state}, {self.held_bytes} bytes held>"

    def expect(self, *, has_body: bool = True) -> None:
        """Another answer will come.

        Args:
            has_body: False for the answer to a HEAD.
        """
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self._has_body = has_body
        self._head_bytes = 0
        self._ends_with_connection = False
        self.status = 0
        self.headers = Headers()
        self.chunks: list[bytes] = []
        self.held_bytes = 0
        self.is_begun = self.is_headed = self.is_complete = False
        self.keeps_alive = False

    def feed(self, data: bytes) -> None:
        """Take what has come.

        Raises:
            NotHttpError: It is no HTTP answer, or none that is taken.
        """
        assert self._parser is not None
        self.is_begun = True
        if not self.is_headed:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.keeps_alive = False
            if not self.is_complete:  # else it came behind the answer, which stands
                raise NotHttpError from error
        if not self.is_headed and self._head_bytes > MAX_HEAD_BYTES:
            raise NotHttpError(f"more than {MAX_HEAD_BYTES} bytes of headers")
        if self.is_complete and not self._has_body:
            self._parser = None  # it waits for the body that the headers tell of

    def end(self) -> None:
        """The peer sends no more: return if the answer is complete with that.

        Raises:
            ClosedBeforeAnswerError: Nothing had come.
            CutOffError: A part is missing.
        """
        if self._ends_with_connection:
            self.is_complete = True
        if self.is_complete:
            return
        raise CutOffError if self.is_headed else ClosedBeforeAnswerError

    def take(self) -> bytes:
        """What has come of the body since it was last taken."""
        chunks = self.chunks
        self.held_bytes = 0
        if len(chunks) == 1:
            return chunks.pop()
        taken = b"".join(chunks)
        chunks.clear()
        return taken

    # What the parser calls

    def on_message_begin(self) -> None:
        """An answer begins; a second one was not asked for."""
        if self.is_complete:
            self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a field behind the body, of which none means anything here."""
        if not self.is_headed:
            self.headers.add(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self.is_complete:
            return
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            return
        self.status = status
        coding, length = self.headers.raw(b"transfer-encoding"), self.headers.raw(b"content-length")
        if coding is not None and coding.lower() != b"chunked":
            raise NotHttpError("a transfer coding that was not asked for")
        self.is_headed = True
        self.keeps_alive = self._parser.should_keep_alive()
        if not self._has_body:
            self.is_complete = True
        elif coding is None and length is None and status not in _NO_BODY:
            self._ends_with_connection = True

    def on_body(self, chunk: bytes) -> None:
        """More of the body."""
        if self.is_complete:
            self.keeps_alive = False  # behind the answer's end
            return
        self.chunks.append(chunk)
        self.held_bytes += len(chunk)

    def on_message_complete(self) -> None:
        """The answer has ended; unless it was an interim one."""
        if self.is_headed:
            self.is_complete = True
        else:
            self.headers = Headers()
