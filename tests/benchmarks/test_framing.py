"""What the server understands of HTTP."""

from __future__ import annotations

import pytest

from benchmarks.framing import HeaderText, decode_chunked

HEAD = HeaderText(
    "POST /x HTTP/1.1\r\nHost: here\r\nX-Amz-Target:AmazonSQS.ReceiveMessage\r\nContent-Length: 3"
)


@pytest.mark.parametrize(
    ("name", "value"),
    [("host", "here"), ("x-amz-target", "AmazonSQS.ReceiveMessage"), ("content-length", "3"), ("target", "")],
)
def test_headers_are_found_by_their_whole_name(name: str, value: str) -> None:
    """Case does not matter, a space after the colon neither, and a part of a name finds nothing."""
    assert HEAD.get(name) == value
    assert (name in HEAD) == bool(value)
    assert HEAD.first_line == "POST /x HTTP/1.1"


def test_chunks_become_a_body() -> None:
    """Sizes are hexadecimal; signatures behind them, and trailers, are passed over."""
    data = b"A;chunk-signature=0\r\n0123456789\r\n3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"

    assert decode_chunked(data) == b"0123456789abc"
