"""Answers as bytes, however they are cut up, and whatever is wrong with them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.wire.faults import ClosedBeforeAnswerError, CutOffError, NotHttpError
from aio_sm_async.wire.http1.answer import MAX_HEAD_BYTES, AnswerReader

bodies = st.binary(max_size=300)
cuts = st.lists(st.integers(0, 600), max_size=8)


def _with_length(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nX-Thing: one\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def _chunked(body: bytes, size: int = 7) -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = b"HTTP/1.1 200 OK\r\nX-Thing: one\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + framed + b"0\r\nX-Trailer: t\r\n\r\n"


def _feed(reader: AnswerReader, data: bytes, at: list[int]) -> None:
    places = sorted({0, len(data), *(place for place in at if place < len(data))})
    for start, end in itertools.pairwise(places):
        reader.feed(data[start:end])


def _awaiting(*, has_body: bool = True) -> AnswerReader:
    reader = AnswerReader()
    reader.expect(has_body=has_body)
    return reader


@given(st.lists(st.tuples(bodies, st.booleans()), min_size=1, max_size=3), cuts)
def test_answers_are_read_the_same_wherever_they_are_cut(
    answers: list[tuple[bytes, bool]], at: list[int]
) -> None:
    """One after the other on one connection, with a length or in chunks."""
    reader = AnswerReader()
    for body, is_chunked in answers:
        reader.expect()
        _feed(reader, _chunked(body) if is_chunked else _with_length(body), at)

        assert (reader.status, reader.take(), reader.headers["x-thing"]) == (200, body, "one")
        assert reader.is_complete
        assert reader.keeps_alive
        assert "x-trailer" not in reader.headers


@given(bodies, st.booleans(), st.integers(0, 10_000), cuts)
def test_what_is_cut_off_is_never_complete(body: bytes, is_chunked: bool, place: int, at: list[int]) -> None:
    """Whatever byte is the last that comes."""
    whole = _chunked(body) if is_chunked else _with_length(body)
    reader = _awaiting()
    _feed(reader, whole[: place % len(whole)], at)

    assert not reader.is_complete
    with pytest.raises((ClosedBeforeAnswerError, CutOffError)):
        reader.end()


@given(st.binary(max_size=200), st.integers(0, 80), bodies)
def test_garbage_is_refused_and_nothing_else_happens(garbage: bytes, place: int, body: bytes) -> None:
    """By itself, or in the middle of an answer."""
    whole = _with_length(body)
    for data in (garbage, whole[:place] + garbage + whole[place:]):
        reader = _awaiting()
        try:
            reader.feed(data)
        except NotHttpError:
            assert not reader.is_complete


def test_nothing_is_complete_before_it_is_expected() -> None:
    """A new connection awaits no answer."""
    reader = AnswerReader()

    assert repr(reader) == "<AnswerReader complete, 0 bytes held>"

    reader.expect()

    assert repr(reader) == "<AnswerReader awaited, 0 bytes held>"

    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")

    assert repr(reader) == "<AnswerReader headed, 2 bytes held>"


@pytest.mark.parametrize("interim", [b"100 Continue\r\n", b"103 Early Hints\r\nLink: </a>\r\n"])
def test_an_interim_answer_is_passed_over(interim: bytes) -> None:
    """Its headers, too."""
    reader = _awaiting()
    reader.feed(b"HTTP/1.1 " + interim + b"\r\n")

    assert not reader.is_headed

    reader.feed(_with_length(b"yes"))

    assert (reader.status, reader.take()) == (200, b"yes")
    assert list(reader.headers) == ["x-thing", "content-length"]


@pytest.mark.parametrize("head", [b"200 OK\r\nContent-Length: 9\r\n", b"200 OK\r\nContent-Length: 0\r\n"])
def test_the_answer_to_a_head_has_no_body(head: bytes) -> None:
    """Whatever length its headers tell; and the next answer is read as usual."""
    reader = _awaiting(has_body=False)
    reader.feed(b"HTTP/1.1 " + head + b"\r\n")

    assert reader.is_complete
    assert reader.keeps_alive

    reader.expect()
    reader.feed(_with_length(b"next"))

    assert reader.take() == b"next"


def test_a_body_in_the_answer_to_a_head_is_dropped() -> None:
    """It is not handed on, and the connection is not used again."""
    reader = _awaiting(has_body=False)
    reader.feed(_with_length(b"surplus"))

    assert reader.is_complete
    assert not reader.keeps_alive
    assert reader.take() == b""


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_is_complete_with_its_head(status: int) -> None:
    """These have no body, and need not say so."""
    reader = _awaiting()
    reader.feed(b"HTTP/1.1 %d Whatever\r\n\r\n" % status)

    assert reader.is_complete


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    """There is no other way to tell, so the connection cannot be used again."""
    reader = _awaiting()
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\nto the ")
    reader.feed(b"end")

    assert not reader.is_complete

    reader.end()

    assert reader.is_complete
    assert not reader.keeps_alive
    assert reader.take() == b"to the end"


def test_a_peer_that_will_close_is_believed() -> None:
    """The answer counts, and the connection is not used again."""
    reader = _awaiting()
    reader.feed(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")

    assert reader.take() == b"ok"
    assert not reader.keeps_alive


@pytest.mark.parametrize("connection", [b"", b"Connection: close\r\n"])
@pytest.mark.parametrize("surplus", [_with_length(b"forged"), b"garbage"])
def test_what_comes_behind_an_answer_spoils_the_connection_only(connection: bytes, surplus: bytes) -> None:
    """The answer stands; a second one could be forged, and would be taken for that of the next request."""
    reader = _awaiting()
    reader.feed(b"HTTP/1.1 200 OK\r\n" + connection + b"Content-Length: 2\r\n\r\nok" + surplus)

    assert reader.is_complete
    assert not reader.keeps_alive
    assert (reader.status, reader.take()) == (200, b"ok")


@pytest.mark.parametrize(
    "head",
    [
        b"200 OK\r\nTransfer-Encoding: gzip\r\n",
        b"200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
        b"200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
        b"200 OK\r\nContent-Length: -1\r\n",
        b"200 OK\r\nX: folded\r\n line\r\n",
        b"101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n",
    ],
)
def test_an_answer_of_which_the_end_could_be_disputed_is_refused(head: bytes) -> None:
    """Nor is a protocol switched that nobody asked to switch."""
    with pytest.raises(NotHttpError):
        _awaiting().feed(b"HTTP/1.1 " + head + b"\r\n")


def test_headers_without_end_are_refused() -> None:
    """In one line or in many, before they fill the memory."""
    for line in (b"X" * 1000, b"X: y\r\n" * 100):
        reader = _awaiting()
        reader.feed(b"HTTP/1.1 200 OK\r\n")
        for _ in range(MAX_HEAD_BYTES // len(line) - 1):
            reader.feed(line)
        with pytest.raises(NotHttpError, match="bytes of headers"):
            reader.feed(line * 2)


def test_headers_are_found_whatever_their_case() -> None:
    """Of one that came twice the first counts; what is no UTF-8 does no harm."""
    reader = _awaiting()
    reader.feed(b"HTTP/1.1 200 OK\r\nETag: one\r\netag: two\r\nX-Raw: \xff\r\nContent-Length: 0\r\n\r\n")
    headers = reader.headers

    assert (headers["ETAG"], headers.get("etag"), headers.get("missing")) == ("one", "one", None)
    assert headers["X-Raw"].encode("utf-8", "surrogateescape") == b"\xff"
    assert (len(headers), list(headers)) == (3, ["etag", "x-raw", "content-length"])
    assert repr(headers) == "<Headers etag, x-raw, content-length>"
