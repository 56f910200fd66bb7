"""Completions by asking S3: the safety net that is always there, and enough on its own.

`PollSchedule` says what to ask and when; this file asks, at a bounded rate, and passes on what it finds.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from aio_sm_async.clock import Clock
from aio_sm_async.completions.denials import Denials
from aio_sm_async.completions.source import Inbox, Pump
from aio_sm_async.errors import (
    AccessDeniedError,
    AsyncInferenceError,
    BodyTooLargeError,
    ConfigurationError,
    NotFoundError,
)
from aio_sm_async.protocol.completion import Completed, Completion, Failed
from aio_sm_async.protocol.invocation import Delivery
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.schedule import AskFailure, AskOutput, ListBlock, Pace, PollSchedule, Question
from aio_sm_async.retries import Retries
from aio_sm_async.wire.objects import Objects

logger = logging.getLogger("aio_sm_async.polling")

LAST_LOOK_TRIES = 8
FAILURE_FOUND = "the endpoint wrote a failure object"


@dataclass(frozen=True, slots=True)
class S3Polling:
    """Look for results in S3, beside notifications or alone.

    Attributes:
        first_seconds: How long after a request was accepted it is looked for first.
        growth: Each wait is this many times the one before.
        max_interval_seconds: The longest wait.
        notified_interval_seconds: The wait while notifications flow.
        own_prefix: Whether outputs get a prefix and names of this client (``S3OutputPathExtension``,
            ``Filename``), so that one LIST answers for many. Without, each key is asked for by itself.
        max_requests_per_second: The most S3 requests a second that polling makes.
        failures_per_second: How many failure keys are asked a second while outputs are listed.
    """

    first_seconds: float = 2.0
    growth: float = 1.5
    max_interval_seconds: float = 30.0
    notified_interval_seconds: float = 30.0
    own_prefix: bool = True
    max_requests_per_second: float = 200.0
    failures_per_second: float = 20.0

    def __post_init__(self) -> None:
        if self.growth < 1:
            raise ConfigurationError(
                f"S3Polling(growth={self.growth}): must be at least 1, or waits would shrink"
            )
        for name in (
            "first_seconds",
            "max_interval_seconds",
            "notified_interval_seconds",
            "max_requests_per_second",
        ):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"S3Polling({name}={getattr(self, name)}): must be above 0")

    @property
    def pace(self) -> Pace:
        """The waits, as the schedule takes them."""
        return Pace(
            first_seconds=self.first_seconds,
            growth=self.growth,
            cap_seconds=self.max_interval_seconds,
            notified_seconds=self.notified_interval_seconds,
        )


class PollingSource:
    """S3, being asked.

    Args:
        settings: What the user chose.
        objects: The calls.
        clock: Time.
        dice: Random numbers, at least 0 and below 1.
        max_body_bytes: Larger bodies are not read here.
        denials: Knows what a 403 means.
    """

    name = "polling"

    def __init__(
        self,
        settings: S3Polling,
        objects: Objects,
        *,
        clock: Clock,
        dice: Callable[[], float],
        max_body_bytes: int,
        denials: Denials,
    ) -> None:
        self._settings = settings
        self._objects = objects
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._retries = Retries(clock, dice=dice, tries=LAST_LOOK_TRIES)
        self._schedule = PollSchedule(settings.pace, failures_per_second=settings.failures_per_second)
        self._has_changed = asyncio.Event()
        self._asleep_until = 0.0
        self._tick_seconds = min(0.25, settings.first_seconds / 4)
        self._next_slot = 0.0
        self._denials = denials

    def __repr__(self) -> str:
        return f"<PollingSource {self._schedule!r}>"

    async def open(self) -> None:
        """Nothing can be checked before the first 202 tells where outputs lie."""

    def pumps(self) -> Mapping[str, Pump]:
        """The one that asks."""
        return {"s3 polling": self._pump}

    async def quiesce(self) -> None:
        """Nothing can get lost: what was asked once can be asked again."""

    async def aclose(self) -> None:
        """Nothing is left to be sent."""

    def watch(
        self,
        inference_id: str,
        *,
        output: S3Location,
        failure: S3Location | None,
        prefix: S3Location | None,
        is_inherited: bool = False,
    ) -> None:
        """Look for this invocation from now on; ``is_inherited`` if another process sent it."""
        now = self._clock.monotonic()
        self._schedule.add(
            inference_id, now, output=output, failure=failure, prefix=prefix, is_inherited=is_inherited
        )
        self._wake()

    def forget(self, inference_id: str) -> None:
        """Look for it no more."""
        self._schedule.remove(inference_id)

    def set_notified(self, is_notified: bool) -> None:
        """Notifications have begun to flow, or have stopped."""
        self._schedule.set_notified(is_notified)
        self._wake()

    async def look(self, inbox: Inbox, inference_id: str) -> bool:
        """Ask for one invocation now, and again while S3 cannot be read; False if it is not known where."""
        questions = self._schedule.ask(inference_id)
        for question in questions:
            with suppress(NotFoundError):
                await self._retries.call(partial(self._put, inbox, question))
        return bool(questions)

    async def _pump(self, inbox: Inbox) -> None:
        while True:
            await self._wait_due()
            questions = self._schedule.due(self._clock.monotonic())
            async with asyncio.TaskGroup() as asking:
                for question in questions:
                    await self._wait_slot()
                    asking.create_task(self._ask(inbox, question), name="s3 polling question")

    async def _wait_due(self) -> None:
        """Sleep until there is something to ask; never less than a tick, so that questions gather."""
        await self._clock.sleep_until(self._clock.monotonic() + self._tick_seconds)
        while (due := self._schedule.next_due()) is None or due > self._clock.monotonic():
            self._asleep_until = math.inf if due is None else due
            self._has_changed.clear()
            try:
                async with self._clock.timeout_at(due):
                    await self._has_changed.wait()
            except TimeoutError:
                return

    def _wake(self) -> None:
        """Let the pump look at the schedule again, if something is due before it would wake by itself."""
        due = self._schedule.next_due()
        if due is not None and due < self._asleep_until:
            self._has_changed.set()

    async def _wait_slot(self) -> None:
        now = self._clock.monotonic()
        interval = 1 / self._settings.max_requests_per_second
        self._next_slot = max(
            self._next_slot + interval, now - 0.25
        )  # a quarter second's worth may go at once
        if self._next_slot > now:
            await self._clock.sleep_until(self._next_slot)

    async def _put(self, inbox: Inbox, question: Question) -> None:
        match question:
            case ListBlock(prefix, members):
                await self._ask_block(inbox, prefix, members)
            case AskOutput(inference_id, location):
                await self._ask_output(inbox, inference_id, location)
            case AskFailure(inference_id, location):
                await self._ask_failure(inbox, inference_id, location)

    async def _ask(self, inbox: Inbox, question: Question) -> None:
        try:
            await self._put(inbox, question)
        except NotFoundError:
            return  # not yet
        except AsyncInferenceError as error:
            # Polling is the last resort: whatever goes wrong now is asked again at the next look.
            logger.info("a look into S3 failed and will be repeated: %s", error)

    async def _ask_block(self, inbox: Inbox, prefix: S3Location, members: Mapping[str, str]) -> None:
        try:
            async for page in self._objects.list_keys(S3Location(prefix.bucket, prefix.key + "/")):
                for listed in page:
                    inference_id = members.get(listed.key)
                    if inference_id is not None:
                        location = S3Location(prefix.bucket, listed.key)
                        self._tell(inbox, Completed(inference_id, output_location=location))
        except AccessDeniedError as denied:
            if self._denials.may_list(prefix.bucket):
                raise
            self._denials.note(prefix.bucket, denied)
            for key, inference_id in members.items():
                await self._wait_slot()
                await self._ask(inbox, AskOutput(inference_id, S3Location(prefix.bucket, key)))

    async def _ask_output(self, inbox: Inbox, inference_id: str, location: S3Location) -> None:
        try:
            found = await self._objects.get(location, limit_bytes=self._max_body_bytes)
        except BodyTooLargeError:
            self._tell(inbox, Completed(inference_id, output_location=location))
            return
        except AccessDeniedError as denied:
            if await self._denials.mean_missing(location, denied):
                return
            # It is there, and we may not read it: whoever fetches it will say so to the caller.
            self._tell(inbox, Completed(inference_id, output_location=location))
            return
        self._tell(
            inbox,
            Completed(
                inference_id,
                output_location=location,
                body=found.body,
                content_type=found.content_type,
                finished_time=found.last_modified,
            ),
        )

    async def _ask_failure(self, inbox: Inbox, inference_id: str, location: S3Location) -> None:
        try:
            found = await self._objects.get(location, limit_bytes=self._max_body_bytes)
        except AccessDeniedError as denied:
            if not await self._denials.mean_missing(location, denied):
                self._tell(inbox, Failed(inference_id, FAILURE_FOUND, failure_location=location, body=b""))
            return
        self._tell(
            inbox,
            Failed(
                inference_id,
                FAILURE_FOUND,
                failure_location=location,
                body=found.body,
                finished_time=found.last_modified,
            ),
        )

    def _tell(self, inbox: Inbox, completion: Completion) -> None:
        inbox.deliver(Delivery(completion, self.name))
