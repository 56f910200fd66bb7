"""What every source of completions is, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Protocol

from aio_sm_async.protocol.invocation import Delivery


class Inbox(Protocol):
    """Whoever wants to know which invocations ended."""

    def deliver(self, delivery: Delivery) -> None:
        """Take note of a completion, at once. Any order, any number of times; strangers' too."""
        ...

    async def wait_pending(self) -> None:
        """Return once something is in flight: until then nobody needs to listen."""
        ...

    def source_failed(self, source: str, error: Exception) -> None:
        """The source cannot be read; it goes on trying."""
        ...

    def source_recovered(self, source: str) -> None:
        """The source can be read again."""
        ...


Pump = Callable[[Inbox], Coroutine[object, object, None]]


class CompletionSource(Protocol):
    """Where completions come from: a queue, a webhook, S3."""

    name: str

    async def open(self) -> None:
        """Check what can be checked before the first request is sent.

        Raises:
            ConfigurationError: It can be seen already that completions would be lost.
        """
        ...

    def pumps(self) -> Mapping[str, Pump]:
        """The endless tasks that keep it going, by name. Each may be cancelled and started anew."""
        ...

    async def quiesce(self) -> None:
        """Listen no more; return once nothing can get lost between its server and here."""
        ...

    async def aclose(self) -> None:
        """Send what is still to be sent. Its pumps have been cancelled before."""
        ...
