"""The client: the public methods, nothing else."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Literal, Self, TypeVar, Unpack, overload

from aio_sm_async.clock import Clock, SystemClock
from aio_sm_async.codecs import JSONLines, RowCodec
from aio_sm_async.completions.polling import S3Polling
from aio_sm_async.completions.sqs import SqsNotifications
from aio_sm_async.errors import InvalidRequestError, WaitTimeoutError
from aio_sm_async.fanout import (
    FanOut,
    FanOutOptions,
    InferenceOutcome,
    Pack,
    Packing,
    RowResult,
    Source,
    present_all,
    present_either,
    present_result,
)
from aio_sm_async.flight import AnyFuture
from aio_sm_async.future import InferenceFuture
from aio_sm_async.jobs import JobRun
from aio_sm_async.lifetime import Lifetime
from aio_sm_async.options import (
    INVOCATION_OPTIONS,
    NO_PAYLOAD,
    REQUEST_OPTIONS,
    InvocationOptions,
    RequestOptions,
    refuse_unknown,
)
from aio_sm_async.preparation import Preparation
from aio_sm_async.protocol.drain import START_IN_FLIGHT
from aio_sm_async.protocol.invocation import Invocation, State
from aio_sm_async.protocol.request import check_members
from aio_sm_async.results import InferenceResult
from aio_sm_async.settings import ClientSettings, HttpLibrary, OnAmbiguous
from aio_sm_async.statistics import Statistics
from aio_sm_async.status import InvocationStatus
from aio_sm_async.uploads import S3Uploads
from aio_sm_async.windows import Windows

MIN_TTL_SECONDS, MAX_TTL_SECONDS = 60, 21_600

Result = InferenceResult[object]
Y = TypeVar("Y")


class AsyncInferenceClient:
    """Sends InvokeEndpointAsync requests, many at once, and awaits their results.

    Use it with ``async with``, or `open` and `aclose`. It belongs to the event loop that it is opened in.

    Args:
        endpoint_name: The endpoint, unless a call names another.
        notifications: Where SageMaker's success and error notifications arrive; None to poll S3 alone.
        polling: How S3 is asked, beside notifications or alone; None to rely on notifications.
        uploads: Where payloads go that do not fit into a request (over 128,000 bytes, or streamed).
        session: An aiobotocore or aioboto3 session; None for the environment and the default profile.
        region_name: The endpoint's region; None takes the session's.
        endpoint_urls: Other servers to talk to, by service (``sagemaker-runtime``, ``s3``, ``sqs``).
        client_id: The head of every inference id, 1 to 32 of ``[A-Za-z0-9_-]``; drawn at random if None.
        max_concurrent_requests: How many requests to SageMaker may be open at once; throttling lowers it.
        max_in_flight: How many invocations may be in flight; `submit` waits beyond it. It also waits, lest a
            request expire in SageMaker's queue, while its endpoint holds more than it answers in a fifth of
            the request's TTL.
        start_in_flight: How many may be in flight at an endpoint that has not answered anything yet.
        max_submit_rate: How many requests to SageMaker may begin each second, retries included, evenly
            spread; None for no limit.
        max_body_bytes: Larger responses stay in S3 until they are read with ``iter_bytes``.
        journal: A file that remembers what was sent, so that another process can go on where this one
            ended, however it did; created if it is not there. None to remember nothing.
        on_ambiguous: What to do when a request was sent and its answer is lost. ``"resend"`` sends it once
            more if nothing is heard of it (it may then run, and be paid for, twice), ``"wait"`` waits until
            the deadline, ``"raise"`` raises `AmbiguousError`.
        resend_after_seconds: How long nothing must be heard before it is sent again.
        request_timeout_seconds: How long one request to SageMaker may take.
        retry_timeout_seconds: How long a throttled request is sent again; also how long SageMaker may refuse
            all requests of this client before those that wait are given up at once.
        close_timeout_seconds: How long each step of closing may take.
        output_path: The endpoint's ``S3OutputPath``. `lookup`, `attach` and jobs need to know where the
            endpoint writes; None asks SageMaker for it once, unless an answer to a request has told.
        failure_path: The endpoint's ``S3FailurePath``, likewise.
        http_library: What carries the requests. ``"httptools"`` takes a third of the time that ``"aiohttp"``
            does, which carries what goes through a proxy in either case.
        clock: Time; for tests.
        **options: Defaults for every request; see `RequestOptions`.

    Raises:
        ConfigurationError: The settings cannot work.
        InvalidRequestError: A default breaks a limit.
        TypeError: An option is unknown.
    """

    def __init__(
        self,
        endpoint_name: str | None = None,
        *,
        notifications: SqsNotifications | Sequence[SqsNotifications] | None = None,
        polling: S3Polling | None = S3Polling(),  # noqa: B008 - frozen
        uploads: S3Uploads | None = None,
        session: object | None = None,
        region_name: str | None = None,
        endpoint_urls: Mapping[str, str] | None = None,
        client_id: str | None = None,
        max_concurrent_requests: int = 64,
        max_in_flight: int = 10_000,
        start_in_flight: int = START_IN_FLIGHT,
        max_submit_rate: float | None = None,
        max_body_bytes: int = 16 * 1024 * 1024,
        journal: str | os.PathLike[str] | None = None,
        on_ambiguous: OnAmbiguous = "resend",
        resend_after_seconds: float = 60.0,
        request_timeout_seconds: float = 30.0,
        retry_timeout_seconds: float = 120.0,
        close_timeout_seconds: float = 5.0,
        output_path: str | None = None,
        failure_path: str | None = None,
        http_library: HttpLibrary = "httptools",
        clock: Clock | None = None,
        **options: Unpack[RequestOptions],
    ) -> None:
        refuse_unknown(options, REQUEST_OPTIONS, AsyncInferenceClient, name="AsyncInferenceClient")
        if isinstance(notifications, SqsNotifications):
            notifications = [notifications]
        settings = ClientSettings(
            notifications=tuple(notifications or ()),
            polling=polling,
            uploads=uploads,
            session=session,
            region_name=region_name,
            endpoint_urls=endpoint_urls,
            client_id=client_id,
            max_concurrent_requests=max_concurrent_requests,
            max_in_flight=max_in_flight,
            start_in_flight=start_in_flight,
            max_submit_rate=max_submit_rate,
            max_body_bytes=max_body_bytes,
            journal=journal,
            on_ambiguous=on_ambiguous,
            resend_after_seconds=resend_after_seconds,
            request_timeout_seconds=request_timeout_seconds,
            retry_timeout_seconds=retry_timeout_seconds,
            close_timeout_seconds=close_timeout_seconds,
            endpoint_name=endpoint_name,
            output_path=output_path,
            failure_path=failure_path,
            http_library=http_library,
            clock=clock or SystemClock(),
        )
        self._options: InvocationOptions = {"endpoint_name": endpoint_name, **options}
        check_members(self._options)
        self._life = Lifetime(settings)

    def __repr__(self) -> str:
        return f"<AsyncInferenceClient {self._options.get('endpoint_name')!r} {self._life!r}>"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> Self:
        """Find credentials, open connections and start listening.

        Raises:
            ConfigurationError: Region or credentials are missing, or a shared queue would lose messages.
                A queue that cannot be read is no error: it is logged, and S3 is polled meanwhile.
            ClientClosedError: It was closed before.
        """
        await self._life.open()
        return self

    async def aclose(self) -> None:
        """Close. Pending futures fail with `ClientClosedError`, which carries the token of each.

        It does not wait for results; `drain` does.
        """
        await self._life.aclose()

    async def drain(self, timeout: float | None = None) -> None:
        """Return once nothing is in flight.

        Args:
            timeout: Seconds; None to wait for as long as it takes.

        Raises:
            WaitTimeoutError: Something still was, after ``timeout``.
            InvalidRequestError: ``timeout`` is no number of seconds.
        """
        if timeout is not None and not 0 <= timeout < math.inf:
            raise InvalidRequestError(
                "timeout", "must be a number of seconds", "Leave it out to wait without end."
            )
        engine, clock = self._life.assembly.engine, self._life.settings.clock
        try:
            async with clock.timeout_at(None if timeout is None else clock.monotonic() + timeout):
                await engine.drain()
        except TimeoutError:
            pending = len(engine.registry)
            raise WaitTimeoutError(
                f"{pending} invocations were in flight after {timeout} s. Drain again."
            ) from None

    def statistics(self) -> Statistics:
        """What this client has done so far: a snapshot, from any thread; after closing, the last one.

        Raises:
            ClientClosedError: It was never opened.
        """
        return self._life.statistics()

    def with_options(self, **options: Unpack[InvocationOptions]) -> Self:
        """A view with other defaults, on the same connections, limits and listeners. It costs nothing.

        Raises:
            InvalidRequestError: An option breaks a limit.
            TypeError: An option is unknown.
        """
        refuse_unknown(options, INVOCATION_OPTIONS, self.with_options, name="with_options")
        check_members(options)
        view = copy.copy(self)
        view._options = {**self._options, **options}  # noqa: SLF001 - its own kind
        return view

    async def submit(
        self,
        payload: object = NO_PAYLOAD,
        *,
        input_location: str | None = None,
        **options: Unpack[InvocationOptions],
    ) -> InferenceFuture[InferenceResult[object]]:
        """Send one request; the future resolves when its inference has ended.

        Waits while too many are in flight or open. Returns once SageMaker accepted the request, or once
        nobody can know whether it did (``future.accepted is None``).

        Args:
            payload: bytes, str, a JSON value, a path, a binary file or an async iterator of bytes.
            input_location: An ``s3://`` URI of an input that is in S3 already, instead of a payload.
            **options: See `InvocationOptions`.

        Raises:
            InvalidRequestError: The request breaks a limit. Nothing was sent.
            ValidationError: SageMaker refused it: the endpoint does not exist, say.
            ThrottledError: Too many requests, and the retries are used up.
            AmbiguousError: Its answer is lost, and ``on_ambiguous="raise"``.
            ClientClosedError: The client is not open.
            TypeError: An option is unknown, or no codec takes the payload.
        """
        refuse_unknown(options, INVOCATION_OPTIONS, self.submit, name="submit")
        assembly = self._life.assembly
        draft = assembly.draft(payload, input_location, {**self._options, **options})
        return await assembly.engine.submit(draft)

    async def invoke(
        self,
        payload: object = NO_PAYLOAD,
        *,
        input_location: str | None = None,
        timeout: float | None = None,
        **options: Unpack[InvocationOptions],
    ) -> InferenceResult[object]:
        """Send one request and wait for its result.

        Args:
            payload: See `submit`.
            input_location: See `submit`.
            timeout: Seconds for everything: waiting for a slot, uploading, sending, waiting. Unless
                ``request_ttl_seconds`` is given, SageMaker is told to drop the request from its queue after
                about as long (60 s at least), which is its only way to stop work.
            **options: See `InvocationOptions`.

        Raises:
            WaitTimeoutError: ``timeout`` passed. The invocation is abandoned here; its token finds it later.
            InferenceFailedError: The model failed.
            ExpiredError: SageMaker gave the request up.
            AsyncInferenceError: Whatever `submit` raises.
        """
        refuse_unknown(options, INVOCATION_OPTIONS, self.invoke, name="invoke")
        if timeout is None:
            return await (await self.submit(payload, input_location=input_location, **options))
        if not 0 < timeout < math.inf:
            raise InvalidRequestError(
                "timeout", "must be above 0, and a number of seconds", "Leave it out to wait without end."
            )
        merged: InvocationOptions = {**self._options, **options}
        if merged.get("request_ttl_seconds") is None:
            merged["request_ttl_seconds"] = min(max(math.ceil(timeout), MIN_TTL_SECONDS), MAX_TTL_SECONDS)
        assembly, clock = self._life.assembly, self._life.settings.clock
        deadline = clock.monotonic() + timeout
        draft = assembly.draft(payload, input_location, merged)
        future = None
        try:
            async with clock.timeout_at(deadline):
                future = await assembly.engine.submit(draft)
                return await future
        except TimeoutError:
            if clock.monotonic() < deadline:  # somebody else's, such as that of a payload that is streamed
                raise
            token = assembly.engine.token_of(draft.invocation)
            if future is None:
                assembly.engine.forget(draft.invocation)
            if draft.invocation.state is State.REGISTERED and future is None:  # it never got past the windows
                raise _not_let_in(draft.invocation, assembly.windows, timeout) from None
            raise _waited(draft.invocation, future, token, timeout) from None
        finally:
            if future is not None:
                future.abandon()

    async def lookup(self, token: str) -> InvocationStatus:
        """Ask S3 once how the invocation stands that a token names: from any process, at any time.

        It takes one or two reads: of the result, then of the failure. What the token names must lie where
        its endpoint writes, or nothing is read: tokens may come from strangers. A token that does not say
        where its result will lie, made before SageMaker had told, cannot be looked up.

        Args:
            token: ``future.token``, or the token of a `WaitTimeoutError`, `ClientClosedError` or
                `AmbiguousError`.

        Raises:
            InvalidRequestError: It is no token, is of another region, or names what it may not.
            ConfigurationError: Where the endpoint writes is not known, and SageMaker does not tell.
            AsyncInferenceError: S3 could not be reached, or refused.
            ClientClosedError: The client is not open.
        """
        return await self._life.assembly.tokens.lookup(token)

    async def attach(self, token: str) -> InferenceFuture[InferenceResult[object]]:
        """Wait for the invocation that a token names, which any process may have sent.

        It counts as in flight here. S3 is asked at once, then as for an invocation of this client; a
        notification that comes here settles it too. If this client waits for it already, that future is
        returned. ``await`` may raise `DeadlinePassedError`; a token past its deadline is looked for once.

        Args:
            token: See `lookup`. One that does not say where its result will lie is waited for by
                notification.

        Raises:
            InvalidRequestError: See `lookup`.
            ConfigurationError: See `lookup`.
            ClientClosedError: The client is not open.
        """
        return await self._life.assembly.tokens.attach(token)

    @overload
    def map(
        self,
        payloads: Source,
        *,
        return_exceptions: Literal[False] = False,
        **options: Unpack[FanOutOptions],
    ) -> FanOut[Result]: ...

    @overload
    def map(
        self, payloads: Source, *, return_exceptions: Literal[True], **options: Unpack[FanOutOptions]
    ) -> FanOut[Result | Exception]: ...

    @overload
    def map(
        self,
        payloads: Source,
        *,
        pack: Pack,
        codec: RowCodec | None = None,
        return_exceptions: Literal[False] = False,
        **options: Unpack[FanOutOptions],
    ) -> FanOut[RowResult]: ...

    @overload
    def map(
        self,
        payloads: Source,
        *,
        pack: Pack,
        codec: RowCodec | None = None,
        return_exceptions: Literal[True],
        **options: Unpack[FanOutOptions],
    ) -> FanOut[RowResult | Exception]: ...

    def map(
        self,
        payloads: Source,
        *,
        pack: Pack | None = None,
        codec: RowCodec | None = None,
        return_exceptions: bool = False,
        **options: Unpack[FanOutOptions],
    ) -> FanOut[Result] | FanOut[Result | Exception] | FanOut[RowResult] | FanOut[RowResult | Exception]:
        """Send every payload; ``async for`` gives the results in the order of the payloads.

        Payloads are pulled as results are taken, so that a source of any length needs little memory. The
        first failure is raised at its place, and ends it all: what is in flight is abandoned.

        Args:
            payloads: A sync or async iterable of payloads, or of `InferenceRequest`. A sync one is pulled in
                the event loop: make it async if it blocks.
            pack: Send many rows in one invocation, and hand out a `RowResult` for each.
            codec: The format of packed rows; `JSONLines` unless told.
            return_exceptions: Hand out an item's failure at its place instead, and go on.
            **options: For every request; see `FanOutOptions`.

        Raises:
            InvalidRequestError: An option is wrong, or can hold for one request only.
            TypeError: ``payloads`` is not such an iterable, or an option is unknown.
            ClientClosedError: The client is not open.
        """
        packing = _packing(pack, codec)
        if packing is not None and return_exceptions:
            return self._fan_out_rows(payloads, options, packing, present_either, in_order=True)
        if packing is not None:
            return self._fan_out_rows(payloads, options, packing, present_result, in_order=True)
        if return_exceptions:
            return self._fan_out(payloads, options, present_either, in_order=True)
        return self._fan_out(payloads, options, present_result, in_order=True)

    @overload
    def as_completed(
        self, payloads: Source, **options: Unpack[FanOutOptions]
    ) -> FanOut[InferenceOutcome[Result]]: ...

    @overload
    def as_completed(
        self,
        payloads: Source,
        *,
        pack: Pack,
        codec: RowCodec | None = None,
        **options: Unpack[FanOutOptions],
    ) -> FanOut[InferenceOutcome[RowResult]]: ...

    def as_completed(
        self,
        payloads: Source,
        *,
        pack: Pack | None = None,
        codec: RowCodec | None = None,
        **options: Unpack[FanOutOptions],
    ) -> FanOut[InferenceOutcome[Result]] | FanOut[InferenceOutcome[RowResult]]:
        """Send every payload; ``async for`` gives what becomes of each, first done first.

        An item's failure is in its `InferenceOutcome`, and is never raised.

        Args:
            payloads: See `map`.
            pack: See `map`.
            codec: See `map`.
            **options: For every request; see `FanOutOptions`.

        Raises:
            InvalidRequestError: An option is wrong, or can hold for one request only.
            TypeError: ``payloads`` is not such an iterable, or an option is unknown.
            ClientClosedError: The client is not open.
        """
        packing = _packing(pack, codec)
        if packing is not None:
            return self._fan_out_rows(payloads, options, packing, present_all, in_order=False)
        return self._fan_out(payloads, options, present_all, in_order=False)

    async def recover(self) -> AsyncGenerator[InferenceFuture[InferenceResult[object]], None]:
        """A future for each invocation of the journal whose outcome nobody has taken, oldest first.

        They were sent by an earlier process, or let go by this one. What was sent without an answer is
        waited for, and not sent again: that takes its payload, which `map` with the same keys has.

        Raises:
            ConfigurationError: The client has no journal.
            ClientClosedError: The client is not open.
        """
        async with aclosing(self._life.assembly.recovery.unfinished()) as futures:
            async for future in futures:
                yield future

    def _fan_out(
        self,
        payloads: Source,
        options: FanOutOptions,
        present: Callable[[InferenceOutcome[Result]], Y],
        *,
        in_order: bool,
    ) -> FanOut[Y]:
        merged, prepare, job = self._ready(options, "map" if in_order else "as_completed")
        return self._life.fan_outs.open(
            payloads,
            merged,
            prepare,
            present,
            in_order=in_order,
            is_resumable=self._is_resumable,
            begin=job.begin if job is not None else None,
            is_new=job.is_new if job is not None else None,
        )

    @property
    def _is_resumable(self) -> bool:
        return self._life.assembly.engine.journaling.is_on

    def _fan_out_rows(
        self,
        rows: Source,
        options: FanOutOptions,
        packing: Packing,
        present: Callable[[InferenceOutcome[RowResult]], Y],
        *,
        in_order: bool,
    ) -> FanOut[Y]:
        merged, prepare, job = self._ready(options, "map" if in_order else "as_completed")
        if job is not None:
            raise InvalidRequestError(
                "job", "names outputs after single items, and pack= puts many into one", "Leave out one."
            )
        return self._life.fan_outs.open_packed(
            rows, merged, packing, prepare, present, in_order=in_order, is_resumable=self._is_resumable
        )

    def _ready(self, options: FanOutOptions, name: str) -> tuple[FanOutOptions, Preparation, JobRun | None]:
        refuse_unknown(options, FanOutOptions.__optional_keys__, getattr(self, name), name=name)
        assembly = self._life.assembly
        merged: FanOutOptions = {**self._options, **options}
        job = assembly.jobs.of(merged)
        return merged, Preparation(assembly.drafts, assembly.engine, assembly.recovery, merged, job), job


def _packing(pack: Pack | None, codec: RowCodec | None) -> Packing | None:
    if pack is not None:
        if not isinstance(pack, Pack):
            raise InvalidRequestError(
                "pack", f"must be a Pack, got a {type(pack).__name__}", "Write pack=Pack(max_rows=64)."
            )
        return Packing(pack, codec or JSONLines())
    if codec is not None:
        raise InvalidRequestError("codec", "is for rows that are packed", "Give pack=Pack() too.")
    return None


def _not_let_in(invocation: Invocation, windows: Windows, timeout: float) -> WaitTimeoutError:
    inference_id = invocation.inference_id
    held = windows.holding(invocation.endpoint_name)
    return WaitTimeoutError(
        f"{inference_id} was not sent within {timeout} s: {held}", inference_id=inference_id
    )


def _waited(invocation: Invocation, future: AnyFuture | None, token: str, timeout: float) -> WaitTimeoutError:
    inference_id = invocation.inference_id
    if future is not None and future.accepted:
        said = f"had no result after {timeout} s. It may go on in SageMaker:"
    else:
        said = f"had no answer after {timeout} s. SageMaker may have accepted the request:"
    return WaitTimeoutError(
        f"{inference_id} {said} its token names where the result will lie.",
        token=token,
        inference_id=inference_id,
    )
