"""From a believed completion to its outcome: the body is fetched where the message did not bring it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from aio_sm_async.clock import Clock
from aio_sm_async.errors import AccessDeniedError, AsyncInferenceError, NotFoundError
from aio_sm_async.flow import Gate
from aio_sm_async.protocol.completion import Completed, Completion, Expired, Failed
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import Outcome, Undeliverable
from aio_sm_async.results import Downloads, ResponseBody
from aio_sm_async.retries import may_pass

LAG_SECONDS = (0.05, 0.2, 0.5, 1.5)
"""S3 is consistent and SageMaker writes before it publishes: a miss is rare, and looked into a few times."""

KEPT_FAILURE_BYTES = 65_536
"""How much of a container's error is kept: enough for any traceback."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """How it ended; ``body`` tells of the response, if that is how."""

    outcome: Outcome
    body: ResponseBody | None = None


@dataclass(frozen=True, slots=True)
class NotThere:
    """S3 does not have it, or cannot be read at the moment, whatever the notification said."""


class Resolution:
    """Fetches bodies, a bounded number at a time.

    Args:
        downloads: Reads S3, and tries again what may pass.
        clock: Time.
        max_body_bytes: Larger bodies stay in S3 until they are asked for.
        max_concurrent_fetches: How many are fetched at once.
    """

    def __init__(
        self, downloads: Downloads, clock: Clock, *, max_body_bytes: int, max_concurrent_fetches: int = 32
    ) -> None:
        self._downloads = downloads
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._gate = Gate(max_concurrent_fetches)

    async def fetch(self, completion: Completion, location: S3Location) -> Fetched | NotThere:
        """The completion with what lies at the location, or why that cannot be had."""
        match completion:
            case Completed():
                return await self._complete(completion, location)
            case Failed():
                return await self._explain(completion, location)
            case Expired():
                return Fetched(completion)
            case _:
                assert_never(completion)

    async def _complete(self, completed: Completed, location: S3Location) -> Fetched | NotThere:
        try:
            body = await self._get(location, self._max_body_bytes, LAG_SECONDS)
        except NotFoundError:
            return NotThere()
        except AsyncInferenceError as error:
            return NotThere() if may_pass(error) else Fetched(Undeliverable(completed.inference_id, error))
        content_type = completed.content_type or body.content_type
        return Fetched(replace(completed, output_location=location), body._replace(content_type=content_type))

    async def _explain(self, failed: Failed, location: S3Location) -> Fetched | NotThere:
        # A failure need not leave an object: only one that the message itself names is waited for.
        lags = LAG_SECONDS if failed.failure_location is not None else ()
        try:
            words = await self._get(location, self._max_body_bytes, lags)
        except (NotFoundError, AccessDeniedError):
            return Fetched(failed)  # a failure need not leave an object, and is one without its words too
        except AsyncInferenceError as error:
            return NotThere() if may_pass(error) else Fetched(failed)
        kept = None if words.data is None else words.data[:KEPT_FAILURE_BYTES]
        return Fetched(replace(failed, failure_location=location, body=kept))

    async def _get(self, location: S3Location, max_body_bytes: int, lags: tuple[float, ...]) -> ResponseBody:
        for lag in lags:
            try:
                return await self._read(location, max_body_bytes)
            except NotFoundError:
                await self._clock.sleep_until(self._clock.monotonic() + lag)
        return await self._read(location, max_body_bytes)

    async def _read(self, location: S3Location, max_body_bytes: int) -> ResponseBody:
        async with self._gate:  # not while waiting for what lags, or a few such would hold up all others
            return await self._downloads.fetch(location, max_body_bytes=max_body_bytes)
