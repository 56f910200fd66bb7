"""URLs, taken apart and judged."""

from __future__ import annotations

import pytest

from aio_sm_async.errors import ConfigurationError
from aio_sm_async.wire.addresses import request_target, secure_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host", ("host", "/", "")),
        ("https://host/", ("host", "/", "")),
        ("https://host:8443/a//b/?x=1&y", ("host:8443", "/a//b/", "x=1&y")),
        ("https://host?list-type=2&prefix=a/b", ("host", "/", "list-type=2&prefix=a/b")),
    ],
)
def test_a_url_is_taken_apart_as_it_is_sent(url: str, expected: tuple[str, str, str]) -> None:
    """Host with port, path and query, nothing normalised."""
    assert request_target(url) == expected


@pytest.mark.parametrize(
    "url",
    ["https://host", "http://127.0.0.1:5000", "http://localhost:1", "http://[::1]:9", "http://127.8.8.8"],
)
def test_https_goes_anywhere_and_http_stays_here(url: str) -> None:
    """The slash at the end is dropped."""
    assert secure_url(f"{url}/", named="It") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "host:443",
        "https://",
        "https://user:secret@host",
        "https://host:port",
        "https://[::1",
    ],
)
def test_what_could_be_overheard_or_is_no_url_is_refused(url: str) -> None:
    """The error names what it is about, and quotes no password."""
    with pytest.raises(ConfigurationError, match=r"^The queue URL") as caught:
        secure_url(url, named="The queue URL")
    assert "secret" not in str(caught.value)
