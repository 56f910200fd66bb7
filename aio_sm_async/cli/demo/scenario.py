"""The three runs: what the endpoint is like, how the client is set up, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

from aio_sm_async.emulator import Rule, mishaps

SEED = 20


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run.

    Attributes:
        name: What it is called.
        title: What it shows.
        has_topics: Whether the endpoint notifies.
        uploads: Whether the images are sent as files, by way of S3.
        fails_some: Whether the container cannot read some images.
        polls_each_second: Whether S3 is asked each second beside the notifications.
        trouble: What goes wrong.
    """

    name: str
    title: str
    has_topics: bool = True
    uploads: bool = False
    fails_some: bool = False
    polls_each_second: bool = False
    trouble: tuple[Rule, ...] = ()


SCENARIOS = (
    Scenario(
        "notifications",
        "success and error topics → SQS, the response included in the notification",
    ),
    Scenario(
        "polling",
        "no topics: input uploaded to S3, results found by S3 polling alone",
        has_topics=False,
        uploads=True,
    ),
    Scenario(
        "trouble",
        "notifications while nearly everything goes wrong that can",
        fails_some=True,
        polls_each_second=True,
        trouble=(
            mishaps.throttled(every=60, times=10),
            mishaps.unavailable(every=101, times=5),
            mishaps.answer_lost(every=97, times=4),
            mishaps.early_notification(every=43, times=10),
            mishaps.dropped_notification(every=19),
            mishaps.duplicate_notification(every=17),
            mishaps.reordered_notification(every=13),
        ),
    ),
)
