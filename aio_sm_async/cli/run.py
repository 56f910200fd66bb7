"""One run of ``map``: from a source through an endpoint into a sink."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import to_thread
from rich.console import Console

from aio_sm_async.cli.account import Account, Traffic, traffic_of
from aio_sm_async.cli.connection import Connection
from aio_sm_async.cli.display import Display
from aio_sm_async.cli.exit_codes import ExitCode
from aio_sm_async.cli.feed import Feed
from aio_sm_async.cli.harvest import Harvest
from aio_sm_async.cli.shutdown import Shutdown
from aio_sm_async.cli.sinks import ErrorsFile, Sink, open_sink
from aio_sm_async.cli.sources import BrokenItem, ItemSource, open_source
from aio_sm_async.cli.summary import Summary
from aio_sm_async.cli.words import in_words
from aio_sm_async.client import AsyncInferenceClient
from aio_sm_async.errors import (
    AsyncInferenceError,
    ClientClosedError,
    InvalidRequestError,
    TooManyFailuresError,
)
from aio_sm_async.fanout import FanOut, FanOutOptions, InferenceOutcome, RetryFailed
from aio_sm_async.results import InferenceResult
from aio_sm_async.wire.objects import Objects

Outcomes = FanOut[InferenceOutcome[InferenceResult[object]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the command line asks for.

    Attributes:
        source: A JSONL file, a directory, an ``s3://`` prefix, or ``-``.
        sink: A JSONL file, a directory or an ``s3://`` prefix.
        errors: The file for errors.
        connection: How AWS is reached.
        key_field: The member of each line that is its key.
        content_type: What the items are sent as.
        resumes: Whether to go on with an earlier run.
        is_in_order: Whether results are written in the order of the source.
        limit: How many items to read at most.
        attempts: How often an item is sent at most; None for once.
        stop_after_failures: After how many failures nothing more is read.
        grace_seconds: How long to wait for what is in flight, once interrupted.
        is_quiet: Whether to show nothing while it runs.
        resume_command: The command that goes on with this run.
    """

    source: str
    sink: str
    errors: Path
    connection: Connection
    key_field: str | None = None
    content_type: str | None = None
    resumes: bool = False
    is_in_order: bool = False
    limit: int | None = None
    attempts: int | None = None
    stop_after_failures: int | None = None
    grace_seconds: float = 30.0
    is_quiet: bool = False
    resume_command: str = ""

    @property
    def needs_objects(self) -> bool:
        """Whether the command itself reads or writes S3."""
        return self.source.startswith("s3://") or self.sink.startswith("s3://")


class MapRun:
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

    async def run(self) -> Summary:
        """What it came to.

        Raises:
            ConfigurationError: Nothing was begun: the plan cannot work.
            AsyncInferenceError: Nothing was begun: AWS cannot be reached.
            OSError: Nothing was begun: a file cannot be opened.
        """
        started = self._clock.monotonic()
        with Shutdown() as shutdown:
            async with AsyncExitStack() as stack:
                objects = await self._objects(stack)
                source = await to_thread.run_sync(
                    partial(
                        open_source,
                        self._plan.source,
                        objects=objects,
                        stop=shutdown.requested,
                        key_field=self._plan.key_field,
                        content_type=self._plan.content_type,
                    )
                )
                sink, errors = await self._open_sinks(stack, objects)
                client = self._plan.connection.client()
                async with client:
                    code = await self._go(client, source, sink, errors, shutdown)
                traffic = self._traffic(client)
        return self._summary(code, traffic, self._clock.monotonic() - started)

    async def _objects(self, stack: AsyncExitStack) -> Objects | None:
        if not self._plan.needs_objects:
            return None
        return await stack.enter_async_context(self._plan.connection.objects(self._own_calls))

    async def _open_sinks(self, stack: AsyncExitStack, objects: Objects | None) -> tuple[Sink, ErrorsFile]:
        plan = self._plan
        sink = await to_thread.run_sync(
            partial(open_sink, plan.sink, source=plan.source, objects=objects, clock=self._clock)
        )
        errors = ErrorsFile(plan.errors, self._clock)
        for each in (sink, errors):
            await each.open(resumes=plan.resumes)
            stack.push_async_callback(each.aclose)
        self._account.already_failed = len(errors)
        return sink, errors

    async def _go(
        self,
        client: AsyncInferenceClient,
        source: ItemSource,
        sink: Sink,
        errors: ErrorsFile,
        shutdown: Shutdown,
    ) -> ExitCode:
        plan = self._plan

        async def refuse(item: BrokenItem) -> None:
            kind = InvalidRequestError.__name__
            await errors.write(item.index, item.key, item.place, kind=kind, reason=item.reason)
            self._account.failed += 1

        feed = Feed(
            source,
            self._account,
            stop=shutdown.requested,
            done=_Either(sink, errors),
            refuse=refuse,
            has_uploads=plan.connection.uploads is not None,
            keys_are_chosen=plan.key_field is not None,
            limit=plan.limit,
        )
        harvest = Harvest(feed, sink, errors, self._account, writes_at_once=sink.writes_at_once)
        title = f"{plan.source} → {plan.connection.endpoint} → {plan.sink}"
        display = Display(
            self._console, self._clock, self._account, partial(self._traffic, client), title=title
        )
        async with (
            display.shown(is_quiet=plan.is_quiet),
            self._counting(source),
            self._ending(client, shutdown, display),
        ):
            outcomes = self._outcomes(client, feed)
            try:
                await harvest.bring_in(outcomes)
            except ClientClosedError:
                assert shutdown.code is not None  # the grace period is over
            except TooManyFailuresError:
                self._stopped_by = f"{self._account.failed:,} items failed"
                return ExitCode.SOME_FAILED
            except (AsyncInferenceError, OSError) as error:
                self._stopped_by = in_words(error)
                self._account.unfinished += feed.in_hand
                return ExitCode.COULD_NOT_GO_ON
        if shutdown.code is not None and not (feed.is_at_end and not self._account.unfinished):
            self._stopped_by = "interrupted"
            return shutdown.code
        return (
            ExitCode.SOME_FAILED
            if self._account.failed + self._account.already_failed
            else ExitCode.SUCCEEDED
        )

    def _outcomes(self, client: AsyncInferenceClient, feed: Feed) -> Outcomes:
        plan = self._plan
        options: FanOutOptions = {
            "retry_failed": RetryFailed(plan.attempts) if plan.attempts else None,
            "stop_after_failures": plan.stop_after_failures,
        }
        if not plan.is_in_order:
            return client.as_completed(feed.requests(), **options)
        # `map` would give bare results, of which nobody could tell which item they belong to.
        return client._fan_out(feed.requests(), options, lambda outcome: outcome, in_order=True)  # noqa: SLF001

    @asynccontextmanager
    async def _counting(self, source: ItemSource) -> AsyncIterator[None]:
        """Find out beside the run how many items there are, where that can be told."""

        async def count() -> None:
            with suppress(OSError):  # the run itself will meet it, and say so
                total = await source.count()
                if total is not None and self._account.total is None:
                    self._account.total = total if self._plan.limit is None else min(total, self._plan.limit)

        async with _beside(count()):
            yield

    @asynccontextmanager
    async def _ending(
        self, client: AsyncInferenceClient, shutdown: Shutdown, display: Display
    ) -> AsyncIterator[None]:
        """Once interrupted, give what is in flight its grace, and close the client after it."""

        async def end() -> None:
            await shutdown.requested.wait()
            in_flight = client.statistics().in_flight
            display.note = (
                f"stopping: waiting at most {self._plan.grace_seconds:g} s for {in_flight:,} in flight"
            )
            self._console.print(
                f"Stopping: nothing more is sent, {in_flight:,} in flight are waited for, at most "
                f"{self._plan.grace_seconds:g} s. A second signal ends at once.",
                soft_wrap=True,
                highlight=False,
            )
            await self._clock.sleep_until(self._clock.monotonic() + self._plan.grace_seconds)
            await client.aclose()

        async with _beside(end()):
            yield

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
            None if self._stopped_by is None else self._plan.resume_command,
            code,
        )


class _Either:
    """Holds the keys that have a result, and those that have an error."""

    def __init__(self, sink: Sink, errors: ErrorsFile) -> None:
        self._sink = sink
        self._errors = errors

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and (key in self._sink or key in self._errors)


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
