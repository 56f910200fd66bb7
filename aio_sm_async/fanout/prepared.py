"""An item's request once it is checked, and whoever checks it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aio_sm_async.fanout.backlog import Review
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.flight import AnyFuture


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is checked and ready to be sent.

    Attributes:
        size_bytes: What is held in memory until it is sent.
        send: Sends it; returns once it is accepted, or once nobody knows; None if an earlier process has
            handed out its outcome.
        repeat: The same request once more, for a second try; None if its payload can be read only once.
        review: Looks at its outcome before it is settled, and tells what it is; None to take it as it is.
        is_left_out: Its turn passes without it: it is finished, and not wanted.
    """

    size_bytes: int
    send: Callable[[], Awaitable[AnyFuture | None]]
    repeat: InferenceRequest | None = None
    review: Review | None = None
    is_left_out: bool = False


class Prepare(Protocol):
    """Checks one request, and makes it ready; its key is given apart."""

    def __call__(
        self,
        request: InferenceRequest,
        key: str | None,
        index: int = 0,
        /,
        *,
        replaces: AnyFuture | None = None,
    ) -> Prepared:
        """The request, in place of an attempt that failed; what it raises is the item's outcome."""
        ...
