"""Where a connection goes to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme, a host and a port.

    Attributes:
        host: The name or the address, without the brackets of an IPv6 one.
        port: The port.
        is_tls: Whether it is spoken to by TLS.
    """

    host: str
    port: int
    is_tls: bool


def origin_of(url: str) -> Origin:
    """The origin of an http or https URL."""
    return _parse(url[:end] if (end := url.find("/", 8)) > 0 else url)


@lru_cache(maxsize=1024)
def _parse(url: str) -> Origin:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    assert parts.hostname is not None
    return Origin(parts.hostname, parts.port or (443 if is_tls else 80), is_tls)
