"""``aio-sm-async recover``: what a journal holds unfinished, into a sink."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aio_sm_async.cli.connection import Connection, parse_endpoint_urls
from aio_sm_async.cli.execution import execute
from aio_sm_async.cli.exit_codes import EXPLAINED, ExitCode
from aio_sm_async.cli.invocation import command_again
from aio_sm_async.cli.map import Errors, Grace, SinkText, carry_out
from aio_sm_async.cli.options import COURSE, EndpointUrls, Json, Profile, QueueUrls, Quiet, Region
from aio_sm_async.cli.plan import Plan
from aio_sm_async.cli.sinks import beside

HELP = f"""Wait for everything that a journal holds unfinished, and write it to a file, a directory or S3.

For the results of a run that nobody will repeat: `map --resume` does the same, and sends the rest. Nothing is
sent here. What SINK holds already stays, and is not written twice.

{EXPLAINED}
"""

JournalPath = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The journal; otherwise SINK.journal.sqlite.", rich_help_panel=COURSE),
]


def recover_command(
    context: typer.Context,
    output: SinkText,
    *,
    journal: JournalPath = None,
    errors: Errors = None,
    grace: Grace = 30.0,
    region: Region = None,
    profile: Profile = None,
    queue_url: QueueUrls = None,
    endpoint_url: EndpointUrls = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read the options and wait."""

    async def work() -> ExitCode:
        plan = Plan(
            source=None,
            sink=output,
            errors=errors or beside(output, ".errors.jsonl"),
            journal=journal or beside(output, ".journal.sqlite"),
            connection=Connection(
                region=region,
                profile=profile,
                queue_urls=queue_url or (),
                endpoint_urls=parse_endpoint_urls(endpoint_url or ()),
            ),
            resumes=True,
            grace_seconds=grace,
            is_quiet=quiet,
            resume_command=command_again(context),
        )
        return await carry_out(plan, as_json=as_json)

    execute(work())
