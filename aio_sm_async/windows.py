"""What may be in flight: a window for each endpoint that follows its rate, and one for the whole client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aio_sm_async.clock import Clock
from aio_sm_async.flow import Gate
from aio_sm_async.protocol.drain import DEFAULT_TTL_SECONDS, START_IN_FLIGHT, Drain, Entry
from aio_sm_async.protocol.invocation import Invocation


class EndpointWindow:
    """How much one endpoint may hold. First come, first served, each judged by its own TTL.

    Args:
        clock: Time.
        start: The limit until the endpoint has answered something.

    Attributes:
        limit: How many may be in flight, when it was last asked.
    """

    def __init__(self, clock: Clock, start: int) -> None:
        self.limit = start
        self._clock = clock
        self._drain = Drain(start)
        self._waiters: deque[tuple[asyncio.Future[Entry], float]] = deque()

    def __repr__(self) -> str:
        return f"<EndpointWindow {self._drain.in_flight} of {self.limit}, {len(self._waiters)} waiting>"

    @property
    def is_full(self) -> bool:
        """Whether who comes next must wait."""
        return bool(self._waiters) or self._drain.in_flight >= self.limit

    async def acquire(self, ttl_seconds: float) -> Entry:
        """Wait until there is room, and take it; hand the entry back to `release`."""
        if not self._waiters and self._has_room(ttl_seconds):
            return self.enter_nowait()
        waiter: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        place = (waiter, ttl_seconds)
        self._waiters.append(place)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release()  # room was given at the very moment of the cancel
            else:
                if place in self._waiters:  # an endpoint that answers nothing would gather them for hours
                    self._waiters.remove(place)
                self._admit()  # who comes behind may be content with less
            raise

    def enter_nowait(self) -> Entry:
        """Come in, whether there is room or not."""
        return self._drain.entered(self._clock.monotonic())

    def drained(self, entry: Entry) -> None:
        """The endpoint has answered what came in with this entry; `release` follows."""
        self._drain.completed(entry, self._clock.monotonic())

    def release(self) -> None:
        """Give the room back."""
        self._drain.left(self._clock.monotonic())
        self._admit()

    def turn_away(self, refusal: Callable[[], Exception]) -> None:
        """Who waits gets an error of their own."""
        while self._waiters:
            waiter, _ = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(refusal())

    def _has_room(self, ttl_seconds: float) -> bool:
        self.limit = self._drain.limit(self._clock.monotonic(), ttl_seconds)
        return self._drain.in_flight < self.limit

    def _admit(self) -> None:
        while self._waiters:
            waiter, ttl_seconds = self._waiters[0]
            if waiter.done():
                self._waiters.popleft()
            elif self._has_room(ttl_seconds):
                self._waiters.popleft()
                waiter.set_result(self.enter_nowait())
            else:
                return


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an invocation is in flight."""

    window: EndpointWindow
    entry: Entry | None  # None where nobody knows when it was sent


class Windows:
    """What every invocation passes before it is sent: the window of its endpoint, then that of the client.

    Args:
        max_in_flight: How many may be in flight in all.
        clock: Time.
        start: How many may be in flight at an endpoint that has not answered anything yet.
    """

    def __init__(self, max_in_flight: int, clock: Clock, *, start: int = START_IN_FLIGHT) -> None:
        self._client = Gate(max_in_flight)
        self._clock = clock
        self._start = start
        self._endpoints: dict[str, EndpointWindow] = {}
        self._places: dict[Invocation, _Place] = {}

    def __repr__(self) -> str:
        return f"<Windows {self._client!r} {self._endpoints!r}>"

    @property
    def limits(self) -> dict[str, int]:
        """How many may be in flight at each endpoint now."""
        windows = self._endpoints.copy()  # copied in one step: another thread may ask
        return {name: min(window.limit, self._client.limit) for name, window in windows.items()}

    async def acquire(self, invocation: Invocation, ttl_seconds: float | None) -> None:
        """Wait until it may be in flight; `release` it afterwards, whatever happens.

        Raises:
            Exception: What `close` made.
        """
        self.check_open()
        window = self._window(invocation.endpoint_name)
        entry = await window.acquire(DEFAULT_TTL_SECONDS if ttl_seconds is None else ttl_seconds)
        try:
            await self._client.acquire()
        except BaseException:
            window.release()
            raise
        self._places[invocation] = _Place(window, entry)

    def enter_nowait(self, invocation: Invocation) -> None:
        """It is in flight already, whether there is room or not.

        Raises:
            Exception: What `close` made.
        """
        self._client.enter_nowait()
        window = self._window(invocation.endpoint_name)
        window.enter_nowait()
        self._places[invocation] = _Place(window, None)

    def drained(self, invocation: Invocation) -> None:
        """Its endpoint has worked it off; `release` follows.

        Ignored where it had entered without waiting: nobody here knows when it was sent.
        """
        place = self._places.get(invocation)
        if place is not None and place.entry is not None:
            place.window.drained(place.entry)

    def release(self, invocation: Invocation) -> None:
        """It is in flight no more."""
        self._client.release()
        self._places.pop(invocation).window.release()

    def check_open(self) -> None:
        """Pass, unless they were closed.

        Raises:
            Exception: What `close` made.
        """
        self._client.check_open()

    def close(self, refusal: Callable[[], Exception]) -> None:
        """Let nobody in any more: who waits, and who comes, gets an error of their own."""
        self._client.close(refusal)
        for window in self._endpoints.values():
            window.turn_away(refusal)

    def holding(self, endpoint_name: str) -> str:
        """What keeps an invocation of this endpoint from being sent, and what to do about it."""
        window = self._endpoints.get(endpoint_name)
        if window is not None and window.is_full:
            return (
                f"{endpoint_name} may hold {window.limit} at its rate, and did. Allow more time, send "
                "fewer, or give the endpoint more instances."
            )
        return (
            f"max_in_flight={self._client.limit} were in flight. Allow more time, send fewer, or raise "
            "max_in_flight."
        )

    def _window(self, endpoint_name: str) -> EndpointWindow:
        window = self._endpoints.get(endpoint_name)
        if window is None:
            window = self._endpoints[endpoint_name] = EndpointWindow(self._clock, self._start)
        return window
