"""The container: reads the input, lets the model answer within its time, and turns failures into reasons.

Of the reasons, those of a container's error answer are captured ones. Those of a time limit and of an input
that cannot be read are guessed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from inspect import isawaitable

from aio_sm_async.emulator.invocation import Broke, Invocation, Outcome, Succeeded
from aio_sm_async.emulator.model import (
    DEFAULT_CONTENT_TYPE,
    Answer,
    Model,
    ModelError,
    ModelRequest,
    ModelResponse,
    error_from,
    is_async,
    to_response,
)
from aio_sm_async.emulator.object_store import ObjectStore
from aio_sm_async.emulator.s3_uri import parse_s3_uri
from aio_sm_async.emulator.schedule import Schedule

_SEE_LOGS = "See the SageMaker Endpoint logs in your account for more information."


class Container:
    """Runs one model: an ``async def`` on the loop, any other in a thread of the executor."""

    def __init__(self, model: Model, *, objects: ObjectStore, schedule: Schedule, threads: Executor) -> None:
        self._model = model
        self._answer_of: Callable[[ModelRequest], Awaitable[Answer]]
        self._answer_of = model if is_async(model) else self._in_thread
        self._objects = objects
        self._schedule = schedule
        self._threads = threads

    async def run(self, invocation: Invocation) -> Outcome:
        """The invocation's outcome, whatever the model does. Only cancellation comes out as an exception."""
        try:
            request = self._read(invocation)
        except LookupError as exc:
            return Broke(str(exc))
        patience = asyncio.timeout(None)
        limit = invocation.request.timeout_seconds
        try:
            async with patience:
                time_limit = self._schedule.after(limit, lambda: _end(patience))
                try:
                    response = await self._answer(request)
                finally:
                    time_limit.cancel()
        except ModelError as error:
            return _container_error(error)
        except TimeoutError:  # a model's own are ModelErrors by now
            return Broke(
                f"ClientError: The request expired: the model did not answer within {limit} seconds.",
                expired=True,
            )
        return Succeeded(response.body, response.content_type)

    def _read(self, invocation: Invocation) -> ModelRequest:
        """What the container is sent.

        Raises:
            LookupError: There is no such input object.
        """
        request = invocation.request
        body, content_type = invocation.body, request.content_type
        if request.input_location is not None:
            stored = None
            with contextlib.suppress(ValueError):
                stored = self._objects.get(*parse_s3_uri(request.input_location))
            if stored is None:
                raise LookupError(
                    f"ClientError: Unable to download the input data from {request.input_location}: "
                    "the object does not exist, or the endpoint's role may not read it."
                )
            body, content_type = stored.body, content_type or stored.content_type
        return ModelRequest(
            body,
            content_type or DEFAULT_CONTENT_TYPE,
            request.accept,
            request.custom_attributes,
            invocation.inference_id,
            request.endpoint_name,
        )

    async def _answer(self, request: ModelRequest) -> ModelResponse:
        """The model's response.

        Raises:
            ModelError: The model raised this, or something else.
        """
        try:
            return to_response(await self._answer_of(request))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ModelError(0) from None  # the model cancelled itself: nobody is there to answer
        except Exception as exc:
            raise error_from(exc) from exc

    async def _in_thread(self, request: ModelRequest) -> Answer:
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, self._model, request)
        return await answer if isawaitable(answer) else answer


def _end(patience: asyncio.Timeout) -> None:
    patience.reschedule(asyncio.get_running_loop().time())


def _container_error(error: ModelError) -> Broke:
    kind = (
        "ClientError: Received client error"
        if 400 <= error.status < 500
        else "ServerError: Received server error"
    )
    reason = f"{kind} ({error.status}) from model. {_SEE_LOGS}"
    body = error.body if error.status else None
    return Broke(reason, body, error.content_type)
