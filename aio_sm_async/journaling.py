"""What the engine tells the journal, and what it makes wait for that; without a journal, nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from aio_sm_async.clock import Clock
from aio_sm_async.errors import JournalError
from aio_sm_async.journal import Journal
from aio_sm_async.protocol.completion import Completed, Expired, Failed
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.journal_entry import Ending, JournalEntry
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import DeadlinePassed, Outcome, Undeliverable


@dataclass(frozen=True, slots=True)
class ItemKey:
    """What tells an item of a fan-out from all others, in this process and in the next.

    Attributes:
        key: What the caller calls it.
        namespace: What the key is unique in: a job, and the version of it.
        digest: Of all that the model gets to see; None where that is read while it is sent.
    """

    key: str
    namespace: str = ""
    digest: bytes | None = None


class Journaling:
    """Writes down what happens to invocations.

    Args:
        journal: Where; None to write nothing.
        clock: Time.
    """

    def __init__(self, journal: Journal | None, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    @property
    def is_on(self) -> bool:
        """Whether there is a journal."""
        return self._journal is not None

    async def register(
        self,
        invocation: Invocation,
        *,
        accept: str | None,
        uploaded: S3Location | None,
        item: ItemKey | None,
        replaces: str | None = None,
    ) -> JournalEntry | None:
        """Return once it is on disk that the request is about to be sent.

        Args:
            invocation: What is sent.
            accept: The type that the caller wishes for.
            uploaded: Where its payload is uploaded to; None if it is not.
            item: What tells it from others; None if nothing does.
            replaces: The name of the entry whose place it takes: an attempt that failed.

        Returns:
            None; or the entry that has the item's key already, and then nothing was written.

        Raises:
            JournalError: It cannot be written, so it must not be sent.
        """
        if self._journal is None:
            return None
        return await self._journal.register(
            JournalEntry(
                name=_name(invocation),
                inference_id=invocation.inference_id,
                endpoint_name=invocation.endpoint_name,
                patience_seconds=invocation.patience_seconds,
                key=item.key if item else None,
                job=item.namespace if item else "",
                digest=item.digest if item else None,
                extension=invocation.extension,
                filename=invocation.filename,
                accept=accept,
                uploaded=str(uploaded) if uploaded else None,
                is_in_block=invocation.is_in_block,
            ),
            replaces=replaces,
        )

    def accepted(self, invocation: Invocation) -> None:
        """Its 202 came."""
        if self._journal is None or invocation.deadline is None:
            return  # without a deadline nobody waits for it any more: it was let go just before
        left = timedelta(seconds=invocation.deadline - self._clock.monotonic())
        self._journal.accepted(
            _name(invocation),
            output_location=invocation.output_location,
            failure_location=invocation.failure_location,
            deadline=self._clock.utc_now() + left,
        )

    def settled(self, invocation: Invocation, outcome: Outcome) -> None:
        """It ended. What could not be read is not written down: another process may be able to."""
        if self._journal is None:
            return
        name = _name(invocation)
        match outcome:
            case Completed(output_location=None):
                invocation.is_recorded = True  # its message is the only copy, and tells it again if need be
            case Completed(output_location=location, content_type=content_type):
                self._journal.settled(
                    name, Ending.COMPLETED, output_location=location, content_type=content_type
                )
                invocation.is_recorded = True
            case Failed(reason=reason, failure_location=location):
                location = location or invocation.failure_location
                self._journal.settled(name, Ending.FAILED, reason=reason, failure_location=location)
                invocation.is_recorded = True
            case Expired(reason=reason):
                self._journal.settled(name, Ending.EXPIRED, reason=reason)
                invocation.is_recorded = True
            case DeadlinePassed(reason=reason):
                self._journal.settled(name, Ending.DEADLINE, reason=reason)
                invocation.is_recorded = True
            case Undeliverable():
                pass
            case _:
                assert_never(outcome)

    def consumed(self, invocation: Invocation) -> None:
        """The caller has taken its outcome, if that is one that the journal knows."""
        if self._journal is not None and invocation.is_recorded:
            self._journal.consumed(_name(invocation))

    def forget(self, invocation: Invocation) -> None:
        """It was certainly not sent, or nobody will ever ask for it again."""
        if self._journal is not None:
            self._journal.forget(_name(invocation))

    def when_written(self, callback: Callable[[], object]) -> None:
        """Call back once all of the above is on disk; at once without a journal."""
        if self._journal is None:
            callback()
        else:
            self._journal.when_written(callback)

    async def flush(self) -> None:
        """Return once all is on disk, or cannot be written: the journal says so itself."""
        if self._journal is not None:
            with suppress(JournalError):
                await self._journal.flush()


def _name(invocation: Invocation) -> str:
    return invocation.object_name or invocation.inference_id
