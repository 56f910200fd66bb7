"""The first bytes of a request."""

from __future__ import annotations

import pytest

from aio_sm_async.version import __version__
from aio_sm_async.wire.http1.request_head import encode_head

AGENT = f"User-Agent: aio-sm-async/{__version__}\r\n".encode()


def test_a_head_is_what_was_signed_and_no_more() -> None:
    """The length of the body, and who we are."""
    head = encode_head("POST", "h:1", "/a%2F?b=c", {"Host": "other", "X-A": "ä\tb"}, 7)

    assert (
        head
        == (b"POST /a%2F?b=c HTTP/1.1\r\nHost: other\r\nX-A: " + "ä\tb".encode() + b"\r\n" + AGENT)
        + b"Content-Length: 7\r\n\r\n"
    )


@pytest.mark.parametrize(("method", "length"), [("GET", b""), ("PUT", b"Content-Length: 0\r\n")])
def test_only_what_could_have_a_body_says_that_it_has_none(method: str, length: bytes) -> None:
    """A host is always named."""
    head = encode_head(method, "h:1", "/", {}, 0)

    assert head == method.encode() + b" / HTTP/1.1\r\nHost: h:1\r\n" + AGENT + length + b"\r\n"


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "/", {}),
        ("GET", "/ HTTP/1.1", {}),
        ("GET", "/\r\nX: y", {}),
        ("GET", "/", {"A": "b\r\nX-Evil: 1"}),
        ("GET", "/", {"A": "b\nX-Evil: 1"}),
        ("GET", "/", {"A": "\x00"}),
        ("GET", "/", {"A: b\r\nX": "1"}),
        ("GET", "/", {"A ": "1"}),
        ("GET", "/", {"": "1"}),
    ],
)
def test_nothing_ends_its_own_line(method: str, target: str, headers: dict[str, str]) -> None:
    """No request can be smuggled in behind another."""
    with pytest.raises(ValueError, match=r"a (method or a URL|header)"):
        encode_head(method, "h", target, headers, 0)
