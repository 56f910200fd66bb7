"""A fan-out on its own: a source that counts, and an endpoint that answers when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Self, TypeVar, Unpack

from aio_sm_async.clock import Clock, SystemClock
from aio_sm_async.codecs import decode_body
from aio_sm_async.errors import InferenceFailedError, InvalidRequestError
from aio_sm_async.fanout.backlog import Result
from aio_sm_async.fanout.fan_out import FanOut, FanOuts
from aio_sm_async.fanout.intake import Source
from aio_sm_async.fanout.options import FanOutOptions
from aio_sm_async.fanout.outcome import InferenceOutcome
from aio_sm_async.fanout.prepared import Prepared
from aio_sm_async.fanout.presentation import present_all, present_either, present_result
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.flight import AnyFuture
from aio_sm_async.future import InferenceFuture
from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.invocation import Invocation, State
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.results import Downloads, InferenceResult, ResponseBody
from aio_sm_async.supervision import Supervisor
from tests.bucket import Bucket, Stored

BAD, REFUSED, ONCE = "bad", "refused", "once"

T = TypeVar("T")


class ReadBucket(Bucket):
    """A bucket in which something else happens while it is read."""

    when_read: Callable[[], Awaitable[None]] | None = None

    async def get(self, location: S3Location, *, limit_bytes: int | None = None) -> Stored:
        if self.when_read is not None:
            await self.when_read()
        return await super().get(location, limit_bytes=limit_bytes)


class Stage:
    """Everything below a fan-out: it takes requests, and settles them when it is told to.

    Attributes:
        in_flight: The futures that wait for their outcome, by what was sent.
        taken: The inference ids whose outcome was taken.
        abandoned: Those that were abandoned.
        answers: Wait for it before a request is accepted, where it is set.
        closed: What every request is refused with, where it is set.
        refuses: Whether nothing is good enough any more.
        state: What a request is once it was sent.
        bucket: Where responses lie.
        writes_to_s3: Whether they do.
    """

    def __init__(
        self, *, max_in_flight: int = 1000, max_concurrent_requests: int = 4, clock: Clock | None = None
    ) -> None:
        self.in_flight: dict[object, AnyFuture] = {}
        self.taken: list[str] = []
        self.abandoned: list[str] = []
        self.answers: asyncio.Event | None = None
        self.closed: Exception | None = None
        self.state = State.ACCEPTED
        self.refuses = False
        self.sent = 0
        self.sending = 0
        self.most_sending = 0
        self.bucket = ReadBucket()
        self.writes_to_s3 = True
        clock = clock or SystemClock()
        self.supervisor = Supervisor(clock)
        self.fan_outs = FanOuts(
            self.supervisor,
            clock,
            max_in_flight=max_in_flight,
            max_concurrent_requests=max_concurrent_requests,
        )
        self._kept: dict[str, InferenceFuture[object]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.supervisor.aclose()
        await self.fan_outs.aclose()

    # What a fan-out is told to do

    def map(self, source: Source, **options: Unpack[FanOutOptions]) -> FanOut[Result]:
        return self.fan_outs.open(source, options, self.prepare, present_result, in_order=True)

    def map_either(self, source: Source, **options: Unpack[FanOutOptions]) -> FanOut[Result | Exception]:
        return self.fan_outs.open(source, options, self.prepare, present_either, in_order=True)

    def as_completed(
        self, source: Source, **options: Unpack[FanOutOptions]
    ) -> FanOut[InferenceOutcome[Result]]:
        return self.fan_outs.open(source, options, self.prepare, present_all, in_order=False)

    def prepare(
        self, request: InferenceRequest, key: str | None = None, index: int = 0, *, replaces: object = None
    ) -> Prepared:
        """Refuses what begins with ``bad``."""
        if self.refuses or str(request.payload).startswith(BAD):
            raise InvalidRequestError("payload", "is bad", "Give a good one.")
        size_bytes = len(request.payload) if isinstance(request.payload, bytes) else 0
        repeat = None if str(request.payload).startswith(ONCE) else request
        return Prepared(size_bytes, partial(self.send, request.payload), repeat)

    async def send(self, payload: object) -> AnyFuture:
        """Accepts all but what begins with ``refused``."""
        self.sending += 1
        self.most_sending = max(self.most_sending, self.sending)
        try:
            await (self.answers.wait() if self.answers else asyncio.sleep(0))
        finally:
            self.sending -= 1
        if self.closed is not None:
            raise self.closed
        if str(payload).startswith(REFUSED):
            raise ConnectionError("refused")
        invocation = Invocation(f"id-{payload!r}", "endpoint", 60.0, state=self.state)
        future: AnyFuture = InferenceFuture(invocation, self, asyncio.get_running_loop())
        self.in_flight[payload] = future
        self.sent += 1
        return future

    # What the test does

    async def settle(self, *payloads: object, size_bytes: int = 1) -> None:
        """The model has answered these."""
        for payload in payloads:
            self.in_flight.pop(payload).settle(self.result(payload, size_bytes=size_bytes))
        await asyncio.sleep(0)

    def answer(self, payload: object, body: bytes) -> None:
        """The model has answered with this."""
        result = self.result(payload)
        result._body = ResponseBody(body, "application/jsonlines", len(body))
        self.in_flight.pop(payload).settle(result)

    async def fail(self, payload: object, *, response: bytes = b"") -> None:
        """The model has failed on this."""
        error = InferenceFailedError(f"id-{payload!r}", "endpoint", "smudged", response=response)
        self.in_flight.pop(payload).fail(error)
        await asyncio.sleep(0)

    def result(self, payload: object, *, size_bytes: int = 1) -> Result:
        """A result that says what was sent, and lies in the bucket too."""
        location, body = S3Location("bucket", f"{payload!r}.out"), str(payload).encode().ljust(size_bytes)
        self.bucket.objects[location] = Stored(body, {}, len(body))
        return InferenceResult(
            Completed(f"id-{payload!r}", output_location=location if self.writes_to_s3 else None),
            ResponseBody(body, "text/plain", len(body)),
            endpoint_name="endpoint",
            source="sqs",
            decode=decode_body,
            downloads=Downloads(self.bucket),
        )

    # What a future tells its owner

    def abandon(self, invocation: Invocation) -> None:
        raise AssertionError("a fan-out that is left lets go; it gives nothing up")

    def let_go(self, invocation: Invocation) -> None:
        self._kept.pop(invocation.inference_id, None)
        self.abandoned.append(invocation.inference_id)

    def let_go_threadsafe(self, invocation: Invocation) -> None:
        self.let_go(invocation)

    def consumed(self, invocation: Invocation) -> None:
        self._kept.pop(invocation.inference_id, None)
        self.taken.append(invocation.inference_id)

    def keep(self, future: InferenceFuture[object]) -> None:
        self._kept[future.inference_id] = future

    def unkeep(self, inference_id: str) -> None:
        self._kept.pop(inference_id, None)

    def token_of(self, invocation: Invocation) -> str:
        return f"token of {invocation.inference_id}"


class Counted:
    """A source that tells how many were pulled from it, and how many more than were taken at most.

    Args:
        items: What it gives.
        error: What it raises after them.
    """

    def __init__(self, items: Iterable[object], *, error: BaseException | None = None) -> None:
        self.pulled = 0
        self.taken = 0
        self.most_ahead = 0
        self.is_closed = False
        self._items = items
        self._error = error

    def sync(self) -> Iterator[object]:
        try:
            for item in self._items:
                self._pull()
                yield item
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed = True

    async def asynchronous(self) -> AsyncIterator[object]:
        try:
            for item in self._items:
                await asyncio.sleep(0)
                self._pull()
                yield item
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed = True

    def _pull(self) -> None:
        self.pulled += 1
        self.most_ahead = max(self.most_ahead, self.pulled - self.taken)


async def take_all(fan_out: FanOut[T], into: list[T]) -> None:
    """Take whatever comes, until it ends."""
    async for each in fan_out:
        into.append(each)  # noqa: PERF401 - what came before a failure counts


async def steps(count: int = 10) -> None:
    """Let everything else run."""
    for _ in range(count):
        await asyncio.sleep(0)


def text_of(result: Result) -> str:
    """What was sent, as the model has read it."""
    return result.text.rstrip()
