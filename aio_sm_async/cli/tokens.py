"""What `attach` and `lookup` share: tokens come in, one answer each goes out."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Annotated

import typer
from anyio import to_thread

from aio_sm_async.cli.connection import Connection, parse_endpoint_urls
from aio_sm_async.cli.exit_codes import ExitCode
from aio_sm_async.cli.options import REACH
from aio_sm_async.cli.output import deliver
from aio_sm_async.cli.sinks import record_of
from aio_sm_async.cli.words import in_words
from aio_sm_async.client import AsyncInferenceClient
from aio_sm_async.errors import AsyncInferenceError, ConfigurationError
from aio_sm_async.status import InvocationStatus

TOKENS_AT_ONCE = 1000
STDIN = "-"

TokenTexts = Annotated[list[str], typer.Argument(metavar="TOKEN...", show_default=False)]
OptionalEndpoint = Annotated[
    str | None,
    typer.Option(
        "-e", "--endpoint", help="The endpoint whose --output-path is given.", rich_help_panel=REACH
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object for each token, also for one.")]

Ask = Callable[[AsyncInferenceClient, str], Awaitable[InvocationStatus]]


def connect(
    *,
    endpoint: str | None,
    region: str | None,
    profile: str | None,
    endpoint_urls: Sequence[str],
    output_path: str | None,
    failure_path: str | None,
    queue_urls: Sequence[str] = (),
) -> Connection:
    """How AWS is reached for tokens.

    Raises:
        ConfigurationError: A path is given and no endpoint.
    """
    if endpoint is None and (output_path or failure_path):
        raise ConfigurationError("--output-path and --failure-path are an endpoint's: name it with -e.")
    return Connection(
        endpoint=endpoint,
        region=region,
        profile=profile,
        queue_urls=queue_urls,
        endpoint_urls=parse_endpoint_urls(endpoint_urls),
        settings={"output_path": output_path, "failure_path": failure_path},
    )


async def answer(connection: Connection, texts: Sequence[str], ask: Ask, *, as_json: bool) -> ExitCode:
    """Ask for every token, and print the result of one, or a line of JSON for each of many.

    Args:
        connection: How AWS is reached.
        texts: The tokens; ``-`` stands for the lines of standard input.
        ask: Asks for one.
        as_json: Whether one is answered with a line of JSON, too.
    """
    async with connection.client() as client:
        if len(texts) == 1 and texts[0] != STDIN and not as_json:
            return await _answer_one(await ask(client, texts[0]))
        codes = [ExitCode.SUCCEEDED]
        places = asyncio.Semaphore(TOKENS_AT_ONCE)

        async def each(token: str) -> None:
            try:
                codes.append(await _answer_in_json(client, token, ask))
            finally:
                places.release()

        tokens = _tokens_of(texts)
        try:
            async with asyncio.TaskGroup() as asking:
                while (token := await to_thread.run_sync(next, tokens, "")) != "":
                    await places.acquire()
                    asking.create_task(each(token))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        return max(codes, key=_gravity)


async def _answer_one(status: InvocationStatus) -> ExitCode:
    if status.state == "pending":
        print(f"pending, until {status.deadline:%Y-%m-%d %H:%M:%S} UTC at most", file=sys.stderr)
        return ExitCode.PENDING
    await deliver(status.unwrap(), None, as_json=False)
    return ExitCode.SUCCEEDED


async def _answer_in_json(client: AsyncInferenceClient, token: str, ask: Ask) -> ExitCode:
    try:
        status = await ask(client, token)
    except AsyncInferenceError as error:
        print(json.dumps({"token": token, "state": "unknown", "reason": in_words(error)}), flush=True)
        return ExitCode.SOME_FAILED
    record: dict[str, object] = {
        "inference_id": status.inference_id,
        "endpoint": status.endpoint_name,
        "state": status.state,
        "deadline": status.deadline.isoformat(),
    }
    if status.result is not None:
        record |= record_of(None, None, status.result)
    if status.error is not None:
        record |= {"error": type(status.error).__name__, "reason": str(status.error)}
    print(json.dumps(record), flush=True)
    match status.state:
        case "completed":
            return ExitCode.SUCCEEDED
        case "pending":
            return ExitCode.PENDING
        case _:
            return ExitCode.SOME_FAILED


def _tokens_of(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        if text == STDIN:
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield text


def _gravity(code: ExitCode) -> int:
    return (ExitCode.SUCCEEDED, ExitCode.PENDING, ExitCode.SOME_FAILED).index(code)
