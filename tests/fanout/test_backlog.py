"""What is held for each item."""

from __future__ import annotations

from aio_sm_async.errors import AbandonedError, InferenceFailedError
from aio_sm_async.fanout.backlog import Backlog
from aio_sm_async.protocol.turns import InOrder
from aio_sm_async.protocol.window import Window
from tests.fanout.stage import Stage


async def test_a_body_takes_the_place_of_its_payload() -> None:
    """What was held for the payload is free when the outcome comes, and so may hold the body."""
    async with Stage() as stage:
        window = Window(10, 100)
        backlog = Backlog(InOrder(), window)
        backlog.enter()
        second = backlog.enter()
        backlog.hold(second, 60)
        backlog.settle(second, stage.result("b", size_bytes=60))

        assert (60, 0, 2) == (window.held_bytes, window.left_bytes, window.items)
        assert "1 unsettled, 1 ready" in repr(backlog)


async def test_everything_goes_in_the_end() -> None:
    """Nothing is held any more once all have had their turn, whatever became of them."""
    async with Stage() as stage:
        window = Window(10, 100)
        backlog = Backlog(InOrder(), window)
        items = [backlog.enter() for _ in range(4)]
        for item in items:
            backlog.hold(item, 30)
        backlog.settle(items[3], stage.result("3", size_bytes=50))
        backlog.settle(items[2], InferenceFailedError("id", "endpoint", "smudged", response=b"x" * 200))
        backlog.settle(items[1], AbandonedError("id", "endpoint", "abandoned"))
        backlog.settle(items[0], stage.result("0", size_bytes=50))
        held = (window.held_bytes, window.left_bytes)
        keys = []
        while (item := backlog.first()) is not None:
            if item.left_bytes:
                await backlog.recall(item)
            keys.append(backlog.hand_out(item).index)

        assert [0, 1, 2, 3] == keys
        assert (250, 50) == held
        assert (0, 0, 0, True) == (window.held_bytes, window.left_bytes, window.items, backlog.is_settled)


async def test_one_outcome_each() -> None:
    """A second outcome is ignored, and so is one that comes after everything was dropped."""
    async with Stage() as stage:
        backlog = Backlog(InOrder(), Window(10, 100))
        first, second = backlog.enter(), backlog.enter()
        told = [backlog.settle(first, stage.result("a")), backlog.settle(first, stage.result("b"))]
        dropped = backlog.drop()
        told.append(backlog.settle(second, stage.result("c")))

        assert ([True, False, False], (second,)) == (told, dropped)
        assert backlog.first() is None


async def test_the_turn_of_what_is_skipped_passes() -> None:
    """An item that an earlier process has handed out holds up nobody, and counts no more."""
    async with Stage() as stage:
        window = Window(10, 100)
        backlog = Backlog(InOrder(), window)
        first, second, third = backlog.enter(), backlog.enter(), backlog.enter()
        backlog.hold(first, 60)
        backlog.settle(third, stage.result("c"))
        told = [backlog.skip(second), backlog.first(), backlog.skip(first), backlog.skip(first)]

        assert [True, None, True, False] == told
        assert backlog.first() is third
        assert (1, True) == (window.items, backlog.is_settled)
