"""Watches over what is in flight, from take-off to landing, and carries out what the registry decides.

Facts come from two sides here: sources deliver completions, and time passes. Each is told to the registry,
and the actions that it returns are performed at once, in order.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Coroutine, Iterable
from typing import assert_never

from aio_sm_async.clock import Clock
from aio_sm_async.dispatch import Dispatch
from aio_sm_async.flight import AnyFuture, Flight, Flights
from aio_sm_async.flow import Quiet
from aio_sm_async.future import FutureOwner, InferenceFuture
from aio_sm_async.journaling import Journaling
from aio_sm_async.lookout import Lookout
from aio_sm_async.outcome import Outcomes
from aio_sm_async.protocol.completion import Completed, Completion, Expired
from aio_sm_async.protocol.invocation import Delivery, Invocation
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
from aio_sm_async.protocol.request import InvocationRequest
from aio_sm_async.resolution import Fetched, NotThere, Resolution
from aio_sm_async.supervision import Supervisor
from aio_sm_async.unclaimed import Unclaimed
from aio_sm_async.windows import Windows

logger = logging.getLogger("aio_sm_async")


class Tower:
    """Settles, fetches, looks, acknowledges: whatever is to be done about a flight.

    Args:
        registry: Decides.
        unclaimed: Keeps what comes for invocations that nobody waits for yet.
        journaling: Writes down how they end.
        windows: Where a landing makes room.
        lookout: Looks into S3.
        resolution: Fetches bodies.
        outcomes: Makes results and errors.
        dispatch: Deletes uploaded inputs.
        resend: Sends a request again.
        supervisor: Runs the tasks.
        clock: Time.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        unclaimed: Unclaimed,
        journaling: Journaling,
        windows: Windows,
        lookout: Lookout,
        resolution: Resolution,
        outcomes: Outcomes,
        dispatch: Dispatch,
        resend: Callable[[Flight], Coroutine[object, object, None]],
        supervisor: Supervisor,
        clock: Clock,
    ) -> None:
        self.flights = Flights()
        self.all_landed = Quiet()
        self.cleaning = Quiet()
        self._registry = registry
        self._unclaimed = unclaimed
        self._journaling = journaling
        self._windows = windows
        self._lookout = lookout
        self._resolution = resolution
        self._outcomes = outcomes
        self._dispatch = dispatch
        self._resend = resend
        self._supervisor = supervisor
        self._clock = clock
        self._is_busy = asyncio.Event()
        self._alarm: float | None = None
        self._alarm_moved = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Tower {len(self.flights)} flights>"

    def take_off(
        self,
        invocation: Invocation,
        request: InvocationRequest | None,
        *,
        owner: FutureOwner,
        accept: str | None,
    ) -> tuple[Flight, AnyFuture]:
        """It is in flight from now on, and its completion is listened for."""
        future: AnyFuture = InferenceFuture(invocation, owner, asyncio.get_running_loop())
        flight = Flight(invocation, weakref.ref(future), request, accept=accept)
        self.flights.add(flight)
        self.all_landed.enter()
        self._is_busy.set()
        return flight, future

    # What sources tell

    def deliver(self, delivery: Delivery) -> None:
        """A source tells of a completion."""
        inference_id = delivery.completion.inference_id
        # A caller may use an id again that an earlier process left unclaimed: who waits for it goes first.
        if inference_id not in self._registry and self._unclaimed.keep(delivery):
            return
        if self._registry.knows(inference_id):
            self._lookout.heard(delivery.source)
        self.perform(self._registry.delivered(delivery))

    async def wait_pending(self) -> None:
        """Return once something is in flight."""
        await self._is_busy.wait()

    def source_failed(self, source: str, error: Exception) -> None:  # noqa: ARG002 - the source has logged it
        """Poll S3 more often, for the source cannot be read."""
        self._lookout.source_failed(source)

    def source_recovered(self, source: str) -> None:
        """The source can be read again."""
        self._lookout.source_recovered(source)

    # What time brings

    async def watch_time(self) -> None:
        """Tell the registry when something is due: a pump, to be kept running."""
        while True:
            self._alarm = self._registry.next_due()
            self._alarm_moved.clear()
            try:
                async with self._clock.timeout_at(self._alarm):
                    await self._alarm_moved.wait()
            except TimeoutError:
                self.perform(self._registry.due(self._clock.monotonic()))

    def _follow_alarm(self) -> None:
        due = self._registry.next_due()
        if due is not None and (self._alarm is None or due < self._alarm):
            self._alarm_moved.set()

    # What the registry wants done

    def perform(self, actions: Iterable[Action]) -> None:
        """Carry out what the registry decided."""
        for action in actions:
            match action:
                case Settle():
                    self._settle(action)
                case Acknowledge(receipt):
                    self._journaling.when_written(receipt.acknowledge)
                case Release(receipt, ownership):
                    receipt.release(ownership)
                case Hold(receipt):
                    receipt.hold()
                case Fetch():
                    self._supervisor.spawn(self._fetch(action), name="fetch")
                case Look(invocation, is_last):
                    self.look(invocation, is_last=is_last)
                case Resend(invocation):
                    self._start_resend(invocation)
                case _:
                    assert_never(action)

    def _settle(self, action: Settle) -> None:
        invocation, outcome, source = action.invocation, action.outcome, action.source
        self._journaling.settled(invocation, outcome)
        self._lookout.settled(source)
        if not isinstance(outcome, Expired | DeadlinePassed):  # those tell nothing of the endpoint's rate
            self._windows.drained(invocation)
        flight = self.land(invocation.inference_id)
        if flight is None:
            return
        self.clean_up(flight, succeeded=isinstance(outcome, Completed))
        future = flight.future()
        if future is None:
            return
        result = self._outcomes.of(invocation, outcome, source=source, accept=flight.accept, body=flight.body)
        if isinstance(result, Exception):
            future.fail(result)
        else:
            future.settle(result)

    def land(self, inference_id: str) -> Flight | None:
        """Its slot is free, and nobody looks for it any more."""
        flight = self.flights.land(inference_id)
        if flight is None:
            return None
        self._windows.release(flight.invocation)
        self._lookout.forget(inference_id)
        self.all_landed.leave()
        if not self.flights:
            self._is_busy.clear()
        if flight.resending is not None and flight.resending is not asyncio.current_task():
            flight.resending.cancel()  # it has ended: sending it again would be paid for in vain
        return flight

    def clean_up(self, flight: Flight, *, succeeded: bool) -> None:
        """Delete the input that was uploaded for it, if that is wanted now that it has ended."""
        if self._dispatch.is_to_clean_up(flight, succeeded=succeeded):
            self.cleaning.enter()
            cleaning = self._supervisor.spawn(self._dispatch.clean_up(flight), name="clean up")
            cleaning.add_done_callback(lambda _: self.cleaning.leave())

    def recall(self, completion: Completion, source: str) -> None:
        """An invocation that was adopted had ended: read its outcome, without polling for it as well."""
        self.perform(self._registry.delivered(Delivery(completion, source)))
        invocation = self._registry.get(completion.inference_id)
        if invocation is not None and invocation.is_resolving:
            self._lookout.forget(completion.inference_id)

    def watch(self, flight: Flight, *, is_inherited: bool = False) -> None:
        """Let time and polling look after it while it is pending; ``is_inherited``: not sent here."""
        if flight.invocation.inference_id in self._registry:
            self._follow_alarm()
            self._lookout.watch(flight.invocation, is_inherited=is_inherited)

    async def _fetch(self, fetch: Fetch) -> None:
        invocation, delivery = fetch.invocation, fetch.delivery
        try:
            found = await self._resolution.fetch(delivery.completion, fetch.location)
        except Exception as error:  # a defect, ours or a credential provider's, must not leave it pending
            logger.exception("could not fetch the outcome of %s", invocation.inference_id)
            found = Fetched(Undeliverable(invocation.inference_id, error))
        flight = self.flights.get(invocation.inference_id)
        if isinstance(found, NotThere):
            self.perform(self._registry.missing(invocation, self._clock.monotonic()))
            if flight is not None:
                self.watch(flight)
            return
        if flight is not None:
            flight.body = found.body
        self.perform(self._registry.resolved(invocation, found.outcome, delivery.source))

    def look(self, invocation: Invocation, *, is_last: bool = False) -> None:
        """Ask S3 about the invocation now, and not only when polling would."""
        self._supervisor.spawn(self._look(invocation, is_last=is_last), name="look")

    async def _look(self, invocation: Invocation, *, is_last: bool) -> None:
        found = await self._lookout.look(self, invocation.inference_id)
        if is_last:  # the deadline holds, whether S3 could be asked or not
            self.perform(self._registry.given_up(invocation, f"no notification came, and {found}"))

    def _start_resend(self, invocation: Invocation) -> None:
        flight = self.flights.get(invocation.inference_id)
        if flight is not None and flight.request is not None:
            flight.resending = self._supervisor.spawn(self._resend(flight), name="resend")
