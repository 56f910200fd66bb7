"""Checks the answer to a pack, and halves a pack that failed until the row at fault is alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from aio_sm_async.codecs import RowCodec
from aio_sm_async.errors import DecodeError, InferenceFailedError, ResultError, RowCountError
from aio_sm_async.fanout.backlog import Result
from aio_sm_async.fanout.failure_limit import FailureLimit
from aio_sm_async.fanout.outcome import Attempt
from aio_sm_async.fanout.packing.parcel import Parcel, Parted, RowOutcome
from aio_sm_async.fanout.packing.row_result import RowResult
from aio_sm_async.fanout.prepared import Prepare, Prepared
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.fanout.second_try import SecondTries
from aio_sm_async.flight import AnyFuture
from aio_sm_async.options import InvocationOptions


class Review:
    """Sends packs, and finds out what became of their rows.

    Args:
        codec: The format of the rows.
        accept: What the caller asks for; None for the format of the rows.
        prepare: Checks one request.
        second_tries: Decides what is sent again.
        failure_limit: Once it is reached, nothing is halved any more.
    """

    def __init__(
        self,
        codec: RowCodec,
        prepare: Prepare,
        second_tries: SecondTries,
        failure_limit: FailureLimit,
        *,
        accept: str | None,
    ) -> None:
        self._codec = codec
        self._prepare = prepare
        self._second_tries = second_tries
        self._failure_limit = failure_limit
        self._options: InvocationOptions = {
            "content_type": codec.content_type,
            "accept": accept or codec.content_type,
        }

    def prepare(
        self,
        request: InferenceRequest,
        key: str | None,
        index: int = 0,
        /,
        *,
        replaces: AnyFuture | None = None,
    ) -> Prepared:
        """Check the request for a parcel.

        Args:
            request: Its payload is the parcel.
            key: What the parcel is called.
            index: Its place among the parcels.
            replaces: The attempt that failed, if this is a second try.

        Raises:
            Exception: Why its one row cannot be sent.
        """
        parcel = request.payload
        assert isinstance(parcel, Parcel)
        if parcel.error is not None:
            raise parcel.error
        prepared = self._prepare(self._request(parcel.rows), key, index, replaces=replaces)
        return replace(prepared, repeat=request, review=partial(self._conclude, parcel.rows))

    def results(self, count: int, result: Result) -> list[RowResult]:
        """The answer to each row.

        Raises:
            ResultError: The answer cannot be read, or is one to another number of rows.
        """
        body = result.body
        try:
            values = tuple(self._codec.decode_rows(body))
        except Exception as exc:  # the codec may be anybody's: whatever it raises, these rows have no answer
            said = "nested too deeply" if isinstance(exc, RecursionError) else str(exc) or type(exc).__name__
            raise DecodeError(
                f"{result.inference_id} answered a pack of {count} rows with what is no "
                f"{self._codec.content_type}: {said}. Its bytes are in .body.",
                body=body,
                content_type=result.content_type,
            ) from exc
        if len(values) != count:
            raise RowCountError(result.inference_id, sent=count, received=len(values))
        return [RowResult(value, result, number) for number, value in enumerate(values)]

    def _request(self, rows: Sequence[bytes]) -> InferenceRequest:
        return InferenceRequest(b"".join(rows), **self._options)

    async def _conclude(self, rows: Sequence[bytes], outcome: Result | Exception) -> Result | Exception:
        """What the pack's outcome is: itself if all is well, else the error of all rows or of each."""
        error = outcome if isinstance(outcome, Exception) else self._fault(len(rows), outcome)
        if error is None:
            return outcome
        if not self._is_to_be_halved(rows, error):
            return error
        return Parted(error, await self._halve(rows, ()))

    def _fault(self, count: int, result: Result) -> ResultError | None:
        try:
            self.results(count, result)
        except ResultError as error:
            return error
        return None

    def _is_to_be_halved(self, rows: Sequence[bytes], error: Exception) -> bool:
        """Whether fewer rows may fare better: not if SageMaker refused, dropped or forgot the request."""
        if len(rows) == 1 or self._failure_limit.is_reached:
            return False
        return isinstance(error, InferenceFailedError | ResultError)

    async def _halve(self, rows: Sequence[bytes], attempts: tuple[Attempt, ...]) -> list[RowOutcome]:
        middle = (len(rows) + 1) // 2
        first, second = await asyncio.gather(
            self._outcomes(rows[:middle], attempts), self._outcomes(rows[middle:], attempts)
        )
        return [*first, *second]

    async def _outcomes(self, rows: Sequence[bytes], attempts: tuple[Attempt, ...]) -> list[RowOutcome]:
        outcome, latest = await self._send(rows)
        attempts += latest
        if not isinstance(outcome, Exception):
            try:
                return [RowOutcome(result, attempts) for result in self.results(len(rows), outcome)]
            except ResultError as error:
                outcome = error
                attempts = (*attempts[:-1], replace(attempts[-1], error=error))
        if not self._is_to_be_halved(rows, outcome):
            return [RowOutcome(outcome, attempts) for _ in rows]
        return await self._halve(rows, attempts)

    async def _send(self, rows: Sequence[bytes]) -> tuple[Result | Exception, tuple[Attempt, ...]]:
        attempts: tuple[Attempt, ...] = ()
        while True:
            outcome, inference_id = await self._attempt(rows)
            error = outcome if isinstance(outcome, Exception) else None
            attempts += (Attempt(inference_id, error),)
            seconds = None if error is None else self._second_tries.pause_seconds(len(attempts), error)
            if seconds is None or self._failure_limit.is_reached:
                return outcome, attempts
            await self._second_tries.pause(seconds)

    async def _attempt(self, rows: Sequence[bytes]) -> tuple[Result | Exception, str | None]:
        inference_id = None
        try:
            future = await self._prepare(self._request(rows), None).send()
            assert future is not None  # without a key nothing can be known
            inference_id = future.inference_id
            return await future, inference_id
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome of these rows
            return error, inference_id
