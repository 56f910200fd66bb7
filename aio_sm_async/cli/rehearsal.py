"""``map --dry-run``: every item is read and checked as if it were sent, and nothing is."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from functools import partial

from anyio import to_thread

from aio_sm_async.cli.account import Account
from aio_sm_async.cli.exit_codes import ExitCode
from aio_sm_async.cli.feed import Feed
from aio_sm_async.cli.plan import Plan
from aio_sm_async.cli.shutdown import Shutdown
from aio_sm_async.cli.sources import BrokenItem, Item, open_source
from aio_sm_async.cli.words import in_words
from aio_sm_async.drafts import Drafts
from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.options import InvocationOptions
from aio_sm_async.protocol.identifiers import ClientIdentity

MOST_TOLD = 20


@dataclass(slots=True)
class Rehearsal:
    """What a run would do.

    Attributes:
        inline: Items that would go inside their requests.
        uploaded: Items that would be uploaded first.
        in_s3: Items that SageMaker would read from where they lie.
        wrong: Items that would fail before anything is sent.
        payload_bytes: What all items have together.
        faults: What is wrong with the first few of them.
    """

    inline: int = 0
    uploaded: int = 0
    in_s3: int = 0
    wrong: int = 0
    payload_bytes: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """Whether all is well."""
        return ExitCode.SOME_FAILED if self.wrong else ExitCode.SUCCEEDED

    def as_json(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "inline": self.inline,
                "uploaded": self.uploaded,
                "in_s3": self.in_s3,
                "wrong": self.wrong,
                "payload_bytes": self.payload_bytes,
                "faults": self.faults,
                "exit_code": int(self.exit_code),
            }
        )

    def lines(self) -> Sequence[str]:
        """The same for people."""
        told = [f"  {fault}" for fault in self.faults]
        if self.wrong > len(self.faults):
            told.append(f"  and {self.wrong - len(self.faults):,} more")
        return [
            f"{self.inline:,} would go inside their requests, {self.uploaded:,} would be uploaded first, "
            f"{self.in_s3:,} are in S3 already: {self.payload_bytes:,} bytes",
            f"{self.wrong:,} are wrong",
            *told,
            "Nothing was sent.",
        ]


async def rehearse(plan: Plan) -> Rehearsal:
    """Read and check every item.

    Raises:
        ConfigurationError: There is no such source, or no request could be sent like this.
        OSError: The source cannot be read.
        AsyncInferenceError: S3 cannot be listed.
    """
    assert plan.source is not None
    found = Rehearsal()
    plan.connection.client()  # never opened: it only checks what was asked for

    async def refuse(item: BrokenItem) -> None:
        _note(found, item.place, item.reason)

    drafts = Drafts(
        ClientIdentity("rehearsal", "0"),
        sends_names=True,
        uploads_configured=plan.connection.uploads is not None,
    )
    with Shutdown() as shutdown:
        async with AsyncExitStack() as stack:
            objects = None
            if plan.source.startswith("s3://"):
                objects = await stack.enter_async_context(plan.connection.objects(Counter()))
            feed = Feed(
                await to_thread.run_sync(
                    partial(
                        open_source,
                        plan.source,
                        objects=objects,
                        stop=shutdown.requested,
                        key_field=plan.key_field,
                        content_type=plan.content_type,
                    )
                ),
                Account(),
                stop=shutdown.requested,
                done=frozenset(),
                refuse=refuse,
                has_uploads=plan.connection.uploads is not None,
                keys_are_chosen=plan.key_field is not None,
                limit=plan.limit,
            )
            async with aclosing(feed.items()) as items:
                async for item in items:
                    _check(found, item, drafts, plan)
                    await asyncio.sleep(0)
    return found


def _check(found: Rehearsal, item: Item, drafts: Drafts, plan: Plan) -> None:
    options: InvocationOptions = {
        **plan.connection.request,
        "endpoint_name": plan.connection.endpoint,
        "content_type": item.content_type,
    }
    try:
        if item.input_location is not None:
            drafts.of_location(item.input_location, options)
            found.in_s3 += 1
        elif drafts.of_payload(item.payload, options, takes_inline=True).upload is None:
            found.inline += 1
        else:
            found.uploaded += 1
    except InvalidRequestError as error:
        _note(found, item.place, in_words(error))
    else:
        found.payload_bytes += item.size_bytes


def _note(found: Rehearsal, place: str, reason: str) -> None:
    found.wrong += 1
    if len(found.faults) < MOST_TOLD:
        found.faults.append(f"{place}: {reason}")
