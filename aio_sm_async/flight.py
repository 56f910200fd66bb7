"""What the client holds of one invocation while it is in flight."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.future import InferenceFuture
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.request import InvocationRequest
from aio_sm_async.results import InferenceResult, ResponseBody

AnyFuture = InferenceFuture[InferenceResult[object]]


@dataclass(slots=True, eq=False)
class Flight:
    """One invocation in flight.

    Attributes:
        invocation: Its life so far.
        future: What the caller waits with, held weakly: when nobody holds it any more, it is abandoned.
        request: What was sent, for as long as it may have to be sent again.
        unsent: What must be in S3 before it is sent again, and may not be there yet.
        accept: The type that the caller wished for.
        uploaded: The input that we uploaded for it.
        body: The response, if it was fetched.
        kept: The future again, once somebody wants to be called back.
        resending: The task that sends it again, while it does.
    """

    invocation: Invocation
    future: weakref.ref[AnyFuture]
    request: InvocationRequest | None
    accept: str | None = None
    unsent: EncodedPayload | StreamedPayload | None = None
    uploaded: S3Location | None = None
    body: ResponseBody | None = None
    kept: AnyFuture | None = None
    resending: asyncio.Task[None] | None = None


class Flights:
    """All invocations in flight, by id."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def __iter__(self) -> Iterator[Flight]:
        return iter(tuple(self._flights.values()))

    def add(self, flight: Flight) -> None:
        """It has taken off."""
        self._flights[flight.invocation.inference_id] = flight

    def get(self, inference_id: str) -> Flight | None:
        """The flight, if it is one."""
        return self._flights.get(inference_id)

    def land(self, inference_id: str) -> Flight | None:
        """It has ended, and is forgotten."""
        return self._flights.pop(inference_id, None)
