"""Keeps tests on this machine."""

from __future__ import annotations

import ipaddress
import sys


class LeftThisMachineError(Exception):
    """A test asked for an address that is not on this machine."""


class LoopbackGuard:
    """Refuses to connect to, or to look up, whatever is not loopback, and remembers the attempt.

    It listens to the interpreter's own audit events, so that no library gets past it. The attempt is
    remembered because the code under test may well turn the refusal into an error of its own.
    """

    def __init__(self) -> None:
        self._refused: list[str] = []

    def watch(self) -> None:
        """Begin. An audit hook stays until the interpreter ends."""
        sys.addaudithook(self._hear)

    def refused(self) -> list[str]:
        """The hosts that were refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else None  # a path: a socket of this machine
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        if not is_loopback(host):
            self._refused.append(str(host))
            raise LeftThisMachineError(f"{event} of {host!r}: tests speak to this machine only")


def is_loopback(host: object) -> bool:
    """Whether a connection to the host stays on this machine."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
