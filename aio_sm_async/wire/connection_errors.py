"""The one seam between the HTTP library's errors and ours: was the request sent, or was it not?

What failed before the request could be written to an open connection is certainly not accepted. From then on
bytes may be on their way, and only an answer could tell.
"""

from __future__ import annotations

import socket
import ssl

import aiohttp

from aio_sm_async.errors import AmbiguousError, NotSentError
from aio_sm_async.wire.faults import (
    ClosedBeforeAnswerError,
    ClosedBeforeRequestError,
    ConnectTimeoutError,
    CutOffError,
    NotHttpError,
)

# Whatever the HTTP library and the sockets below it raise; a TimeoutError is an OSError.
CONNECTION_FAILURES = (aiohttp.ClientError, OSError)

_Kinds = type[Exception] | tuple[type[Exception], ...]
_NO_HTTP = "what came back was no HTTP answer"

# The first row that fits speaks: what happened, and what to do next.
_NOT_SENT: tuple[tuple[_Kinds, str, str], ...] = (
    (
        (aiohttp.ClientConnectorDNSError, socket.gaierror),
        "its name could not be resolved",
        "Check the region, the endpoint URL and this machine's DNS",
    ),
    (
        aiohttp.ClientProxyConnectionError,
        "its proxy could not be reached",
        "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
    ),
    (
        aiohttp.ClientHttpProxyError,
        "its proxy refused",
        "Check HTTPS_PROXY, HTTP_PROXY, NO_PROXY and the proxy's credentials",
    ),
    (
        (aiohttp.ClientSSLError, ssl.SSLError),
        "no TLS connection could be agreed on",
        "Check AWS_CA_BUNDLE, and whether a proxy takes TLS apart on the way",
    ),
    (
        (aiohttp.ConnectionTimeoutError, ConnectTimeoutError),
        "no connection was made in time",
        "Check the network, security groups and VPC endpoints on the way",
    ),
    (
        TimeoutError,
        "no connection was free or made in time",
        "Allow more connections or more time, or send less at once",
    ),
    (
        aiohttp.ClientConnectorError,
        "no connection could be made",
        "Check the endpoint URL and the network",
    ),
    (
        (aiohttp.ClientConnectionError, ClosedBeforeRequestError),
        "the connection was closed just before",
        "It had been idle, or was lost",
    ),
    (
        OSError,
        "no connection could be made",
        "Check the endpoint URL and the network",
    ),
    (
        Exception,
        "the HTTP library refused",
        "Check the endpoint URL",
    ),
)
_SENT: tuple[tuple[_Kinds, str], ...] = (
    (TimeoutError, "the answer did not come in time"),
    ((aiohttp.ClientPayloadError, CutOffError), "the answer was cut off"),
    (
        (aiohttp.ServerDisconnectedError, ClosedBeforeAnswerError),
        "the connection was closed before an answer came",
    ),
    (NotHttpError, _NO_HTTP),
    (OSError, "the connection broke"),
    (Exception, _NO_HTTP),
)


def connection_error(error: Exception, host: str, *, sent: bool) -> NotSentError | AmbiguousError:
    """Say in our words what became of a request whose connection failed.

    Args:
        error: What the HTTP library raised; raise the result ``from`` it.
        host: The host that the request was for.
        sent: Whether the peer may have got the whole request when it failed.
    """
    if sent:
        happened = next(words for kind, words in _SENT if isinstance(error, kind))
        return AmbiguousError(
            f"{host} got the request, but {happened}{_details(error)}. It may have been carried out: look "
            "for its effect, or send it again only if twice does no harm."
        )
    happened, remedy = next((words, remedy) for kind, words, remedy in _NOT_SENT if isinstance(error, kind))
    return NotSentError(f"Nothing was sent to {host}: {happened}{_details(error)}. {remedy}, then try again.")


def _details(error: Exception) -> str:
    """The operating system's or the proxy's own words, which hold no URL and no header."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f" (HTTP {error.status})"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f" ({error.certificate_error})"
    if isinstance(error, OSError) and error.errno and error.strerror:
        return f" ({error.strerror})"
    return ""
