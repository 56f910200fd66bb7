"""The client of this package, as its README shows it."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from aio_sm_async import AsyncInferenceClient, S3Polling, S3Uploads, SqsNotifications
from benchmarks.warped_loop import WarpedClock
from benchmarks.work import Contender, Place, Run, Settings, Work

MOST_IN_FLIGHT = 100_000

_journals = itertools.count()


async def open_ours(
    place: Place, settings: Settings, *, notified: bool = True, uploads: bool = False, journal: bool = False
) -> AsyncIterator[Run]:
    """A client with one queue, or with none.

    With ``warped`` in the settings it waits on the loop's own time, and polls as it does by default.
    """
    options: dict[str, Any] = {}
    if notified:
        options["notifications"] = SqsNotifications([place.queue_url], max_pollers=settings["pollers"])
    elif "warped" not in settings:
        # As eager as the other pollers, and no more polite.
        options["polling"] = S3Polling(
            first_seconds=0.1, growth=1.0, max_interval_seconds=0.1, max_requests_per_second=100_000
        )
    if uploads:
        options["uploads"] = S3Uploads(f"s3://{place.owner}/in/")
    if journal:
        options["journal"] = os.path.join(place.scratch, f"journal-{next(_journals)}.sqlite")
    if "warped" in settings:
        options["clock"] = WarpedClock()
    services = ("sagemaker-runtime", "sagemaker", "s3", "sqs")
    async with AsyncInferenceClient(
        place.owner,
        region_name="us-east-1",
        endpoint_urls=dict.fromkeys(services, place.url),
        max_concurrent_requests=settings["requests"],
        max_in_flight=MOST_IN_FLIGHT,
        start_in_flight=settings.get("start_in_flight", settings["in_flight"]),
        output_path=f"s3://{place.owner}/out/",
        **options,
    ) as client:
        yield partial(run, client, settings["in_flight"])


async def run(client: AsyncInferenceClient, in_flight: int, work: Work) -> None:
    """So many callers side by side, each with one inference at a time."""

    async def call() -> None:
        for number, payload in work:
            result = await client.invoke(payload)
            work.check(number, result.body)

    await asyncio.gather(*[call() for _ in range(in_flight)])


CONTENDERS = {
    "ours-inline": Contender(open_ours),
    "ours-s3": Contender(partial(open_ours, uploads=True)),
    "ours-poll": Contender(partial(open_ours, notified=False, uploads=True)),
    "ours-inline-journal": Contender(partial(open_ours, journal=True)),
    "ours-s3-journal": Contender(partial(open_ours, uploads=True, journal=True)),
}
