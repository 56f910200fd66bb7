"""The bar of `tqdm`, in terminals and in notebooks: an extra, imported once a bar is wanted."""

from __future__ import annotations

from typing import Protocol

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.fanout.progress import FanOutProgress


class ProgressBar:
    """Shows how many items are done, how many of them failed, and how many are in flight.

    tqdm draws it at most ten times a second, however many items there are.

    Args:
        total: How many items there are; None if nobody knows.

    Raises:
        InvalidRequestError: tqdm is not installed.
    """

    def __init__(self, total: int | None) -> None:
        self._make = _factory()
        self._total = total
        self._bar: _Bar | None = None
        self._is_closed = False

    def __call__(self, now: FanOutProgress) -> None:
        """Show the snapshot, soon. The first one puts up the bar."""
        if self._is_closed:
            return
        if self._bar is None:
            self._bar = self._make(total=self._total, unit=" items")
        self._bar.set_postfix_str(f"{now.failed} failed, {now.in_flight} in flight", refresh=False)
        self._bar.update(now.done - self._bar.n)

    def close(self) -> None:
        """Show the last snapshot, and leave the bar as it is."""
        self._is_closed = True
        if self._bar is not None:
            self._bar.close()


class _Bar(Protocol):
    n: int

    def set_postfix_str(self, text: str, *, refresh: bool) -> None: ...

    def update(self, count: int) -> object: ...

    def close(self) -> None: ...


class _Factory(Protocol):
    def __call__(self, *, total: int | None, unit: str) -> _Bar: ...


def _factory() -> _Factory:
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidRequestError(
            "progress",
            "True shows the bar of tqdm, which is not installed",
            'Install it, pip install "aio-sm-async[notebook]", or pass a callback.',
        ) from None
    tqdm.get_lock()  # made with the first bar, and imports more
    factory: _Factory = tqdm
    return factory
