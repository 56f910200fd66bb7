"""All queues of one account in one region."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.message_queue import Queue
from aio_sm_async.emulator.queue_settings import QueueSettings
from aio_sm_async.emulator.service import ServiceFault

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class QueueStore:
    """The queues, by name, URL and ARN.

    Args:
        clock: Whose time it is.
        account_id: The account.
        region: The region.
        in_flight_limit: How many messages of a queue may be in flight at once.
        swallow_on_disconnect: Whether a long poll whose client has gone takes a message all the same.
        name_blocked_seconds: For how long the name of a deleted queue cannot be used again.
    """

    def __init__(
        self,
        clock: Clock,
        account_id: str,
        region: str,
        *,
        in_flight_limit: int = 120_000,
        swallow_on_disconnect: bool = True,
        name_blocked_seconds: float = 60.0,
    ) -> None:
        self.account_id = account_id
        self.region = region
        self._clock = clock
        self._in_flight_limit = in_flight_limit
        self._swallow_on_disconnect = swallow_on_disconnect
        self._name_blocked_seconds = name_blocked_seconds
        self._queues: dict[str, Queue] = {}
        self._deleted: dict[str, float] = {}

    def __iter__(self) -> Iterator[Queue]:
        return iter(list(self._queues.values()))

    def __len__(self) -> int:
        return len(self._queues)

    def __repr__(self) -> str:
        return f"<QueueStore {self.region}: {', '.join(sorted(self._queues)) or 'empty'}>"

    def create(
        self, name: str, attributes: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None
    ) -> Queue:
        """Make a queue, or return the one that has this name if none of the attributes given differ from its.

        Raises:
            ServiceFault: ``QueueNameExists``, ``QueueDeletedRecently``, ``InvalidParameterValue`` for the
                name, ``UnsupportedOperation`` for a FIFO queue, or what `settings` raises.
        """
        if name.endswith(".fifo"):
            raise ServiceFault(
                "UnsupportedOperation", "FIFO queues are not emulated; choose a standard queue."
            )
        if not _NAME.fullmatch(name):
            reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            raise ServiceFault("InvalidParameterValue", reason)
        if (existing := self._queues.get(name)) is not None:
            return _same(existing, attributes or {})
        if self._clock.monotonic() < self._deleted.get(name, float("-inf")) + self._name_blocked_seconds:
            reason = (
                f"You must wait {self._name_blocked_seconds:g} seconds after deleting a queue of this name."
            )
            raise ServiceFault("QueueDeletedRecently", reason)
        queue = Queue(
            name,
            f"arn:aws:sqs:{self.region}:{self.account_id}:{name}",
            self.settings(QueueSettings(), attributes or {}),
            self._clock,
            dead_letter_queue=self.by_arn,
            in_flight_limit=self._in_flight_limit,
            swallow_on_disconnect=self._swallow_on_disconnect,
        )
        queue.tags.update(tags or {})
        self._queues[name] = queue
        return queue

    def settings(self, now: QueueSettings, attributes: Mapping[str, str]) -> QueueSettings:
        """The settings with some attributes changed.

        Raises:
            ServiceFault: An attribute is not acceptable, or the dead-letter queue does not exist.
        """
        changed = now.changed(attributes)
        redrive = changed.redrive
        if (
            "RedrivePolicy" in attributes
            and redrive is not None
            and self.by_arn(redrive.dead_letter_arn) is None
        ):
            reason = (
                f"Value {attributes['RedrivePolicy']} for parameter RedrivePolicy is invalid. "
                "Reason: Dead letter target does not exist."
            )
            raise ServiceFault("InvalidParameterValue", reason)
        return changed

    def delete(self, queue: Queue) -> None:
        """Remove a queue and all that is in it."""
        del self._queues[queue.name]
        self._deleted[queue.name] = self._clock.monotonic()
        queue.close()

    def by_name(self, name: str) -> Queue | None:
        """The queue of that name; None if there is none."""
        return self._queues.get(name)

    def by_arn(self, arn: str) -> Queue | None:
        """The queue of that ARN; None if there is none here."""
        queue = self._queues.get(arn.rpartition(":")[2])
        return queue if queue is not None and queue.arn == arn else None

    def by_url(self, url: str) -> Queue | None:
        """The queue of that URL, whatever its host; None if there is none."""
        account_id, _, name = urlsplit(url).path.strip("/").rpartition("/")
        return self._queues.get(name) if account_id == self.account_id else None


def _same(queue: Queue, attributes: Mapping[str, str]) -> Queue:
    for name, text in attributes.items():
        if queue.settings.attributes.get(name, "") != text:
            reason = f"A queue already exists with the same name and a different value for attribute {name}"
            raise ServiceFault("QueueNameExists", reason)
    return queue
