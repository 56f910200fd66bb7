"""From an item of a fan-out to a request that can be sent."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b

from aio_sm_async.drafts import Draft, Drafts, OutputNames
from aio_sm_async.engine import Engine
from aio_sm_async.fanout import FanOutOptions, InferenceRequest, Prepared, repeat_of
from aio_sm_async.flight import AnyFuture
from aio_sm_async.jobs import JobRun, version_text
from aio_sm_async.journaling import ItemKey
from aio_sm_async.options import InvocationOptions
from aio_sm_async.recovery import Recovery


class Preparation:
    """Checks items, one by one, and makes requests of them.

    Args:
        drafts: Makes requests.
        engine: Knows what endpoints take.
        recovery: Sends what was not sent before.
        options: Those of the call, for all items.
        job: Names outputs, and knows what is finished; None if this is no job.
    """

    def __init__(
        self,
        drafts: Drafts,
        engine: Engine,
        recovery: Recovery,
        options: FanOutOptions,
        job: JobRun | None = None,
    ) -> None:
        self._drafts = drafts
        self._engine = engine
        self._recovery = recovery
        self._options: InvocationOptions = options
        self._namespace = version_text(options)
        self._job = job

    def __call__(
        self,
        request: InferenceRequest,
        key: str | None,
        index: int = 0,
        /,
        *,
        replaces: AnyFuture | None = None,
    ) -> Prepared:
        """What is sent for one item.

        Args:
            request: The item.
            key: What it is called.
            index: Its place in the source.
            replaces: The attempt that failed, if this is a second try.

        Raises:
            InvalidRequestError: It breaks a limit.
            TypeError: No codec takes its payload.
        """
        if self._job is None:
            return self._sending(request, key, replaces)
        names = self._job.names(key, index, request.options)
        finished = self._job.finished_output(key)
        if finished is not None:
            take_up = partial(self._job.take_up, finished)
            return Prepared(0, take_up, is_left_out=not self._job.hands_out_finished)
        return self._sending(request, key, replaces, names)

    def _sending(
        self,
        request: InferenceRequest,
        key: str | None,
        replaces: AnyFuture | None,
        names: OutputNames | None = None,
    ) -> Prepared:
        draft = self._drafts.of(
            request.payload,
            request.input_location,
            {**self._options, **request.options},
            takes_inline=self._engine.dispatch.takes_inline,
        )
        if names is not None:
            draft = draft.under(names)
        item = None
        if key is not None:
            draft.invocation.key = key
            if self._engine.journaling.is_on:
                item = ItemKey(key, self._namespace, _digest(draft))
        send = partial(self._send, draft, item, replaces)
        return Prepared(len(draft.payload or b""), send, repeat_of(request, draft))

    async def _send(self, draft: Draft, item: ItemKey | None, replaces: AnyFuture | None) -> AnyFuture | None:
        future = await self._recovery.submit(draft, item, replaces=replaces)
        if self._job is not None and future is not None:
            self._job.sent(future)
        return future


def _digest(draft: Draft) -> bytes | None:
    """Of all that the model gets to see; None where that is read while it is sent."""
    request = draft.request
    if draft.upload is not None and draft.payload is None:
        return None
    content_type = draft.upload.content_type if draft.upload is not None else request.content_type
    location = request.input_location if draft.upload is None else None
    digest = blake2b(draft.payload or b"", digest_size=16)
    for member in (request.endpoint_name, content_type, request.accept, request.custom_attributes, location):
        digest.update(f"\n{member}".encode())
    return digest.digest()
