"""Where every message of a queue is: visible, in flight, delayed or gone. Time is an argument.

All moves cost the same however many messages there are: the visible ones stand in a line that any of them can
leave, the hidden ones in timetables.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from aio_sm_async.emulator.queue_message import Message
from aio_sm_async.emulator.timetable import Timetable


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """Where all messages of a queue are.

    ``sent`` counts what came in by any way; it is the sum of all others.
    """

    sent: int
    visible: int
    in_flight: int
    delayed: int
    deleted: int
    dead_lettered: int
    expired: int
    purged: int


class MessageStock:
    """The messages of one queue.

    Attributes:
        deleted: How many were deleted.
        dead_lettered: How many went to a dead-letter queue.
        expired: How many grew too old.
        purged: How many were purged.
    """

    def __init__(self) -> None:
        self.deleted = 0
        self.dead_lettered = 0
        self.expired = 0
        self.purged = 0
        self._sent = 0
        self._messages: dict[str, Message] = {}
        self._visible: OrderedDict[str, None] = OrderedDict()
        self._delayed = Timetable()
        self._in_flight = Timetable()
        self._ages = Timetable()

    def __repr__(self) -> str:
        return f"<MessageStock {self.statistics()}>"

    @property
    def visible(self) -> int:
        """How many messages a receive could get."""
        return len(self._visible)

    @property
    def in_flight(self) -> int:
        """How many messages are received and neither deleted nor visible again."""
        return len(self._in_flight)

    def statistics(self) -> QueueStatistics:
        """Where all messages are."""
        return QueueStatistics(
            sent=self._sent,
            visible=len(self._visible),
            in_flight=len(self._in_flight),
            delayed=len(self._delayed),
            deleted=self.deleted,
            dead_lettered=self.dead_lettered,
            expired=self.expired,
            purged=self.purged,
        )

    def get(self, message_id: str) -> Message | None:
        """The message; None if it is gone."""
        return self._messages.get(message_id)

    def is_in_flight(self, message_id: str) -> bool:
        """Whether the message is received and neither deleted nor visible again."""
        return message_id in self._in_flight

    def first_visible(self) -> Message | None:
        """The message that has been visible for longest; it stays where it is."""
        message_id = next(iter(self._visible), None)
        return None if message_id is None else self._messages[message_id]

    def next_change(self) -> float | None:
        """When the next hidden message becomes visible."""
        moments = (self._delayed.next_moment(), self._in_flight.next_moment())
        return min((moment for moment in moments if moment is not None), default=None)

    def add(self, message: Message, visible_at: float | None) -> None:
        """Take a message in, visible now (None) or later."""
        self._sent += 1
        self._messages[message.message_id] = message
        self._ages.put(message.message_id, message.sent_at)
        if visible_at is None:
            self._visible[message.message_id] = None
        else:
            self._delayed.put(message.message_id, visible_at)

    def put_in_flight(self, message_id: str, until: float) -> None:
        """Hide a visible message, or one in flight already, until a moment."""
        self._visible.pop(message_id, None)
        self._in_flight.put(message_id, until)

    def remove(self, message_id: str) -> None:
        """Let a message go, wherever it is."""
        del self._messages[message_id]
        self._visible.pop(message_id, None)
        for table in (self._delayed, self._in_flight, self._ages):
            table.strike(message_id)

    def purge(self) -> None:
        """Let all messages go."""
        self.purged += len(self._messages)
        self._messages.clear()
        self._visible.clear()
        for table in (self._delayed, self._in_flight, self._ages):
            table.clear()

    def settle(self, now: float, retention_seconds: float) -> int:
        """Drop what has grown too old, show what is due, and return how many messages became visible."""
        while (old := self._ages.pop_due(now - retention_seconds)) is not None:
            self.remove(old)
            self.expired += 1
        shown = 0
        for table in (self._delayed, self._in_flight):
            while (message_id := table.pop_due(now)) is not None:
                self._visible[message_id] = None
                shown += 1
        return shown
