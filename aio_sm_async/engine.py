"""Carries out what the registry decides: everything that happens to an invocation passes through here.

Facts come from three sides: callers submit and abandon, sources deliver completions, and time passes. Each is
told to the registry, and the actions that it returns are performed at once, in order.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Literal, assert_never, cast

from aio_sm_async.clock import Clock
from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.completions.polling import PollingSource
from aio_sm_async.completions.source import CompletionSource
from aio_sm_async.dispatch import Dispatch
from aio_sm_async.errors import AmbiguousError, AsyncInferenceError, ClientClosedError
from aio_sm_async.flight import AnyFuture, Flight, Flights
from aio_sm_async.flow import Gate, Quiet
from aio_sm_async.future import InferenceFuture
from aio_sm_async.outcome import Outcomes
from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.invocation import Delivery, Invocation, State
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.notification_health import NotificationHealth
from aio_sm_async.protocol.registry import Acknowledge, Action, Fetch, Look, Registry, Release, Resend, Settle
from aio_sm_async.protocol.request import Acceptance, InvocationRequest
from aio_sm_async.protocol.token import Token, encode_token
from aio_sm_async.resolution import NotThere, Resolution
from aio_sm_async.statistics import Counters
from aio_sm_async.supervision import Supervisor

logger = logging.getLogger("aio_sm_async")

OnAmbiguous = Literal["resend", "wait", "raise"]


class Engine:
    """The running parts of one client, and what they do for each other."""

    def __init__(
        self,
        *,
        region: str,
        registry: Registry,
        dispatch: Dispatch,
        resolution: Resolution,
        outcomes: Outcomes,
        notifications: Sequence[CompletionSource],
        polling: PollingSource | None,
        window: Gate,
        clock: Clock,
        counters: Counters,
        on_ambiguous: OnAmbiguous,
    ) -> None:
        self.registry = registry
        self.dispatch = dispatch
        self.health = NotificationHealth()
        self.supervisor = Supervisor(clock)
        self._region = region
        self._resolution = resolution
        self._outcomes = outcomes
        self._polling = polling
        self._sources: list[CompletionSource] = [*notifications, *([polling] if polling else [])]
        self._window = window
        self._clock = clock
        self._counters = counters
        self._on_ambiguous = on_ambiguous
        self._loop = asyncio.get_running_loop()
        self._flights = Flights()
        self._is_busy = asyncio.Event()
        self._alarm: float | None = None
        self._alarm_moved = asyncio.Event()
        self._unplaced: set[str] = set()
        self._settled_all = Quiet()
        self._answered_all = Quiet()

    def __repr__(self) -> str:
        return f"<Engine {self.registry!r} {self._window!r}>"

    # Opening and closing

    async def open(self) -> None:
        """Check the sources and start what keeps them going."""
        for source in self._sources:
            await source.open()
        for source in self._sources:
            for name, pump in source.pumps().items():
                self.supervisor.keep_running(partial(pump, self), name=name)
        self.supervisor.keep_running(self._watch_time, name="deadlines")

    async def drain(self) -> None:
        """Return once every invocation has its outcome."""
        await self._settled_all.wait()

    async def aclose(self, timeout_seconds: float) -> None:
        """Stop intake, let open requests be answered, fail what is pending, acknowledge the rest."""
        self._window.close(lambda: ClientClosedError("the client is closed; open a new one"))
        with suppress(TimeoutError):
            async with self._clock.timeout_at(self._clock.monotonic() + timeout_seconds):
                await asyncio.gather(
                    self._answered_all.wait(), *(source.quiesce() for source in self._sources)
                )
        for flight in self._flights:
            self._close_flight(flight)
        await self.supervisor.aclose()
        with suppress(TimeoutError):
            async with self._clock.timeout_at(self._clock.monotonic() + timeout_seconds):
                await asyncio.gather(*(source.aclose() for source in self._sources))

    def _close_flight(self, flight: Flight) -> None:
        invocation, future = flight.invocation, flight.future()
        token = self.token_of(invocation)
        for receipt in invocation.receipts:
            receipt.release(Ownership.OURS)  # unanswered: whoever takes it up with the token may need it
        invocation.receipts.clear()
        self._perform(self.registry.abandoned(invocation.inference_id))
        self._land(invocation.inference_id)
        if future is not None:
            error = f"the client was closed while {invocation.inference_id} was in flight"
            future.fail(
                ClientClosedError(f"{error}; its token names where the result will lie.", token=token)
            )

    # What callers do

    async def submit(
        self,
        invocation: Invocation,
        request: InvocationRequest,
        payload: EncodedPayload | StreamedPayload | None,
    ) -> AnyFuture:
        """Send the request, its payload uploaded first if there is one."""
        await self._window.acquire()
        try:
            self.registry.register(invocation)
        except ValueError:
            self._window.release()
            raise
        future: AnyFuture = InferenceFuture(invocation, self, self._loop)
        flight = Flight(invocation, weakref.ref(future), request, accept=request.accept)
        self._flights.add(flight)
        self._counters["submitted"] += 1
        self._settled_all.enter()
        self._is_busy.set()
        with self._answered_all:
            try:
                await self._send(flight, payload)
            except BaseException as error:
                self._refused(flight, error)
                raise
        return future

    def abandon(self, inference_id: str) -> None:
        """Nobody waits for it any more: its slot is free, a late notification is acknowledged."""
        self._perform(self.registry.abandoned(inference_id))
        flight = self._land(inference_id)
        if flight is not None:
            self._counters["abandoned"] += 1
            self._clean_up(flight, succeeded=False)

    def abandon_threadsafe(self, inference_id: str) -> None:
        """The same from anywhere, soon."""
        with suppress(RuntimeError):  # the loop was closed a moment ago
            self._loop.call_soon_threadsafe(self.abandon, inference_id)

    def consumed(self, inference_id: str) -> None:
        """The caller has taken the outcome."""
        self._perform(self.registry.consumed(inference_id))

    def keep(self, future: InferenceFuture[object]) -> None:
        """Hold the future until it is settled."""
        flight = self._flights.get(future.inference_id)
        if flight is not None:
            flight.kept = cast("AnyFuture", future)

    def token_of(self, invocation: Invocation) -> str:
        """The token that names the invocation for other processes."""
        patience = invocation.patience_seconds
        if invocation.deadline is not None:
            patience = invocation.deadline - self._clock.monotonic()
        return encode_token(
            Token(
                endpoint_name=invocation.endpoint_name,
                region=self._region,
                inference_id=invocation.inference_id,
                output_location=self.registry.expected_location(invocation),
                failure_location=invocation.failure_location,
                deadline=self._clock.utc_now() + timedelta(seconds=patience),
            )
        )

    async def _send(self, flight: Flight, payload: EncodedPayload | StreamedPayload | None) -> None:
        try:
            acceptance = await self.dispatch.send(flight, payload)
        except AmbiguousError:
            if self._on_ambiguous == "raise":
                raise
            self._ambiguous(flight)
        else:
            self._accepted(flight, acceptance)

    def _accepted(self, flight: Flight, acceptance: Acceptance) -> None:
        flight.request = None
        self._perform(
            self.registry.accepted(
                flight.invocation.inference_id,
                self._clock.monotonic(),
                output_location=acceptance.output_location,
                failure_location=acceptance.failure_location,
            )
        )
        self._watch(flight)
        for inference_id in tuple(self._unplaced):  # this answer may tell where their outputs lie
            if (unplaced := self._flights.get(inference_id)) is not None:
                self._watch(unplaced)

    def _ambiguous(self, flight: Flight) -> None:
        self._counters["ambiguous"] += 1
        self._perform(self.registry.ambiguous(flight.invocation.inference_id, self._clock.monotonic()))
        self._watch(flight)

    def _refused(self, flight: Flight, error: BaseException) -> None:
        """It was not sent, was refused, or its caller went: it is in flight no more."""
        inference_id = flight.invocation.inference_id
        if isinstance(error, AsyncInferenceError) and not isinstance(error, AmbiguousError):
            self._counters["rejected"] += 1
            self._perform(self.registry.rejected(inference_id))
            self._land(inference_id)
            self._clean_up(flight, succeeded=False)
        else:
            self.abandon(inference_id)

    # What sources tell

    def deliver(self, delivery: Delivery) -> None:
        """A source tells of a completion."""
        if delivery.source != PollingSource.name and self.registry.knows(delivery.completion.inference_id):
            self.health.arrived()
            self._follow_health()
        self._perform(self.registry.delivered(delivery))

    async def wait_pending(self) -> None:
        """Return once something is in flight."""
        await self._is_busy.wait()

    def source_failed(self, source: str, error: Exception) -> None:  # noqa: ARG002 - the source has logged it
        """Poll S3 more often, for the source cannot be read."""
        self.health.source_failed(source)
        self._follow_health()

    def source_recovered(self, source: str) -> None:
        """The source can be read again."""
        self.health.source_recovered(source)
        self._follow_health()

    def _follow_health(self) -> None:
        if self._polling is not None:
            self._polling.set_notified(self.health.is_flowing)

    # What time brings

    async def _watch_time(self) -> None:
        while True:
            self._alarm = self.registry.next_due()
            self._alarm_moved.clear()
            try:
                async with self._clock.timeout_at(self._alarm):
                    await self._alarm_moved.wait()
            except TimeoutError:
                self._perform(self.registry.due(self._clock.monotonic()))

    def _follow_alarm(self) -> None:
        due = self.registry.next_due()
        if due is not None and (self._alarm is None or due < self._alarm):
            self._alarm_moved.set()

    # What the registry wants done

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Settle():
                    self._settle(action)
                case Acknowledge(receipt):
                    receipt.acknowledge()
                case Release(receipt, ownership):
                    receipt.release(ownership)
                case Fetch():
                    self.supervisor.spawn(self._fetch(action), name="fetch")
                case Look(invocation, is_last):
                    self.supervisor.spawn(self._look(invocation, is_last=is_last), name="look")
                case Resend(invocation):
                    self.supervisor.spawn(self._resend(invocation), name="resend")
                case _:
                    assert_never(action)

    def _settle(self, action: Settle) -> None:
        invocation, outcome, source = action.invocation, action.outcome, action.source
        if source == PollingSource.name:
            self.health.missed()
            self._follow_health()
        flight = self._land(invocation.inference_id)
        if flight is None:
            return
        self._clean_up(flight, succeeded=isinstance(outcome, Completed))
        future = flight.future()
        if future is None:
            return
        result = self._outcomes.of(invocation, outcome, source=source, accept=flight.accept, body=flight.body)
        if isinstance(result, Exception):
            future.fail(result)
        else:
            future.settle(result)

    def _land(self, inference_id: str) -> Flight | None:
        """Its slot is free, and nobody looks for it any more."""
        flight = self._flights.land(inference_id)
        if flight is None:
            return None
        self._window.release()
        self._unplaced.discard(inference_id)
        self._settled_all.leave()
        if self._polling is not None:
            self._polling.forget(inference_id)
        if not self._flights:
            self._is_busy.clear()
        return flight

    def _clean_up(self, flight: Flight, *, succeeded: bool) -> None:
        if self.dispatch.is_to_clean_up(flight, succeeded=succeeded):
            self.supervisor.spawn(self.dispatch.clean_up(flight), name="clean up")

    def _watch(self, flight: Flight) -> None:
        """Let time and polling look after it, if it is still pending."""
        invocation = flight.invocation
        if invocation.inference_id not in self.registry:
            return
        self._follow_alarm()
        output = self.registry.expected_location(invocation)
        if self._polling is None:
            return
        if output is None:
            if invocation.state is State.AMBIGUOUS:
                self._unplaced.add(invocation.inference_id)
            return
        self._unplaced.discard(invocation.inference_id)
        prefix, _, _ = output.key.rpartition("/")
        is_block = invocation.extension is not None and prefix.endswith(invocation.extension)
        self._polling.watch(
            invocation.inference_id,
            output=output,
            failure=self.registry.failure_location(invocation),
            prefix=S3Location(output.bucket, prefix) if is_block else None,
        )

    async def _fetch(self, fetch: Fetch) -> None:
        invocation, delivery = fetch.invocation, fetch.delivery
        found = await self._resolution.fetch(delivery.completion, fetch.location)
        if isinstance(found, NotThere):
            self._perform(self.registry.missing(invocation, self._clock.monotonic()))
            self._follow_alarm()
            return
        flight = self._flights.get(invocation.inference_id)
        if flight is not None:
            flight.body = found.body
        self._perform(self.registry.resolved(invocation, found.outcome, delivery.source))

    async def _look(self, invocation: Invocation, *, is_last: bool) -> None:
        found = "and S3 is not asked, since polling=None"
        try:
            if self._polling is not None:
                await self._polling.look(self, invocation.inference_id)
                found = "and S3 holds neither a result nor a failure"
        except AsyncInferenceError as error:
            logger.warning("could not look for %s in S3: %s", invocation.inference_id, error)
            found = f"and S3 could not be asked ({error})"
        if is_last:  # the deadline holds, whether S3 could be asked or not
            self._perform(self.registry.given_up(invocation, f"no notification came, {found}"))

    async def _resend(self, invocation: Invocation) -> None:
        flight = self._flights.get(invocation.inference_id)
        if flight is None or flight.request is None:
            return
        self._counters["resent"] += 1
        try:
            acceptance = await self.dispatch.send_again(flight)
        except AmbiguousError:
            self._ambiguous(flight)
        except AsyncInferenceError as error:
            # The first request may still have been accepted, so it is waited for all the same.
            logger.warning("%s could not be sent again: %s", invocation.inference_id, error)
        else:
            self._accepted(flight, acceptance)
