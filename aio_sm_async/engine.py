"""The running parts of one client, and what callers can do with them: send, wait, give up, take up, close."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import cast

from aio_sm_async.clock import Clock
from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.completions.polling import PollingSource
from aio_sm_async.completions.source import CompletionSource
from aio_sm_async.dispatch import Dispatch
from aio_sm_async.drafts import Draft
from aio_sm_async.errors import AmbiguousError, AsyncInferenceError, ClientClosedError, InvalidRequestError
from aio_sm_async.flight import AnyFuture, Flight
from aio_sm_async.flow import Underway
from aio_sm_async.future import InferenceFuture
from aio_sm_async.journaling import ItemKey, Journaling
from aio_sm_async.lookout import Lookout
from aio_sm_async.outcome import Outcomes
from aio_sm_async.protocol.completion import Completion
from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.invocation import Invocation, State
from aio_sm_async.protocol.journal_entry import JournalEntry
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import (
    DeadlinePassed,
    Registry,
)
from aio_sm_async.protocol.request import Acceptance
from aio_sm_async.protocol.token import Token, encode_token
from aio_sm_async.resolution import Resolution
from aio_sm_async.settings import OnAmbiguous
from aio_sm_async.statistics import Counters
from aio_sm_async.supervision import Supervisor
from aio_sm_async.tower import Tower
from aio_sm_async.unclaimed import Unclaimed
from aio_sm_async.windows import Windows

logger = logging.getLogger("aio_sm_async")


class Engine:
    """Sends what callers hand in, and tells the `Tower` of it."""

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
        self.supervisor = Supervisor(clock)
        self._region = region
        self._lookout = Lookout(polling, registry)
        self._sources: list[CompletionSource] = [*notifications, *([polling] if polling else [])]
        self._windows = windows
        self._clock = clock
        self._counters = counters
        self._on_ambiguous = on_ambiguous
        self._loop = asyncio.get_running_loop()
        self._sending = Underway()
        self._tower = Tower(
            registry=registry,
            unclaimed=self.unclaimed,
            journaling=journaling,
            windows=windows,
            lookout=self._lookout,
            resolution=resolution,
            outcomes=outcomes,
            dispatch=dispatch,
            resend=self._resend,
            supervisor=self.supervisor,
            clock=clock,
        )
        self._warned_of: set[str] = set()

    def __repr__(self) -> str:
        return f"<Engine {self.registry!r} {self._windows!r}>"

    @property
    def is_notified(self) -> bool:
        """Whether notifications flow."""
        return self._lookout.is_notified

    # Opening and closing

    async def open(self) -> None:
        """Check the sources and start what keeps them going."""
        for source in self._sources:
            await source.open()
        for source in self._sources:
            for name, pump in source.pumps().items():
                self.supervisor.keep_running(partial(pump, self._tower), name=name)
        self.supervisor.keep_running(self._tower.watch_time, name="deadlines")

    async def drain(self) -> None:
        """Return once every invocation has its outcome."""
        await self._tower.all_landed.wait()

    async def aclose(self, timeout_seconds: float) -> None:
        """Stop intake, let open requests be answered, fail what is pending, acknowledge the rest."""
        self._windows.close(lambda: ClientClosedError("the client is closed; open a new one"))
        await self._wait_at_most(
            timeout_seconds, self._sending.wait(), *(source.quiesce() for source in self._sources)
        )
        self._sending.cut()
        await self._wait_at_most(timeout_seconds, self._sending.wait(), self._tower.cleaning.wait())
        for flight in self._tower.flights:
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
        _hand_back(invocation)  # unanswered: whoever takes it up with the token may need it
        self._tower.perform(self.registry.abandoned(invocation.inference_id))
        self._tower.land(invocation.inference_id)
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
        flight, future = self._tower.take_off(invocation, request, owner=self, accept=request.accept)
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
        is_inherited: bool = False,
    ) -> AnyFuture:
        """Wait for an invocation that another process, or an earlier one, sent.

        It counts as in flight, but is not kept waiting for room.

        Args:
            invocation: What is known of it, its locations among that. Its patience counts from now.
            is_accepted: Whether its 202 was seen; if not, nobody knows whether it was accepted.
            accept: The type that the caller wishes for.
            uploaded: The input that was uploaded for it.
            is_inherited: Whether polling looks for it at once, and as often as without notifications.
            draft: What it was made of, if it may be sent again: its own names take the place of the draft's.

        Raises:
            InvalidRequestError: It is pending here already.
            ClientClosedError: The client is being closed.
        """
        self._windows.enter_nowait(invocation)
        try:
            actions = self.registry.adopt(invocation, self._clock.monotonic(), is_accepted=is_accepted)
        except InvalidRequestError:
            self._windows.release(invocation)
            raise
        heard = self.unclaimed.claim(invocation.inference_id)
        flight, future = self._tower.take_off(invocation, None, owner=self, accept=accept)
        flight.uploaded = uploaded
        if draft is not None and not is_accepted:
            flight.request, flight.unsent = draft.request_for(invocation), draft.upload
        self._tower.perform(actions)
        self._tower.watch(flight, is_inherited=is_inherited)
        if heard is not None:
            self._tower.perform(self.registry.delivered(heard))
        return future

    def future_of(self, inference_id: str) -> AnyFuture | None:
        """The future that somebody here waits with; None if nobody does."""
        flight = self._tower.flights.get(inference_id)
        future = flight.future() if flight is not None else None
        if flight is not None and future is None:
            self.let_go(flight.invocation)  # it was dropped a moment ago
        return future

    def recall(self, outcome: Completion | DeadlinePassed, source: str) -> None:
        """Tell how an invocation that was adopted ended, as somebody remembers it."""
        invocation = self.registry.get(outcome.inference_id)
        if isinstance(outcome, DeadlinePassed):
            self._tower.perform(self.registry.given_up(invocation, outcome.reason) if invocation else [])
        else:
            self._tower.recall(outcome, source)

    def look(self, invocation: Invocation) -> None:
        """Ask S3 about the invocation now, and not only when polling would: it may have ended long ago."""
        self._tower.look(invocation)

    def abandon(self, invocation: Invocation) -> None:
        """Its caller has given it up: its slot is free, a late notification is acknowledged."""
        self.journaling.forget(invocation)
        self._leave(invocation.inference_id)

    def forget(self, invocation: Invocation) -> None:
        """Its caller gave up before there was a future: it was let go, and nobody will ask for it again."""
        if invocation.state is State.ABANDONED:
            self.journaling.forget(invocation)
            self.unclaimed.forget(invocation.inference_id)

    def let_go(self, invocation: Invocation) -> None:
        """Nobody here waits for it any more; with a journal somebody may ask for it again."""
        inference_id = invocation.inference_id
        if self.journaling.is_on:
            if invocation.is_recorded or inference_id in self.registry:
                self.unclaimed.expect(inference_id)
            for receipt in self.registry.let_go(inference_id):
                receipt.release(Ownership.OURS)
            _hand_back(invocation)  # the journal does not know how it ended: its message may be the only copy
        self._leave(inference_id)

    def let_go_threadsafe(self, invocation: Invocation) -> None:
        """The same from anywhere, soon; unless the id is waited for anew by then."""
        with suppress(RuntimeError):  # the loop was closed a moment ago
            self._loop.call_soon_threadsafe(self._dropped, invocation)

    def _dropped(self, invocation: Invocation) -> None:
        flight = self._tower.flights.get(invocation.inference_id)
        if flight is None or flight.future() is None:
            self.let_go(invocation)

    def consumed(self, invocation: Invocation) -> None:
        """The caller has taken the outcome."""
        self.journaling.consumed(invocation)
        self._tower.perform(self.registry.consumed(invocation.inference_id))

    def _leave(self, inference_id: str) -> None:
        self._tower.perform(self.registry.abandoned(inference_id))
        self._tower.land(inference_id)

    def keep(self, future: InferenceFuture[object]) -> None:
        """Hold the future until it is settled."""
        flight = self._tower.flights.get(future.inference_id)
        if flight is not None:
            flight.kept = cast("AnyFuture", future)

    def unkeep(self, inference_id: str) -> None:
        """Hold it no longer than the caller does."""
        flight = self._tower.flights.get(inference_id)
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
        self._tower.perform(
            self.registry.accepted(
                flight.invocation.inference_id,
                self._clock.monotonic(),
                output_location=acceptance.output_location,
                failure_location=acceptance.failure_location,
            )
        )
        self.journaling.accepted(flight.invocation)
        self._tower.watch(flight)
        self._lookout.place()

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
        self._tower.perform(self.registry.ambiguous(flight.invocation.inference_id, self._clock.monotonic()))
        self._tower.watch(flight)

    def _refused(self, flight: Flight, error: BaseException) -> None:
        """It was not sent, was refused, or its caller went: it is in flight no more."""
        inference_id = flight.invocation.inference_id
        if isinstance(error, AsyncInferenceError) and not isinstance(error, AmbiguousError):
            self.journaling.forget(flight.invocation)
            self._tower.perform(self.registry.rejected(inference_id))
            self._tower.land(inference_id)
            self._tower.clean_up(flight, succeeded=False)
        else:
            self.let_go(flight.invocation)

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


def _hand_back(invocation: Invocation) -> None:
    """Its messages are for others: they are not acknowledged."""
    for receipt in invocation.receipts:
        receipt.release(Ownership.OURS)
    invocation.receipts.clear()


def _closed_over(invocation: Invocation, token: str) -> ClientClosedError:
    return ClientClosedError(
        f"the client was closed while {invocation.inference_id} was under way; its token names where the "
        "result will lie, if SageMaker accepted it.",
        token=token,
    )
