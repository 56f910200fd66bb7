"""``aio-sm-async invoke``: one payload, one result."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from anyio import to_thread

from aio_sm_async.cli.connection import Connection, parse_endpoint_urls
from aio_sm_async.cli.execution import execute, say
from aio_sm_async.cli.exit_codes import EXPLAINED, ExitCode
from aio_sm_async.cli.options import (
    Accept,
    ContentType,
    Endpoint,
    EndpointUrls,
    InvocationTimeout,
    Profile,
    QueueUrls,
    Region,
    Ttl,
    Uploads,
)
from aio_sm_async.cli.output import deliver
from aio_sm_async.cli.sinks import Result
from aio_sm_async.cli.sources.directory import type_of
from aio_sm_async.client import AsyncInferenceClient
from aio_sm_async.errors import ConfigurationError, WaitTimeoutError
from aio_sm_async.future import InferenceFuture
from aio_sm_async.options import NO_PAYLOAD
from aio_sm_async.protocol.request import MAX_INLINE_BYTES

HELP = f"""Send one payload, wait, and print the result.

PAYLOAD is text, sent as JSON if it is JSON, @FILE for the contents of a file, an s3:// URI of an input that
is in S3 already, or - for standard input.

{EXPLAINED}
"""

GOES_ON = "It goes on in SageMaker. Its token, for `attach` and `lookup`:"

PayloadText = Annotated[str, typer.Argument(metavar="PAYLOAD", show_default=False)]
Timeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="How long to wait; otherwise until it ends.")
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the result there.")
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Print the token of the invocation once it is accepted, and leave.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object: the result, its id and its content type.")
]


def invoke_command(
    payload: PayloadText,
    endpoint: Endpoint,
    *,
    output: Output = None,
    timeout: Timeout = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    region: Region = None,
    profile: Profile = None,
    queue_url: QueueUrls = None,
    endpoint_url: EndpointUrls = None,
    uploads: Uploads = None,
    content_type: ContentType = None,
    accept: Accept = None,
    ttl: Ttl = None,
    invocation_timeout: InvocationTimeout = None,
) -> None:
    """Read the options and send it."""

    async def work() -> ExitCode:
        connection = Connection(
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
        )
        body, location, media_type = await _read(payload, content_type, has_uploads=uploads is not None)
        async with connection.client() as client:
            view = client.with_options(content_type=media_type)
            if no_wait:
                future = await view.submit(body, input_location=location)
                print(future.token)
                return ExitCode.SUCCEEDED
            return await _wait(view, body, location, timeout, output, as_json=as_json)

    execute(work())


async def _wait(
    client: AsyncInferenceClient,
    body: object,
    location: str | None,
    timeout: float | None,
    output: Path | None,
    *,
    as_json: bool,
) -> ExitCode:
    try:
        if timeout is None:
            result = await _wait_for(await client.submit(body, input_location=location))
        else:
            result = await client.invoke(body, input_location=location, timeout=timeout)
    except WaitTimeoutError as error:
        if error.token is not None:
            say(f"{GOES_ON}\n{error.token}")
        raise
    await deliver(result, output, as_json=as_json)
    return ExitCode.SUCCEEDED


async def _wait_for(future: InferenceFuture[Result]) -> Result:
    try:
        return await future
    except asyncio.CancelledError:  # Ctrl-C: the inference goes on, and its result can be fetched later
        say(f"{GOES_ON}\n{future.token}")
        raise


async def _read(
    text: str, content_type: str | None, *, has_uploads: bool
) -> tuple[object, str | None, str | None]:
    """The payload or the location of it, and its media type."""
    if text.startswith("s3://"):
        return NO_PAYLOAD, text, content_type
    if text == "-":
        body = await to_thread.run_sync(sys.stdin.buffer.read)
        return _checked(body, has_uploads=has_uploads), None, content_type or "application/octet-stream"
    if text.startswith("@"):
        path = Path(text[1:])
        if not await to_thread.run_sync(path.is_file):
            raise ConfigurationError(f"{path}: there is no such file.")
        size = (await to_thread.run_sync(path.stat)).st_size
        if has_uploads and not 0 < size <= MAX_INLINE_BYTES:
            return path, None, content_type or type_of(path)
        body = await to_thread.run_sync(path.read_bytes)
        return _checked(body, has_uploads=has_uploads), None, content_type or type_of(path)
    return text.encode(), None, content_type or _type_of_text(text)


def _checked(body: bytes, *, has_uploads: bool) -> bytes:
    if 0 < len(body) <= MAX_INLINE_BYTES or has_uploads:
        return body
    raise ConfigurationError(
        f"the payload has {len(body):,} bytes, and 1 to {MAX_INLINE_BYTES:,} fit into a request. Name a "
        "place for larger ones: --uploads s3://bucket/prefix/."
    )


def _type_of_text(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return "text/plain; charset=utf-8"
    return "application/json"
