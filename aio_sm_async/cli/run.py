"""One run: outcomes are taken as they come, and written; signals, errors and the end are seen to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from anyio import to_thread
from rich.console import Console

from aio_sm_async.cli.account import Account, Traffic, traffic_of
from aio_sm_async.cli.display import Display
from aio_sm_async.cli.exit_codes import ExitCode, code_of
from aio_sm_async.cli.feed import Feed
from aio_sm_async.cli.harvest import Harvest
from aio_sm_async.cli.journal_file import JournalFile
from aio_sm_async.cli.plan import Plan
from aio_sm_async.cli.shutdown import Shutdown
from aio_sm_async.cli.sinks import ErrorsFile, Sinks, open_sink
from aio_sm_async.cli.sources import BrokenItem, open_source
from aio_sm_async.cli.summary import Summary
from aio_sm_async.cli.supply import FromJournal, FromSource, Supply
from aio_sm_async.cli.words import in_words
from aio_sm_async.client import AsyncInferenceClient
from aio_sm_async.errors import (
    AsyncInferenceError,
    ClientClosedError,
    ConfigurationError,
    InvalidRequestError,
    ServiceError,
    TooManyFailuresError,
)
from aio_sm_async.wire.objects import Objects


class Run:
    """Carries out a plan, once.

    Args:
        plan: What to do.
        console: Where people look: standard error.
    """

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._clock = plan.connection.clock
        self._account = Account()
        self._own_calls: Counter[str] = Counter()
        self._stopped_by: str | None = None
        self._is_in_vain = False
        self._has_begun = False

    async def run(self) -> Summary:
        """What it came to.

        Raises:
            ConfigurationError: Nothing was begun: the plan cannot work.
            AsyncInferenceError: Nothing was begun: AWS cannot be reached, or the journal not be opened.
            OSError: Nothing was begun: a file cannot be opened.
        """
        started = self._clock.monotonic()
        resume = self._plan.resume_command
        with Shutdown(f"To go on: {resume}" if resume else None) as shutdown:
            async with AsyncExitStack() as stack:
                objects = await self._objects(stack)
                supply, sinks = await self._ends(stack, objects, shutdown)
                async with JournalFile(self._plan).kept_if(
                    lambda: self._can_go_on, has_begun=lambda: self._has_begun
                ):
                    client = self._plan.connection.client(journal=self._plan.journal)
                    async with client:
                        self._has_begun = True
                        code = await self._go(client, supply, sinks, shutdown)
                traffic = self._traffic(client)
        return self._summary(code, traffic, self._clock.monotonic() - started)

    @property
    def _can_go_on(self) -> bool:
        """Whether another run has something to go on with."""
        return self._stopped_by is not None and not self._is_in_vain

    async def _objects(self, stack: AsyncExitStack) -> Objects | None:
        if not self._plan.needs_objects:
            return None
        return await stack.enter_async_context(self._plan.connection.objects(self._own_calls))

    async def _ends(
        self, stack: AsyncExitStack, objects: Objects | None, shutdown: Shutdown
    ) -> tuple[Supply, Sinks]:
        """Both ends of the run: where outcomes come from, and where they go."""
        plan = self._plan
        if plan.source is None:
            return FromJournal(), await self._open_sinks(stack, objects)
        source = await to_thread.run_sync(
            partial(
                open_source,
                plan.source,
                objects=objects,
                stop=shutdown.requested,
                key_field=plan.key_field,
                content_type=plan.content_type,
            )
        )
        sinks = await self._open_sinks(stack, objects)

        async def refuse(item: BrokenItem) -> None:
            kind = InvalidRequestError.__name__
            await sinks.errors.write(item.index, item.key, item.place, kind=kind, reason=item.reason)
            self._account.failed += 1

        feed = Feed(
            source,
            self._account,
            stop=shutdown.requested,
            done=sinks,
            refuse=refuse,
            has_uploads=plan.connection.uploads is not None,
            keys_are_chosen=plan.key_field is not None,
            limit=plan.limit,
        )
        return FromSource(feed, source, plan), sinks

    async def _open_sinks(self, stack: AsyncExitStack, objects: Objects | None) -> Sinks:
        plan = self._plan
        sink = await to_thread.run_sync(
            partial(open_sink, plan.sink, source=plan.source, objects=objects, clock=self._clock)
        )
        errors = ErrorsFile(plan.errors, self._clock)
        for each in (sink, errors):
            await each.open(resumes=plan.resumes)
            stack.push_async_callback(each.aclose)
        self._account.already_failed = len(errors)
        return Sinks(sink, errors)

    async def _go(
        self, client: AsyncInferenceClient, supply: Supply, sinks: Sinks, shutdown: Shutdown
    ) -> ExitCode:
        plan = self._plan
        # With a journal, whoever asks for the next has taken the one before: it must be written by then.
        writes_at_once = 1 if plan.journal is not None else sinks.results.writes_at_once
        harvest = Harvest(supply, sinks, self._account, writes_at_once=writes_at_once)
        traffic = partial(self._traffic, client)
        display = Display(self._console, self._clock, self._account, traffic, title=plan.title)
        async with (
            display.shown(is_quiet=plan.is_quiet),
            _beside(self._count(supply)),
            _beside(self._end(client, shutdown, display)),
        ):
            try:
                await harvest.bring_in(supply.outcomes(client))
            except ClientClosedError:
                assert shutdown.code is not None  # the grace period is over
            except TooManyFailuresError:
                self._stopped_by = f"{self._account.failed:,} items failed"
                return ExitCode.SOME_FAILED
            except (AsyncInferenceError, OSError) as error:
                self._stopped_by = in_words(error)
                self._account.unfinished += supply.in_hand
                self._is_in_vain = not self._plan.resumes and _refuses_all(error) and _is_untouched(client)
                return code_of(error)
        if shutdown.code is not None and not (supply.is_at_end and not self._account.unfinished):
            self._stopped_by = "interrupted"
            return shutdown.code
        has_failures = self._account.failed + self._account.already_failed > 0
        return ExitCode.SOME_FAILED if has_failures else ExitCode.SUCCEEDED

    async def _count(self, supply: Supply) -> None:
        """Find out beside the run how many items there are, where that can be told."""
        with suppress(OSError):  # the run itself will meet it, and say so
            total = await supply.count()
            if total is not None and self._account.total is None:
                self._account.total = total

    async def _end(self, client: AsyncInferenceClient, shutdown: Shutdown, display: Display) -> None:
        """Once interrupted, give what is in flight its grace, and close the client after it."""
        await shutdown.requested.wait()
        grace, in_flight = self._plan.grace_seconds, client.statistics().in_flight
        display.note = f"stopping: waiting at most {grace:g} s for {in_flight:,} in flight"
        await display.say(
            f"Stopping: nothing more is sent, {in_flight:,} in flight are waited for, at most {grace:g} s. "
            "A second signal ends at once."
        )
        await self._clock.sleep_until(self._clock.monotonic() + grace)
        await client.aclose()

    def _traffic(self, client: AsyncInferenceClient) -> Traffic:
        return traffic_of(client.statistics(), self._own_calls)

    def _summary(self, code: ExitCode, traffic: Traffic, seconds: float) -> Summary:
        return Summary(
            self._account,
            traffic,
            seconds,
            self._plan.sink,
            str(self._plan.errors),
            self._stopped_by,
            self._plan.resume_command if self._can_go_on else None,
            code,
        )


def _refuses_all(error: Exception) -> bool:
    """Whether what is still on its way will be refused for the same reason."""
    if isinstance(error, ServiceError):
        return error.operation == "InvokeEndpointAsync"
    return isinstance(error, ConfigurationError | InvalidRequestError)


def _is_untouched(client: AsyncInferenceClient) -> bool:
    """Whether SageMaker has accepted nothing, and nobody doubts that."""
    now = client.statistics()
    return now.ambiguous + now.in_flight + now.completed + now.failed + now.expired == 0


@asynccontextmanager
async def _beside(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run the work while the block runs; it is cancelled with the end of the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
