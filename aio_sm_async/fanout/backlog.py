"""The items between the source and the consumer: what is held for each, and whose turn it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aio_sm_async.errors import AsyncInferenceError
from aio_sm_async.fanout.outcome import Attempt, InferenceOutcome, held_by
from aio_sm_async.fanout.packing.parcel import Parted
from aio_sm_async.flight import AnyFuture
from aio_sm_async.protocol.turns import Turns
from aio_sm_async.protocol.window import Window
from aio_sm_async.results import InferenceResult
from aio_sm_async.results.memory import forget_body, held_bytes, recall_body

Result = InferenceResult[object]
Review = Callable[["Result | Exception"], Awaitable["Result | Exception"]]


@dataclass(slots=True, eq=False)
class Item:
    """One item.

    Attributes:
        index: Its place in the source.
        key: What the caller calls it.
        held_bytes: What the window counts for it at the moment.
        future: Its invocation, once it was sent.
        when_done: What that calls back.
        outcome: How it ended, once it has.
        left_bytes: The size of the body that was left in S3, to be read again when its turn comes.
        attempts: Each time that it was sent.
        count: How many rows it stands for.
        review: Looks at its outcome before it is settled.
        is_skipped: An earlier process has handed it out: its turn passes without it.
    """

    index: int
    key: str | None = None
    held_bytes: int = 0
    future: AnyFuture | None = None
    when_done: Callable[[AnyFuture], object] | None = None
    outcome: Result | Exception | None = None
    left_bytes: int = 0
    attempts: tuple[Attempt, ...] = ()
    count: int = 1
    review: Review | None = None
    is_skipped: bool = False


class Backlog:
    """Holds every item from the moment it is pulled until it is handed out.

    Args:
        turns: In which order outcomes are handed out.
        window: How far pulling may run ahead.
    """

    def __init__(self, turns: Turns[Item], window: Window) -> None:
        self.entered = 0
        self._turns = turns
        self._window = window
        self._unsettled: dict[int, Item] = {}

    def __repr__(self) -> str:
        return f"<Backlog {len(self._unsettled)} unsettled, {len(self._turns)} ready, {self._window!r}>"

    @property
    def has_room(self) -> bool:
        """Whether another item may be pulled."""
        return self._window.has_room

    @property
    def is_settled(self) -> bool:
        """Whether all items have their outcome."""
        return not self._unsettled

    @property
    def unsettled(self) -> tuple[Item, ...]:
        """The items without an outcome."""
        return tuple(self._unsettled.values())

    def enter(self) -> Item:
        """An item was pulled."""
        item = Item(self.entered)
        self.entered += 1
        self._unsettled[item.index] = item
        self._window.enter()
        return item

    def hold(self, item: Item, size_bytes: int) -> None:
        """So many bytes are held for it now."""
        self._window.hold(size_bytes - item.held_bytes)
        item.held_bytes = size_bytes

    def settle(self, item: Item, outcome: Result | Exception) -> bool:
        """It has its outcome. Tell whether it is the first, and was none before."""
        if self._unsettled.pop(item.index, None) is None:
            return False
        item.outcome = outcome
        is_next = self._turns.is_next(item.index)
        self.hold(item, 0)
        self._keep(item, outcome, is_next=is_next)
        self._turns.add(item.index, item)
        return True

    def skip(self, item: Item) -> bool:
        """It was handed out by an earlier process. Tell whether it was still waited for."""
        if self._unsettled.pop(item.index, None) is None:
            return False
        item.is_skipped = True
        self.hold(item, 0)
        self._turns.add(item.index, item)
        return True

    def first(self) -> Item | None:
        """The item whose turn it is; None while it has no outcome."""
        while (item := self._turns.first()) is not None and item.is_skipped:
            self._turns.pop()
            self._window.exit()
        return item

    async def recall(self, item: Item) -> None:
        """Read the body that was left in S3. If that fails, the failure is the item's outcome."""
        assert isinstance(item.outcome, InferenceResult)
        try:
            await recall_body(item.outcome)
        except AsyncInferenceError as error:
            item.outcome = error
        self._leave_behind(item, 0)

    def hand_out(self, item: Item) -> InferenceOutcome[Result]:
        """It has had its turn, and is held no more."""
        self._turns.pop()
        self.hold(item, 0)
        self._window.exit()
        if isinstance(item.outcome, Exception):
            return InferenceOutcome(item.index, item.key, None, item.outcome, item.attempts)
        return InferenceOutcome(item.index, item.key, item.outcome, None, item.attempts)

    def drop(self) -> tuple[Item, ...]:
        """Forget everything. Returns the items that had no outcome; none of them gets one any more."""
        unsettled = self.unsettled
        self._unsettled.clear()
        while self._turns.first() is not None:
            self._turns.pop()
        return unsettled

    def _keep(self, item: Item, outcome: Result | Exception, *, is_next: bool) -> None:
        """Hold its outcome, the body left in S3 where that is possible and it would be too much."""
        size_bytes = _size_bytes(outcome)
        may_stay = is_next or self._window.fits(size_bytes)
        if not may_stay and isinstance(outcome, InferenceResult) and forget_body(outcome):
            self._leave_behind(item, size_bytes)
            size_bytes = 0
        earlier = (attempt.error for attempt in item.attempts[:-1])
        self.hold(item, size_bytes + sum(_size_bytes(error) for error in earlier if error is not None))

    def _leave_behind(self, item: Item, size_bytes: int) -> None:
        self._window.leave_behind(size_bytes - item.left_bytes)
        item.left_bytes = size_bytes


def _size_bytes(outcome: Result | Exception) -> int:
    if isinstance(outcome, InferenceResult):
        return held_bytes(outcome)
    return outcome.size_bytes if isinstance(outcome, Parted) else held_by(outcome)
