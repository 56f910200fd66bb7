"""Bytes become lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.cli.sources.lines import OVERLONG, LineSplitter


@given(st.binary(max_size=200), st.lists(st.integers(1, 20), max_size=50))
def test_blocks_of_any_size_give_the_same_lines(content: bytes, sizes: list[int]) -> None:
    """However the bytes are cut into blocks, the lines are those of the whole."""
    splitter, lines, rest = LineSplitter(), [], content
    for size in sizes:
        lines += splitter.feed(rest[:size])
        rest = rest[size:]
    lines += splitter.feed(rest) + splitter.rest()
    whole = LineSplitter()

    assert whole.feed(content) + whole.rest() == lines


def test_ends_of_lines() -> None:
    """Windows' line ends are ends, and so is the end of the bytes."""
    splitter = LineSplitter()

    assert splitter.feed(b"a\r\nb\n\nc") + splitter.rest() == [b"a", b"b", b"", b"c"]


def test_a_mark_of_the_byte_order_is_no_content() -> None:
    """What Windows' editors put before UTF-8 is dropped, and only there."""
    splitter = LineSplitter()

    assert splitter.feed(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n") == [b"a", b"\xef\xbb\xbfb"]


def test_a_mark_may_come_in_pieces() -> None:
    """However small the blocks are; and what only begins like one is content."""
    cut, whole, like_one = LineSplitter(), LineSplitter(), LineSplitter()

    assert cut.feed(b"\xef") + cut.feed(b"\xbb") + cut.feed(b"\xbfa\n") == [b"a"]
    assert whole.feed(b"\xef\xbb\xbf") + whole.rest() == []
    assert like_one.feed(b"\xef") + like_one.feed(b"\xbb") + like_one.rest() == [b"\xef\xbb"]


def test_a_line_that_is_too_long_is_not_held() -> None:
    """A line beyond the limit is told as such, and the next line is whole again."""
    splitter = LineSplitter(max_line_bytes=4)

    assert splitter.feed(b"12345") == []
    assert splitter.feed(b"6\n1234\n") == [OVERLONG, b"1234"]
    assert splitter.feed(b"12345") + splitter.rest() == [OVERLONG]
