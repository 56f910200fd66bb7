"""Carries out what the registry decides: everything that happens to an invocation passes through here.

Facts come from three sides: callers submit and abandon, sources deliver completions, and time passes. Each is
told to the registry, and the actions that it returns are performed at once, in order.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import assert_never, cast

from aio_sm_async.clock import Clock
from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.completions.polling import PollingSource
from aio_sm_async.completions.source import CompletionSource
from aio_sm_async.dispatch import Dispatch
from aio_sm_async.drafts import Draft
from aio_sm_async.errors import AmbiguousError, AsyncInferenceError, ClientClosedError, InvalidRequestError
from aio_sm_async.flight import AnyFuture, Flight, Flights
from aio_sm_async.flow import Quiet, Underway
from aio_sm_async.future import InferenceFuture
from aio_sm_async.journaling import ItemKey, Journaling
from aio_sm_async.outcome import Outcomes
from aio_sm_async.protocol.completion import Completed, Completion, Expired
from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.invocation import Delivery, Invocation, State
from aio_sm_async.protocol.journal_entry import JournalEntry
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.notification_health import NotificationHealth
from aio_sm_async.protocol.registry import (
    Acknowledge,
    Action,
    DeadlinePassed,
    Fetch,
    Hold,
    Look,
    Registry,
    Release,
    Resend,
    Settle,
    Undeliverable,
)
from aio_sm_async.protocol.request import Acceptance, InvocationRequest
from aio_sm_async.protocol.token import Token, encode_token
from aio_sm_async.resolution import Fetched, NotThere, Resolution
from aio_sm_async.settings import OnAmbiguous
from aio_sm_async.statistics import Counters
from aio_sm_async.supervision import Supervisor
from aio_sm_async.unclaimed import Unclaimed
from aio_sm_async.windows import Windows

logger = logging.getLogger("aio_sm_async")


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
        journaling: Journaling,
        notifications: Sequence[CompletionSource],
        polling: PollingSource | None,
        windows: Windows,
        clock: Clock,
        counters: Counters,
        on_ambiguous: OnAmbiguous,
    ) -> None:
        self.registry = registry
        self.dispatch = dispatch
        self.journaling = journaling
        self.unclaimed = Unclaimed()
        self.health = NotificationHealth()
        self.supervisor = Supervisor(clock)
        self._region = region
        self._resolution = resolution
        self._outcomes = outcomes
        self._polling = polling
        self._sources: list[CompletionSource] = [*notifications, *([polling] if polling else [])]
        self._windows = windows
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
        self._sending = Underway()
        self._cleaning = Quiet()
        self._warned_of: set[str] = set()

    def __repr__(self) -> str:
        return f"<Engine {self.registry!r} {self._windows!r}>"

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
        self._windows.close(lambda: ClientClosedError("the client is closed; open a new one"))
        await self._wait_at_most(
            timeout_seconds, self._sending.wait(), *(source.quiesce() for source in self._sources)
        )
        self._sending.cut()
        await self._wait_at_most(timeout_seconds, self._sending.wait(), self._cleaning.wait())
        for flight in self._flights:
            self._close_flight(flight)
        await self.supervisor.aclose()
        for receipt in self.registry.let_all_go():
            receipt.release(Ownership.OURS)
        self.unclaimed.release()
        await self._wait_at_most(timeout_seconds, self.journaling.flush())
        await self._wait_at_most(timeout_seconds, *(source.aclose() for source in self._sources))

    async def _wait_at_most(self, seconds: float, *steps: Awaitable[None]) -> None:
        with suppress(TimeoutError):
            async with self._clock.timeout_at(self._clock.monotonic() + seconds):
                await asyncio.gather(*steps)

    def _close_flight(self, flight: Flight) -> None:
        invocation, future = flight.invocation, flight.future()
        token = self.token_of(invocation)
        for receipt in invocation.receipts:
            receipt.release(Ownership.OURS)  # unanswered: whoever takes it up with the token may need it
        invocation.receipts.clear()
        self._perform(self.registry.abandoned(invocation.inference_id))
        self._land(invocation.inference_id)
        if future is not None:
            future.fail(_closed_over(invocation, token))

    # What callers do

    async def submit(self, draft: Draft) -> AnyFuture:
        """Send the request, its payload uploaded first if there is one."""
        known = await self.enter(draft)
        assert known is None  # only a key can be known
        return await self.launch(draft)

    async def enter(
        self, draft: Draft, item: ItemKey | None = None, *, replaces: str | None = None
    ) -> JournalEntry | None:
        """Wait for room, and write down that the request is about to be sent; then `launch` it.

        Args:
            draft: The request.
            item: What tells it from others; None if nothing does.
            replaces: The name of the invocation of the same item that this is sent instead of.

        Returns:
            None; or what the journal knows of the item already, and then there is nothing to launch.

        Raises:
            JournalError: It cannot be written down.
            InvalidRequestError: Its id is pending already.
            ClientClosedError: The client is being closed.
        """
        invocation = draft.invocation
        await self._windows.acquire(invocation, draft.request.request_ttl_seconds)
        try:
            uploaded = self.dispatch.upload_location(invocation) if draft.upload is not None else None
            known = await self.journaling.register(
                invocation, accept=draft.request.accept, uploaded=uploaded, item=item, replaces=replaces
            )
            if known is None:
                self._windows.check_open()  # the journal took its time
                self.registry.register(invocation)
        except BaseException:
            self._windows.release(invocation)
            self.journaling.forget(invocation)
            raise
        if known is not None:
            self._windows.release(invocation)
        return known

    async def launch(self, draft: Draft) -> AnyFuture:
        """Send the request that `enter` let in.

        Raises:
            AsyncInferenceError: It was refused, or could not be sent.
        """
        invocation, request = draft.invocation, draft.request
        flight, future = self._take_off(invocation, request, request.accept)
        self._counters["submitted"] += 1
        with self._sending.work(lambda: _closed_over(invocation, self.token_of(invocation))):
            try:
                await self._send(flight, draft.upload)
            except BaseException as error:
                self._refused(flight, error)
                raise
        return future

    def adopt(
        self,
        invocation: Invocation,
        *,
        is_accepted: bool,
        accept: str | None = None,
        uploaded: S3Location | None = None,
        draft: Draft | None = None,
        at_once: bool = False,
    ) -> AnyFuture:
        """Wait for an invocation that another process, or an earlier one, sent.

        It counts as in flight, but is not kept waiting for room.

        Args:
            invocation: What is known of it, its locations among that. Its patience counts from now.
            is_accepted: Whether its 202 was seen; if not, nobody knows whether it was accepted.
            accept: The type that the caller wishes for.
            uploaded: The input that was uploaded for it.
            at_once: Whether polling looks for it at its next tick, together with others: it may have ended.
            draft: What it was made of, if it may be sent again: its own names take the place of the draft's.

        Raises:
            InvalidRequestError: It is pending here already.
            ClientClosedError: The client is being closed.
        """
        self._windows.enter_nowait(invocation)
        heard = self.unclaimed.claim(invocation.inference_id)
        try:
            actions = self.registry.adopt(invocation, self._clock.monotonic(), is_accepted=is_accepted)
        except InvalidRequestError:
            self._windows.release(invocation)
            raise
        flight, future = self._take_off(invocation, None, accept)
        flight.uploaded = uploaded
        if draft is not None and not is_accepted:
            flight.request, flight.unsent = draft.request_for(invocation), draft.upload
        self._perform(actions)
        self._watch(flight, at_once=at_once)
        if heard is not None:
            self._perform(self.registry.delivered(heard))
        return future

    def future_of(self, inference_id: str) -> AnyFuture | None:
        """The future that somebody here waits with; None if nobody does."""
        flight = self._flights.get(inference_id)
        future = flight.future() if flight is not None else None
        if flight is not None and future is None:
            self.let_go(flight.invocation)  # it was dropped a moment ago
        return future

    def recall(self, outcome: Completion | DeadlinePassed, source: str) -> None:
        """Tell how an invocation that was adopted ended, as somebody remembers it."""
        invocation = self.registry.get(outcome.inference_id)
        if isinstance(outcome, DeadlinePassed):
            self._perform(self.registry.given_up(invocation, outcome.reason) if invocation else [])
        else:
            self._perform(self.registry.delivered(Delivery(outcome, source)))

    def look(self, invocation: Invocation) -> None:
        """Ask S3 about the invocation now, and not only when polling would: it may have ended long ago."""
        self.supervisor.spawn(self._look(invocation, is_last=False), name="look")

    def abandon(self, invocation: Invocation) -> None:
        """Its caller has given it up: its slot is free, a late notification is acknowledged."""
        self.journaling.forget(invocation)
        self._leave(invocation.inference_id)

    def let_go(self, invocation: Invocation) -> None:
        """Nobody here waits for it any more; with a journal somebody may ask for it again."""
        inference_id = invocation.inference_id
        if self.journaling.is_on:
            if invocation.is_recorded or inference_id in self.registry:
                self.unclaimed.expect(inference_id)
            for receipt in self.registry.let_go(inference_id):
                receipt.release(Ownership.OURS)
        self._leave(inference_id)

    def let_go_threadsafe(self, invocation: Invocation) -> None:
        """The same from anywhere, soon; unless the id is waited for anew by then."""
        with suppress(RuntimeError):  # the loop was closed a moment ago
            self._loop.call_soon_threadsafe(self._dropped, invocation)

    def _dropped(self, invocation: Invocation) -> None:
        flight = self._flights.get(invocation.inference_id)
        if flight is None or flight.future() is None:
            self.let_go(invocation)

    def consumed(self, invocation: Invocation) -> None:
        """The caller has taken the outcome."""
        self.journaling.consumed(invocation)
        self._perform(self.registry.consumed(invocation.inference_id))

    def _leave(self, inference_id: str) -> None:
        self._perform(self.registry.abandoned(inference_id))
        self._land(inference_id)

    def keep(self, future: InferenceFuture[object]) -> None:
        """Hold the future until it is settled."""
        flight = self._flights.get(future.inference_id)
        if flight is not None:
            flight.kept = cast("AnyFuture", future)

    def unkeep(self, inference_id: str) -> None:
        """Hold it no longer than the caller does."""
        flight = self._flights.get(inference_id)
        if flight is not None:
            flight.kept = None

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

    def _take_off(
        self, invocation: Invocation, request: InvocationRequest | None, accept: str | None
    ) -> tuple[Flight, AnyFuture]:
        future: AnyFuture = InferenceFuture(invocation, self, self._loop)
        flight = Flight(invocation, weakref.ref(future), request, accept=accept)
        self._flights.add(flight)
        self._settled_all.enter()
        self._is_busy.set()
        return flight, future

    async def _send(self, flight: Flight, payload: EncodedPayload | StreamedPayload | None) -> None:
        try:
            acceptance = await self.dispatch.send(flight, payload)
        except AmbiguousError as error:
            if self._on_ambiguous == "raise":
                error.inference_id = flight.invocation.inference_id
                error.token = self.token_of(flight.invocation)
                raise
            self._ambiguous(flight)
        else:
            self._accepted(flight, acceptance)

    def _accepted(self, flight: Flight, acceptance: Acceptance) -> None:
        flight.request = None
        if acceptance.output_location is None:
            self._warn_of_only_copies(flight.invocation.endpoint_name)
        self._perform(
            self.registry.accepted(
                flight.invocation.inference_id,
                self._clock.monotonic(),
                output_location=acceptance.output_location,
                failure_location=acceptance.failure_location,
            )
        )
        self.journaling.accepted(flight.invocation)
        self._watch(flight)
        for inference_id in tuple(self._unplaced):  # this answer may tell where their outputs lie
            if (unplaced := self._flights.get(inference_id)) is not None:
                self._watch(unplaced)

    def _warn_of_only_copies(self, endpoint_name: str) -> None:
        if endpoint_name in self._warned_of:
            return
        self._warned_of.add(endpoint_name)
        logger.warning(
            "%s has no S3OutputPath: its results exist in their notifications alone, up to 128 KB, and stay "
            "in the queue until they are taken. Give the endpoint an S3OutputPath.",
            endpoint_name,
        )

    def _ambiguous(self, flight: Flight) -> None:
        self._counters["ambiguous"] += 1
        self._perform(self.registry.ambiguous(flight.invocation.inference_id, self._clock.monotonic()))
        self._watch(flight)

    def _refused(self, flight: Flight, error: BaseException) -> None:
        """It was not sent, was refused, or its caller went: it is in flight no more."""
        inference_id = flight.invocation.inference_id
        if isinstance(error, AsyncInferenceError) and not isinstance(error, AmbiguousError):
            self.journaling.forget(flight.invocation)
            self._perform(self.registry.rejected(inference_id))
            self._land(inference_id)
            self._clean_up(flight, succeeded=False)
        else:
            self.let_go(flight.invocation)

    # What sources tell

    def deliver(self, delivery: Delivery) -> None:
        """A source tells of a completion."""
        if self.unclaimed.keep(delivery):
            return
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
                    self.journaling.when_written(receipt.acknowledge)
                case Release(receipt, ownership):
                    receipt.release(ownership)
                case Hold(receipt):
                    receipt.hold()
                case Fetch():
                    self.supervisor.spawn(self._fetch(action), name="fetch")
                case Look(invocation, is_last):
                    self.supervisor.spawn(self._look(invocation, is_last=is_last), name="look")
                case Resend(invocation):
                    self._start_resend(invocation)
                case _:
                    assert_never(action)

    def _settle(self, action: Settle) -> None:
        invocation, outcome, source = action.invocation, action.outcome, action.source
        self.journaling.settled(invocation, outcome)
        if source == PollingSource.name:
            self.health.missed()
            self._follow_health()
        if not isinstance(outcome, Expired | DeadlinePassed):  # those tell nothing of the endpoint's rate
            self._windows.drained(invocation)
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
        self._windows.release(flight.invocation)
        self._unplaced.discard(inference_id)
        self._settled_all.leave()
        if self._polling is not None:
            self._polling.forget(inference_id)
        if not self._flights:
            self._is_busy.clear()
        if flight.resending is not None and flight.resending is not asyncio.current_task():
            flight.resending.cancel()  # it has ended: sending it again would be paid for in vain
        return flight

    def _clean_up(self, flight: Flight, *, succeeded: bool) -> None:
        if self.dispatch.is_to_clean_up(flight, succeeded=succeeded):
            self._cleaning.enter()
            cleaning = self.supervisor.spawn(self.dispatch.clean_up(flight), name="clean up")
            cleaning.add_done_callback(lambda _: self._cleaning.leave())

    def _watch(self, flight: Flight, *, at_once: bool = False) -> None:
        """Let time and polling look after it, if it is still pending; ``at_once`` if it may have ended."""
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
        is_block = invocation.is_in_block and prefix.endswith(f"{invocation.extension}")
        self._polling.watch(
            invocation.inference_id,
            output=output,
            failure=self.registry.failure_location(invocation),
            prefix=S3Location(output.bucket, prefix) if is_block else None,
            at_once=at_once,
        )

    async def _fetch(self, fetch: Fetch) -> None:
        invocation, delivery = fetch.invocation, fetch.delivery
        try:
            found = await self._resolution.fetch(delivery.completion, fetch.location)
        except Exception as error:  # a defect, ours or a credential provider's, must not leave it pending
            logger.exception("could not fetch the outcome of %s", invocation.inference_id)
            found = Fetched(Undeliverable(invocation.inference_id, error))
        if isinstance(found, NotThere):
            self._perform(self.registry.missing(invocation, self._clock.monotonic()))
            self._follow_alarm()
            return
        flight = self._flights.get(invocation.inference_id)
        if flight is not None:
            flight.body = found.body
        self._perform(self.registry.resolved(invocation, found.outcome, delivery.source))

    async def _look(self, invocation: Invocation, *, is_last: bool) -> None:
        found = await self._look_into_s3(invocation.inference_id)
        if is_last:  # the deadline holds, whether S3 could be asked or not
            self._perform(self.registry.given_up(invocation, f"no notification came, and {found}"))

    async def _look_into_s3(self, inference_id: str) -> str:
        """Deliver what S3 has of the invocation; in words what there is if it has nothing."""
        if self._polling is None:
            return "S3 is not asked, since polling=None"
        try:
            is_known = await self._polling.look(self, inference_id)
        except Exception as error:  # noqa: BLE001 - nothing must keep a deadline from passing
            logger.warning("could not look for %s in S3: %s", inference_id, error)
            return f"S3 could not be asked ({error})"
        if not is_known:
            return "where in S3 its result would lie was never told"
        return "S3 holds neither a result nor a failure"

    def _start_resend(self, invocation: Invocation) -> None:
        flight = self._flights.get(invocation.inference_id)
        if flight is not None and flight.request is not None:
            flight.resending = self.supervisor.spawn(self._resend(flight), name="resend")

    async def _resend(self, flight: Flight) -> None:
        invocation = flight.invocation
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


def _closed_over(invocation: Invocation, token: str) -> ClientClosedError:
    return ClientClosedError(
        f"the client was closed while {invocation.inference_id} was under way; its token names where the "
        "result will lie, if SageMaker accepted it.",
        token=token,
    )
