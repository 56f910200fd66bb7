"""Takes up what an earlier process left unfinished, as the journal tells it.

What is known of an item decides what becomes of it: consumed, it is left out; ended, its outcome is told
again; accepted, it is waited for; sent without an answer, it is looked for and, if the client may, sent
again under the same names. Only what the journal does not know is sent.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import assert_never

from aio_sm_async.clock import Clock
from aio_sm_async.drafts import MARGIN_SECONDS, Draft
from aio_sm_async.engine import Engine
from aio_sm_async.errors import ConfigurationError, InvalidRequestError
from aio_sm_async.flight import AnyFuture
from aio_sm_async.journal import Journal
from aio_sm_async.journaling import ItemKey
from aio_sm_async.protocol.completion import Completed, Completion, Expired, Failed
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.journal_entry import Ending, JournalEntry, Stage
from aio_sm_async.protocol.location import parse_location
from aio_sm_async.protocol.registry import DeadlinePassed

logger = logging.getLogger("aio_sm_async.journal")

SOURCE = "journal"


class Recovery:
    """What the journal holds, for whoever asks for it.

    Args:
        engine: Waits for what is taken up.
        journal: Tells of earlier processes, and of this one; None if there is none.
        clock: Time.
    """

    def __init__(self, engine: Engine, journal: Journal | None, clock: Clock) -> None:
        self._engine = engine
        self._journal = journal
        self._clock = clock

    async def open(self) -> None:
        """Learn where endpoints write, and what may be asked for."""
        if self._journal is None:
            return
        for entry in await self._journal.output_examples():
            self._engine.registry.roots.learn(self._invocation(entry))
        unfinished = await self._journal.unfinished()
        for entry in unfinished:
            self._engine.unclaimed.expect(entry.inference_id)
        if unfinished:
            logger.info(
                "the journal holds %d unfinished invocations: a fan-out with the same keys, or recover(), "
                "takes them up",
                len(unfinished),
            )

    async def submit(
        self, draft: Draft, item: ItemKey | None, *, replaces: AnyFuture | None = None
    ) -> AnyFuture | None:
        """Send the request, unless the journal knows the item: then wait for what was sent before.

        Args:
            draft: The request.
            item: What tells it from others; None if nothing does.
            replaces: The attempt that failed, if this is a second try.

        Returns:
            The future; None if its outcome was consumed already.

        Raises:
            JournalError: The journal cannot be written.
            InvalidRequestError: The key was used for something else.
            AsyncInferenceError: Whatever `Engine.launch` raises.
        """
        known = await self._engine.enter(draft, item, replaces=replaces.object_name if replaces else None)
        if known is None:
            return await self._engine.launch(draft)
        if item is not None:
            _check_same(known, item, draft)
        if known.stage is Stage.CONSUMED:
            return None
        return self._take_up(known, draft)

    async def unfinished(self) -> AsyncGenerator[AnyFuture, None]:
        """A future for each invocation of the journal that nobody has consumed and nobody here waits for.

        Raises:
            ConfigurationError: There is no journal.
        """
        if self._journal is None:
            raise ConfigurationError(
                "recover() reads the journal, and there is none. Open the client with "
                'journal="run.sqlite", as the process did that it takes up from.'
            )
        for entry in await self._journal.unfinished():
            if entry.inference_id in self._engine.unclaimed:
                yield self._take_up(entry, None)

    def _take_up(self, entry: JournalEntry, draft: Draft | None) -> AnyFuture:
        waiting = self._engine.future_of(entry.inference_id)
        if (
            waiting is not None and waiting.object_name == entry.name
        ):  # else only the caller's own id is the same
            return waiting  # another fan-out of this client has the same item in flight
        future = self._engine.adopt(
            self._invocation(entry),
            is_accepted=entry.stage is not Stage.REGISTERED,
            accept=entry.accept,
            uploaded=parse_location(entry.uploaded) if entry.uploaded else None,
            draft=draft,
            is_inherited=True,
        )
        if entry.stage is Stage.SETTLED:
            self._engine.recall(_outcome(entry), SOURCE)
        return future

    def _invocation(self, entry: JournalEntry) -> Invocation:
        return Invocation(
            entry.inference_id,
            entry.endpoint_name,
            patience_seconds=self._patience_seconds(entry),
            extension=entry.extension,
            filename=entry.filename,
            object_name=entry.name,
            key=entry.key,
            is_in_block=entry.is_in_block,
            output_location=entry.output_location,
            failure_location=entry.failure_location,
        )

    def _patience_seconds(self, entry: JournalEntry) -> float:
        if entry.stage is Stage.SETTLED:
            return MARGIN_SECONDS  # it has ended: all that may take time is to read it
        if entry.deadline is None:
            return entry.patience_seconds
        return max(0.0, (entry.deadline - self._clock.utc_now()).total_seconds())


def _check_same(known: JournalEntry, item: ItemKey, draft: Draft) -> None:
    """Refuse a key that was used for something else; of what is read while it is sent, only where it goes."""
    is_other = known.endpoint_name != draft.invocation.endpoint_name
    if is_other or (None not in (item.digest, known.digest) and item.digest != known.digest):
        raise InvalidRequestError(
            "key",
            f"{known.key!r} was used before with another payload, other options or another endpoint",
            "Give it another key, another version, or another journal.",
        )


def _outcome(entry: JournalEntry) -> Completion | DeadlinePassed:
    assert entry.ending is not None
    inference_id, reason = entry.inference_id, entry.reason or ""
    match entry.ending:
        case Ending.COMPLETED:
            return Completed(
                inference_id, output_location=entry.output_location, content_type=entry.content_type
            )
        case Ending.FAILED:
            return Failed(inference_id, reason, failure_location=entry.failure_location)
        case Ending.EXPIRED:
            return Expired(inference_id, reason)
        case Ending.DEADLINE:
            return DeadlinePassed(inference_id, reason)
        case _:
            assert_never(entry.ending)
