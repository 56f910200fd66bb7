"""Takes outcomes as they come, and writes each where it belongs before the next is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

from aio_sm_async.cli.account import Account
from aio_sm_async.cli.feed import Place
from aio_sm_async.cli.hopeless import is_hopeless
from aio_sm_async.cli.sinks import Sinks
from aio_sm_async.cli.supply import Outcome, Supply
from aio_sm_async.errors import (
    AmbiguousError,
    ClientClosedError,
    InferenceError,
    NotFoundError,
    ResultError,
)


class Harvest:
    """Brings in a run.

    Args:
        supply: Knows where each item came from.
        sinks: Take results and errors.
        account: Counts.
        writes_at_once: How many results may be written at a time. With a journal it must be one: whoever
            asks for the next item has taken the one before, and it is never delivered again.
    """

    def __init__(self, supply: Supply, sinks: Sinks, account: Account, *, writes_at_once: int) -> None:
        self._supply = supply
        self._sink = sinks.results
        self._errors = sinks.errors
        self._account = account
        self._places = asyncio.Semaphore(writes_at_once)
        self._is_one_by_one = writes_at_once == 1

    async def bring_in(self, outcomes: AsyncIterable[Outcome]) -> None:
        """Return once every outcome is written.

        Raises:
            AsyncInferenceError: An error that all items to come would have, too; or S3 refuses results.
            OSError: A result or an error could not be written.
        """
        try:
            async with asyncio.TaskGroup() as writing:
                async for outcome in outcomes:
                    if self._is_one_by_one:
                        await self._take(outcome)
                        continue
                    await self._places.acquire()
                    task = writing.create_task(self._take(outcome))
                    task.add_done_callback(lambda _: self._places.release())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _take(self, outcome: Outcome) -> None:
        assert outcome.key is not None
        place = self._supply.take_place(outcome.key)
        if outcome.error is not None:
            await self._take_error(outcome.key, place, outcome.error)
            return
        result = outcome.unwrap()
        if outcome.key in self._sink:  # an earlier run wrote it, and was killed before it could note that
            self._account.already_there += 1
            return
        try:
            await self._sink.write(place[0], outcome.key, result)
        except (ResultError, NotFoundError) as error:
            await self._fail(outcome.key, place, error, result.inference_id)
        else:
            self._account.succeeded += 1

    async def _take_error(self, key: str, place: Place, error: Exception) -> None:
        if isinstance(error, ClientClosedError):
            self._account.unfinished += 1
            return
        if is_hopeless(error):
            raise error
        inference_id = error.inference_id if isinstance(error, InferenceError | AmbiguousError) else None
        await self._fail(key, place, error, inference_id)

    async def _fail(self, key: str, place: Place, error: Exception, inference_id: str | None) -> None:
        if key not in self._errors:
            await self._errors.write(
                place[0],
                key,
                place[1],
                kind=type(error).__name__,
                reason=str(error),
                inference_id=inference_id,
            )
        self._account.failed += 1
