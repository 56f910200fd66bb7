"""What every emulated service is: a name, an operation for each call, an answer.

The server reads the HTTP request, verifies its signature and finds the service by the signing name in the
credential scope. The services know nothing of HTTP servers: a `Call` goes in, a `Reply` comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Call:
    """One verified request.

    Attributes:
        method: The HTTP method.
        path: The path, percent-decoded, with its leading slash.
        query: The query's parameters, decoded; a parameter without a value is the empty string.
        headers: The headers, by lower-case name.
        body: The whole body (``aws-chunked`` framing already removed).
        region: The region that the caller signed for.
        access_key_id: Who signed.
        base_url: The URL that the server listens at, without a trailing slash.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    region: str
    access_key_id: str
    base_url: str


@dataclass(slots=True)
class Reply:
    """What goes back: the server adds the request id, the length and, where told, trouble."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class ServiceFault(Exception):  # noqa: N818 - it is an answer, not a defect
    """An AWS error on its way out; each service renders it in its own protocol."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


class Service(Protocol):
    """One emulated AWS service."""

    signing_name: str

    def operation(self, call: Call) -> str:
        """The AWS operation that the call asks for, such as ``ReceiveMessage``; ``Unknown`` if none."""
        ...

    async def answer(self, call: Call) -> Reply:
        """Do what the call asks.

        Raises:
            ServiceFault: It cannot be done; the server lets `render` put it into words.
        """
        ...

    def render(self, fault: ServiceFault) -> Reply:
        """The fault as this service's protocol writes errors."""
        ...
