"""``aio-sm-async map``: many payloads, one after the other out of a source, results into a sink."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aio_sm_async.cli.connection import Connection, parse_endpoint_urls
from aio_sm_async.cli.execution import execute, say
from aio_sm_async.cli.exit_codes import EXPLAINED, ExitCode
from aio_sm_async.cli.invocation import resume_command
from aio_sm_async.cli.options import (
    COURSE,
    Accept,
    ClientId,
    ContentType,
    Endpoint,
    EndpointUrls,
    FailurePath,
    InvocationTimeout,
    Json,
    MaxConcurrentRequests,
    MaxInFlight,
    MaxSubmitRate,
    OutputPath,
    Profile,
    QueueUrls,
    Quiet,
    Region,
    Ttl,
    Uploads,
)
from aio_sm_async.cli.plan import Plan
from aio_sm_async.cli.rehearsal import rehearse
from aio_sm_async.cli.run import Run
from aio_sm_async.cli.sinks import beside

HELP = f"""Send every item of SOURCE through an endpoint, and write the results to a file, a directory or S3.

SOURCE is a JSONL file, a directory, an s3:// prefix, or - for JSON lines from standard input.

An item that fails does not stop the rest: it goes to the errors file, with its index, its key and the reason.
Ctrl-C waits for what is in flight; --resume goes on later where a run ended.

{EXPLAINED}
"""

Source = Annotated[str, typer.Argument(metavar="SOURCE", show_default=False)]
SinkText = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="SINK",
        help="A JSONL file, a directory or an s3:// prefix.",
        show_default=False,
        rich_help_panel=COURSE,
    ),
]
Errors = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Where errors of single items go; otherwise SINK.errors.jsonl.",
        rich_help_panel=COURSE,
    ),
]
KeyField = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The member of each line that is its key; otherwise the line's number.",
        rich_help_panel=COURSE,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on with an earlier run: send only what is not there.", rich_help_panel=COURSE
    ),
]
InOrder = Annotated[
    bool,
    typer.Option(
        "--in-order",
        help="Write in the order of SOURCE; otherwise what is done first.",
        rich_help_panel=COURSE,
    ),
]
Limit = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Read only the first N items.", rich_help_panel=COURSE)
]
Journal = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Remembers what was sent; otherwise SINK.journal.sqlite, and none for S3 or with --job.",
        rich_help_panel=COURSE,
    ),
]
NoJournal = Annotated[
    bool,
    typer.Option(
        "--no-journal",
        help="Remember nothing: after a crash, what was in flight is sent again.",
        rich_help_panel=COURSE,
    ),
]
Job = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Names outputs in S3 after this job: what is there, from any machine, is not sent again.",
        rich_help_panel=COURSE,
    ),
]
ModelVersion = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Of the job's model: answers of another one are not taken.",
        rich_help_panel=COURSE,
    ),
]
RetryFailed = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Send an item at most N times, if the container failed on it (5xx) or it expired; once.",
        rich_help_panel=COURSE,
    ),
]
StopAfterFailures = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Read nothing more once N items have failed; never.",
        rich_help_panel=COURSE,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read and check every item, and send nothing.", rich_help_panel=COURSE),
]
Grace = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="How long to wait for what is in flight, after Ctrl-C or SIGTERM.",
        rich_help_panel=COURSE,
    ),
]


def map_command(
    context: typer.Context,
    source: Source,
    endpoint: Endpoint,
    output: SinkText,
    *,
    resume: Resume = False,
    journal: Journal = None,
    no_journal: NoJournal = False,
    errors: Errors = None,
    key_field: KeyField = None,
    in_order: InOrder = False,
    limit: Limit = None,
    job: Job = None,
    model_version: ModelVersion = None,
    retry_failed: RetryFailed = None,
    stop_after_failures: StopAfterFailures = None,
    dry_run: DryRun = False,
    grace: Grace = 30.0,
    region: Region = None,
    profile: Profile = None,
    queue_url: QueueUrls = None,
    output_path: OutputPath = None,
    failure_path: FailurePath = None,
    endpoint_url: EndpointUrls = None,
    client_id: ClientId = None,
    uploads: Uploads = None,
    content_type: ContentType = None,
    accept: Accept = None,
    ttl: Ttl = None,
    invocation_timeout: InvocationTimeout = None,
    max_in_flight: MaxInFlight = None,
    max_concurrent_requests: MaxConcurrentRequests = None,
    max_submit_rate: MaxSubmitRate = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read the options and run."""

    async def work() -> ExitCode:
        plan = Plan(
            source=source,
            sink=output,
            errors=errors or beside(output, ".errors.jsonl"),
            connection=Connection(
                endpoint=endpoint,
                region=region,
                profile=profile,
                queue_urls=queue_url or (),
                uploads=uploads,
                endpoint_urls=parse_endpoint_urls(endpoint_url or ()),
                request={
                    "accept": accept,
                    "request_ttl_seconds": ttl,
                    "invocation_timeout_seconds": invocation_timeout,
                },
                settings={
                    "client_id": client_id,
                    "output_path": output_path,
                    "failure_path": failure_path,
                    "max_in_flight": max_in_flight,
                    "max_concurrent_requests": max_concurrent_requests,
                    "max_submit_rate": max_submit_rate,
                },
            ),
            journal=None if no_journal else journal or _journal_beside(output, job),
            is_journal_temporary=journal is None,
            key_field=key_field,
            content_type=content_type,
            resumes=resume,
            is_in_order=in_order,
            limit=limit,
            job=job,
            version=model_version,
            attempts=retry_failed,
            stop_after_failures=stop_after_failures,
            grace_seconds=grace,
            is_quiet=quiet,
            resume_command=resume_command(context),
        )
        if dry_run:
            return await _rehearse(plan, as_json=as_json)
        return await carry_out(plan, as_json=as_json)

    execute(work())


def _journal_beside(output: str, job: str | None) -> Path | None:
    # Where results or outputs in S3 tell what was done, no file has to.
    return None if output.startswith("s3://") or job is not None else beside(output, ".journal.sqlite")


async def _rehearse(plan: Plan, *, as_json: bool) -> ExitCode:
    found = await rehearse(plan)
    if as_json:
        print(found.as_json())
    else:
        say("\n".join(found.lines()))
    return found.exit_code


async def carry_out(plan: Plan, *, as_json: bool) -> ExitCode:
    """Run, and tell how it ended."""
    summary = await Run(plan, Console(file=sys.stderr)).run()
    if as_json:
        print(summary.as_json())
    if not plan.is_quiet or summary.exit_code != ExitCode.SUCCEEDED:
        say("\n".join(summary.lines()))
    return summary.exit_code
