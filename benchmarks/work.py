"""What every contender has to do: payloads in, the same bytes out, each checked."""

from __future__ import annotations

import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

Settings = Mapping[str, int]
"""What is swept: pools, pollers, threads."""

_NUMBER_BYTES = 16


class WrongBytesError(Exception):
    """A contender handed back something else than it was given; the whole run fails."""


class Work:
    """So many payloads, each unlike the others, handed out once; and what came back of them.

    Args:
        inferences: How many.
        payload_bytes: How long each is.
    """

    def __init__(self, inferences: int, payload_bytes: int) -> None:
        self._rest = _rest(payload_bytes - _NUMBER_BYTES)
        self._payloads = ((number, b"%016d" % number + self._rest) for number in range(inferences))
        self._open = set(range(inferences))
        self._turn = threading.Lock()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return self._payloads  # one for all workers: each payload goes to one of them

    def take(self) -> tuple[int, bytes] | None:
        """The next payload, for threads: a generator serves one at a time; None after the last."""
        with self._turn:
            return next(self._payloads, None)

    @property
    def is_done(self) -> bool:
        """Whether each payload came back."""
        return not self._open

    def check(self, number: int, result: bytes) -> None:
        """Take the result of one payload.

        Raises:
            WrongBytesError: It is another's, is changed, or came before.
        """
        if (
            len(result) != _NUMBER_BYTES + len(self._rest)
            or result[:_NUMBER_BYTES] != b"%016d" % number
            or not result.endswith(self._rest)
        ):
            raise WrongBytesError(
                f"payload {number} came back as {bytes(result[:40])!r}…, {len(result)} bytes"
            )
        if number not in self._open:
            raise WrongBytesError(f"payload {number} came back twice")
        self._open.remove(number)

    def check_any(self, result: bytes) -> None:
        """Take a result of which nobody knows whose it is, by the number that it carries."""
        head = result[:_NUMBER_BYTES]
        self.check(int(head) if head.isdigit() else -1, result)


Run = Callable[[Work], Awaitable[None]]
"""Does all of a `Work`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender works: the server, and the names that are its own.

    Attributes:
        url: The server.
        owner: Its endpoint, its queue and its bucket, all three of one name.
        ca_file: What to trust over TLS; None without.
        scratch: A directory of its own.
    """

    url: str
    owner: str
    ca_file: str | None
    scratch: str

    @property
    def queue_url(self) -> str:
        """The queue that hears of the endpoint's results."""
        return f"{self.url}/000000000000/{self.owner}"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the work.

    Attributes:
        open: Makes ready, hands out what does the work, and cleans up again.
    """

    open: Callable[[Place, Settings], AsyncIterator[Run]]

    def opened(self, place: Place, settings: Settings) -> AbstractAsyncContextManager[Run]:
        """`open`, to be used with ``async with``."""
        return asynccontextmanager(self.open)(place, settings)


@lru_cache
def _rest(size: int) -> bytes:
    return random.Random(size).randbytes(size)
