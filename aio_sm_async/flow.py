"""How much is let out at once: gates with a limit that may move, and a pause that all share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aio_sm_async.clock import Clock
from aio_sm_async.protocol.backoff import full_jitter
from aio_sm_async.protocol.even_rate import EvenRate
from aio_sm_async.protocol.limiter import AdaptiveLimit


class Gate:
    """A semaphore whose limit may change while it is in use. First come, first served."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._refusal: Callable[[], Exception] | None = None

    def __repr__(self) -> str:
        return f"<Gate {self._inside} of {self._limit} inside, {len(self._waiters)} waiting>"

    @property
    def inside(self) -> int:
        """How many are inside."""
        return self._inside

    @property
    def limit(self) -> int:
        """How many may be inside. Lowering it sends nobody out."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._admit()

    async def acquire(self, *, again: bool = False) -> None:
        """Wait until there is room, and take it. Who comes again waits for one other only, not for all."""
        self.check_open()
        if self._inside < self._limit:  # nobody waits while there is room
            self._inside += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        if again:
            self._waiters.insert(1, waiter)  # not at the head: it may be refused for ever, and block all
        else:
            self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release()  # room was given at the very moment of the cancel
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    def enter_nowait(self) -> None:
        """Come in, whether there is room or not: for what cannot be kept outside.

        Raises:
            Exception: What `close` made.
        """
        self.check_open()
        self._inside += 1

    def release(self) -> None:
        """Give the room back."""
        self._inside -= 1
        self._admit()

    def check_open(self) -> None:
        """Pass, unless the gate was closed.

        Raises:
            Exception: What `close` made.
        """
        if self._refusal is not None:
            raise self._refusal()

    def close(self, refusal: Callable[[], Exception]) -> None:
        """Let nobody in any more: who waits, and who comes, gets an error of their own."""
        self._refusal = refusal
        self.turn_away(refusal)

    def turn_away(self, refusal: Callable[[], Exception]) -> None:
        """Who waits gets an error of their own; who comes later may wait."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(refusal())

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def _admit(self) -> None:
        while self._waiters and self._inside < self._limit:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._inside += 1
                waiter.set_result(None)


class Quiet:
    """Waits until everybody who entered has left."""

    def __init__(self) -> None:
        self._inside = 0
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    def __enter__(self) -> None:
        self.enter()

    def __exit__(self, *_: object) -> None:
        self.leave()

    def enter(self) -> None:
        """One more."""
        self._inside += 1
        self._is_quiet.clear()

    def leave(self) -> None:
        """One less."""
        self._inside -= 1
        if not self._inside:
            self._is_quiet.set()

    async def wait(self) -> None:
        """Return once nobody is inside."""
        await self._is_quiet.wait()


class Underway(Quiet):
    """Work of the callers' own tasks: it can be waited for, and cut short with an error that says why."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: set[asyncio.Task[object]] = set()
        self._is_cut = False

    @contextmanager
    def work(self, refusal: Callable[[], Exception]) -> Iterator[None]:
        """A piece of work; if it is cut short, ``refusal`` makes the error that its caller gets."""
        task = asyncio.current_task()
        assert task is not None
        cancels = task.cancelling()
        self._tasks.add(task)
        self.enter()
        try:
            yield
        except asyncio.CancelledError:
            if self._is_cut and task.uncancel() <= cancels:  # the cancel was ours, not the caller's
                raise refusal() from None
            raise
        finally:
            self._tasks.discard(task)
            self.leave()

    def cut(self) -> None:
        """Cut short what is under way."""
        self._is_cut = True
        for task in self._tasks:
            task.cancel()


class SubmitPermits:
    """The semaphore that every request to SageMaker passes, lowered by throttling.

    A throttled answer halves the limit and makes all requests pause, longer with each in a row: a burst that
    is refused costs one round of refusals, not one for each request that waits.

    Args:
        ceiling: How many may be open at most.
        clock: Time.
        patience_seconds: After so long without any other answer than refusals, there is no hope.
        rate: How many requests may begin each second; None for as many as there are permits.
    """

    def __init__(
        self, ceiling: int, clock: Clock, *, patience_seconds: float = 120.0, rate: EvenRate | None = None
    ) -> None:
        self._gate = Gate(ceiling)
        self._limit = AdaptiveLimit(ceiling)
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._rate = rate
        # Of those that hold a permit one waits for its turn, the others for that one.
        self._turnstile = asyncio.Lock()
        self._refusals = 0
        self._paused_until = 0.0
        # The first and the last refusal since SageMaker said anything else.
        self._refused_since: float | None = None
        self._refused_at = 0.0

    def __repr__(self) -> str:
        return f"<SubmitPermits {self._gate.inside} of {self._gate.limit} open>"

    @property
    def limit(self) -> int:
        """How many requests may be open at once now."""
        return self._gate.limit

    @property
    def open(self) -> int:
        """How many requests are open."""
        return self._gate.inside

    @property
    def is_hopeless(self) -> bool:
        """Whether SageMaker has refused everything for so long that waiting is in vain."""
        if self._refused_since is None:
            return False
        return self._refused_at - self._refused_since >= self._patience_seconds

    async def acquire(self, *, again: bool = False) -> None:
        """Wait for a permit, the end of a pause, and a turn. Who was refused before waits for one other only.

        Raises:
            Exception: What `turn_away` made, while it waited.
        """
        await self._gate.acquire(again=again)
        try:
            if self._rate is None:
                await self._wait_out_pause()
            else:
                async with self._turnstile:
                    await self._wait_turn(self._rate)
        except BaseException:
            self._gate.release()
            raise

    def release(self) -> None:
        """Give the permit back."""
        self._gate.release()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def answered(self) -> None:
        """SageMaker said something else than that this was one too many."""
        self._refused_since = None

    def succeeded(self) -> None:
        """A request was accepted."""
        self.answered()
        self._refusals = 0
        self._limit.succeeded(self._clock.monotonic())
        if self._limit.limit != self._gate.limit:
            self._gate.limit = self._limit.limit

    def refused(self, dice: float) -> None:
        """A request was refused as one too many."""
        now = self._clock.monotonic()
        self._limit.throttled(now)
        self._gate.limit = self._limit.limit
        if self._refused_since is None or now - self._refused_at > self._patience_seconds:
            self._refused_since = now  # if nobody asked for long, nobody knows what was in between
        self._refused_at = now
        if now >= self._paused_until:
            self._refusals += 1
            self._pause(now, 0.1 + full_jitter(self._refusals, (1 + dice) / 2))

    def turn_away(self, refusal: Callable[[], Exception]) -> None:
        """Who waits for a permit gets an error of their own."""
        self._gate.turn_away(refusal)

    async def _wait_out_pause(self) -> None:
        while (until := self._paused_until) > self._clock.monotonic():
            await self._clock.sleep_until(until)

    async def _wait_turn(self, rate: EvenRate) -> None:
        while True:
            now = self._clock.monotonic()
            until = max(self._paused_until, rate.ready_at(now))
            if until <= now:
                rate.take(now)
                return
            await self._clock.sleep_until(until)

    def _pause(self, now: float, seconds: float) -> None:
        assert self._refused_since is not None
        end_of_hope = self._refused_since + self._patience_seconds
        until = now + seconds
        # The last attempt is made when hope ends, not a pause later.
        self._paused_until = min(until, end_of_hope) if now < end_of_hope else until
