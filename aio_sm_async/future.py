"""The awaitable that stands for one invocation.

It is no `asyncio.Future`: a waiter that is cancelled must leave the invocation alive, since others may wait
for it too and SageMaker has no cancel anyway. It speaks asyncio's words, and `as_asyncio` makes a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from enum import Enum
from types import TracebackType
from typing import Generic, Protocol, TypeVar, cast

from aio_sm_async.errors import AbandonedError
from aio_sm_async.protocol.invocation import Invocation, State
from aio_sm_async.protocol.location import S3Location

T = TypeVar("T")


class FutureOwner(Protocol):
    """Whoever settles the future, and wants to know what becomes of it."""

    def abandon(self, invocation: Invocation) -> None:
        """Its caller has given it up, for good. Called from the loop."""
        ...

    def let_go(self, invocation: Invocation) -> None:
        """Nobody here waits for it any more. Called from the loop."""
        ...

    def let_go_threadsafe(self, invocation: Invocation) -> None:
        """The same, from a garbage collector's thread; also where an outcome came and was never taken."""
        ...

    def consumed(self, invocation: Invocation) -> None:
        """The caller has taken the outcome, for the first time."""
        ...

    def keep(self, future: InferenceFuture[object]) -> None:
        """Hold the future until it is settled: somebody wants to be called back."""
        ...

    def unkeep(self, inference_id: str) -> None:
        """Hold it no longer: nobody wants to be called back any more."""
        ...

    def token_of(self, invocation: Invocation) -> str:
        """The token that names the invocation for other processes."""
        ...


class _Phase(Enum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    ABANDONED = "abandoned"


class InferenceFuture(Generic[T]):
    """One submitted invocation: await it, as often as you like and from as many tasks as you like.

    A cancelled waiter leaves it alive. When nobody holds it any more, it is abandoned by itself.

    Attributes:
        inference_id: The invocation's id, as in SageMaker's logs and notifications.
        endpoint_name: Where it runs.
    """

    __slots__ = (
        "__weakref__",
        "_callbacks",
        "_error",
        "_invocation",
        "_is_consumed",
        "_loop",
        "_owner",
        "_phase",
        "_traceback",
        "_value",
        "_waiters",
        "endpoint_name",
        "inference_id",
    )

    def __init__(self, invocation: Invocation, owner: FutureOwner, loop: asyncio.AbstractEventLoop) -> None:
        self.inference_id = invocation.inference_id
        self.endpoint_name = invocation.endpoint_name
        self._invocation = invocation
        self._owner = owner
        self._loop = loop
        self._phase = _Phase.PENDING
        self._value: T | None = None
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._is_consumed = False
        self._waiters: list[asyncio.Future[None]] | None = None
        self._callbacks: list[Callable[[InferenceFuture[T]], object]] | None = None

    def __repr__(self) -> str:
        phase = self._invocation.state.value if self._phase is _Phase.PENDING else self._phase.value
        return f"<InferenceFuture {self.inference_id} on {self.endpoint_name}: {phase}>"

    @property
    def object_name(self) -> str:
        """What its objects in S3 and its line in the journal are named after; never used twice."""
        return self._invocation.object_name or self.inference_id

    @property
    def key(self) -> str | None:
        """What the caller calls it: the key of its item in a fan-out; None if it has none."""
        return self._invocation.key

    @property
    def accepted(self) -> bool | None:
        """True once SageMaker answered 202, None while nobody knows, False if it never did."""
        match self._invocation.state:
            case State.REGISTERED | State.REJECTED:
                return False
            case State.AMBIGUOUS:
                return None
            case State.ABANDONED if self._invocation.output_location is None:
                return None
            case _:
                return True

    @property
    def may_be_duplicate(self) -> bool:
        """Whether it was sent again without an answer to the first request, and may have run twice."""
        return self._invocation.resends > 0

    @property
    def output_location(self) -> S3Location | None:
        """Where SageMaker said that the result will lie; None until it is accepted."""
        return self._invocation.output_location

    @property
    def failure_location(self) -> S3Location | None:
        """Where SageMaker said that a failure will lie; None until accepted, or without a failure path."""
        return self._invocation.failure_location

    @property
    def token(self) -> str:
        """A line of JSON that names this invocation in any process: keep it where you keep your jobs."""
        return self._owner.token_of(self._invocation)

    def done(self) -> bool:
        """Whether it has its outcome."""
        return self._phase is not _Phase.PENDING

    def cancelled(self) -> bool:
        """Whether it was abandoned, which is the nearest to a cancel that there is."""
        return self._phase is _Phase.ABANDONED

    def result(self) -> T:
        """The result.

        Raises:
            asyncio.InvalidStateError: There is no outcome yet.
            InferenceError: The invocation ended without a result.
        """
        if self._phase is _Phase.PENDING:
            raise asyncio.InvalidStateError("no outcome yet: await the future")
        self._consume()
        if self._error is not None:
            # Raised for each waiter anew: without this, each would add its frames to those of all before.
            raise self._error.with_traceback(self._traceback)
        return cast("T", self._value)

    def exception(self) -> BaseException | None:
        """The error that it ended with; None if it has a result.

        Raises:
            asyncio.InvalidStateError: There is no outcome yet.
        """
        if self._phase is _Phase.PENDING:
            raise asyncio.InvalidStateError("no outcome yet: await the future")
        self._consume()
        return self._error

    def __await__(self) -> Generator[object, None, T]:
        """Wait for the outcome. Cancelling the waiter leaves the invocation alive."""
        if self._phase is _Phase.PENDING:
            waiter = self._loop.create_future()
            if self._waiters is None:
                self._waiters = []
            self._waiters.append(waiter)
            try:
                yield from waiter
            finally:
                if self._waiters is not None:
                    with contextlib.suppress(ValueError):
                        self._waiters.remove(waiter)
        return self.result()

    async def wait(self) -> T:
        """Wait for the outcome: a coroutine, for `asyncio.TaskGroup.create_task`."""
        return await self

    def as_asyncio(self) -> asyncio.Future[T]:
        """A real `asyncio.Future` with the same outcome, for `asyncio.wait` and its like.

        Cancelling it leaves the invocation alive, if somebody else still holds this future.
        """
        twin: asyncio.Future[T] = self._loop.create_future()

        def copy(done: InferenceFuture[T]) -> None:
            if twin.done():
                return
            error = done.exception()
            if error is not None:
                twin.set_exception(error)
                twin.exception()  # an unread twin is no unread error: the outcome stands in this future
            else:
                twin.set_result(done.result())

        def let_go(done: asyncio.Future[T]) -> None:
            if done.cancelled():
                self.remove_done_callback(copy)

        self.add_done_callback(copy)
        twin.add_done_callback(let_go)
        return twin

    def add_done_callback(self, callback: Callable[[InferenceFuture[T]], object]) -> None:
        """Call ``callback(future)`` from the loop once there is an outcome; soon, if there is one.

        Until then the client keeps the future, so that it is not abandoned.
        """
        if self.done():
            self._loop.call_soon(callback, self)
            return
        if self._callbacks is None:
            self._callbacks = []
            self._owner.keep(cast("InferenceFuture[object]", self))
        self._callbacks.append(callback)

    def remove_done_callback(self, callback: Callable[[InferenceFuture[T]], object]) -> int:
        """Call it no more; returns how many registrations were removed."""
        callbacks = self._callbacks
        if not callbacks:
            return 0
        kept = [each for each in callbacks if each != callback]
        self._callbacks = kept or None
        if not kept:
            self._owner.unkeep(self.inference_id)
        return len(callbacks) - len(kept)

    def abandon(self) -> None:
        """Stop to care: waiters get `AbandonedError`, the slot is free, a late answer is dropped.

        SageMaker has no cancel: the inference may still run, and be paid for.
        """
        if self.done():
            return
        self._owner.abandon(self._invocation)
        self._finish_abandoned("abandon() was called")

    def let_go(self, callback: Callable[[InferenceFuture[T]], object]) -> None:
        """Call it no more; if nobody else waits, stop to wait. For the client: a journal remembers it."""
        if self.done():
            return
        self.remove_done_callback(callback)
        if self._callbacks or self._waiters:
            return
        self._owner.let_go(self._invocation)
        self._finish_abandoned("nobody waited for it any more")

    def settle(self, value: T) -> None:
        """Give it its result. For the client; a second outcome is ignored."""
        if not self.done():
            self._finish(_Phase.DONE, value, None)

    def fail(self, error: BaseException) -> None:
        """Give it its error. For the client; a second outcome is ignored."""
        if not self.done():
            self._finish(_Phase.FAILED, None, error)

    def _finish_abandoned(self, reason: str) -> None:
        self._is_consumed = True  # there is nothing to take
        error = AbandonedError(self.inference_id, self.endpoint_name, reason)
        self._finish(_Phase.ABANDONED, None, error)

    def _finish(self, phase: _Phase, value: T | None, error: BaseException | None) -> None:
        self._phase, self._value, self._error = phase, value, error
        self._traceback = error.__traceback__ if error is not None else None
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            self._loop.call_soon(callback, self)

    def _consume(self) -> None:
        if not self._is_consumed:
            self._is_consumed = True
            self._owner.consumed(self._invocation)

    def __del__(self) -> None:
        if not self._is_consumed and not self._loop.is_closed():
            self._owner.let_go_threadsafe(self._invocation)
