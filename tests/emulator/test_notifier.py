"""Notifications on their way to the topics, with and without trouble."""

from __future__ import annotations

import json

from aio_sm_async.emulator import mishaps
from tests.emulator.stage import ERROR, SUCCESS, Stage, open_stage


def tell(stage: Stage, *ids: str) -> None:
    for inference_id in ids:
        message = json.dumps({"eventName": "InferenceResult", "inferenceId": inference_id})
        stage.notifier.publish(SUCCESS, message, inference_id=inference_id)


async def test_without_trouble_each_is_published_once_and_in_order() -> None:
    """Nothing is counted as injected."""
    async with open_stage() as stage:
        tell(stage, "a", "b")

        assert stage.inbox.ids() == ["a", "b"]
        assert stage.trouble.injected == {}


async def test_a_dropped_one_never_comes() -> None:
    """And the others do."""
    async with open_stage() as stage:
        stage.trouble.add(mishaps.dropped_notification(nth=2))
        tell(stage, "a", "b", "c")
        await stage.clock.advance(3600)

        assert stage.inbox.ids() == ["a", "c"]
        assert stage.trouble.injected == {"dropped_notification": 1}


async def test_a_duplicate_comes_as_often_as_it_was_told_to() -> None:
    """Three copies, one strike."""
    async with open_stage() as stage:
        stage.trouble.add(mishaps.duplicate_notification(copies=3, times=1))
        tell(stage, "a", "b")

        assert stage.inbox.ids() == ["a", "a", "a", "b"]
        assert stage.trouble.injected == {"duplicate_notification": 1}


async def test_a_delayed_one_comes_when_its_time_is_over() -> None:
    """On the emulator's clock."""
    async with open_stage() as stage:
        stage.trouble.add(mishaps.delayed_notification(seconds=10, times=1))
        tell(stage, "a", "b")
        await stage.clock.advance(9)

        assert stage.inbox.ids() == ["b"]

        await stage.clock.advance(1)

        assert stage.inbox.ids() == ["b", "a"]


async def test_a_reordered_one_is_overtaken_by_as_many_as_told() -> None:
    """Then it goes out, and its time limit is forgotten."""
    async with open_stage() as stage:
        stage.trouble.add(mishaps.reordered_notification(behind=2, at_most_seconds=60, times=1))
        tell(stage, "a", "b", "c", "d")
        await stage.clock.advance(100)

        assert stage.inbox.ids() == ["b", "c", "a", "d"]
        assert stage.trouble.injected == {"reordered_notification": 1}


async def test_a_reordered_one_is_not_held_for_ever() -> None:
    """Where nobody overtakes it, time brings it out."""
    async with open_stage() as stage:
        stage.trouble.add(mishaps.reordered_notification(behind=2, at_most_seconds=60))
        tell(stage, "a")
        await stage.clock.advance(59)

        assert stage.inbox.ids() == []

        await stage.clock.advance(1)
        tell(stage, "b")
        await stage.clock.advance(60)

        assert stage.inbox.ids() == ["a", "b"]


async def test_a_topic_that_is_gone_costs_a_count_and_nothing_else() -> None:
    """The endpoint goes on, as SageMaker does with its metric NotificationFailures."""
    async with open_stage() as stage:
        stage.inbox.topics.clear()
        tell(stage, "a")

        assert stage.notifier.failures == 1


async def test_a_test_notification_is_left_alone_by_trouble() -> None:
    """It goes to both topics when an endpoint is made."""
    async with open_stage() as stage:
        stage.trouble.add(mishaps.dropped_notification())
        stage.endpoint()

        assert [topic for topic, _ in stage.inbox.published] == [SUCCESS, ERROR]
