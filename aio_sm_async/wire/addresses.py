"""Where requests go: URLs taken apart as they will be sent, and the rule against plain http."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from aio_sm_async.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """Where a bucket is spoken to.

    Attributes:
        url: Its URL without a slash at the end; keys follow after one.
        region: The region that requests to it are signed for.
    """

    url: str
    region: str


def request_target(url: str) -> tuple[str, str, str]:
    """The host, path and query of ``url``, each exactly as it goes on the wire."""
    rest = url.partition("://")[2]
    target, _, query = rest.partition("?")
    host, slash, path = target.partition("/")
    return host, slash + path or "/", query


def secure_url(url: str, *, named: str) -> str:
    """Return ``url`` without slashes at its end, if what is signed for it cannot be overheard on the way.

    Args:
        url: An absolute URL.
        named: What the URL is to the user, for the error's first words.

    Raises:
        ConfigurationError: It is no http URL, or a plain one that leaves this machine.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.username is not None:
        raise ConfigurationError(f"{named} is not an https URL of a host. Write it as https://host.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError(
            f"{named} ({parts.scheme}://{host}) would send payloads and signatures in clear text. Use https; "
            "plain http is for servers on this machine only."
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
