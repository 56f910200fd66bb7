"""``aio-sm-async attach``: wait for the invocations that tokens name."""

from __future__ import annotations

from typing import Literal

from aio_sm_async.cli.execution import execute
from aio_sm_async.cli.exit_codes import EXPLAINED, ExitCode
from aio_sm_async.cli.options import EndpointUrls, FailurePath, OutputPath, Profile, QueueUrls, Region
from aio_sm_async.cli.tokens import AsJson, OptionalEndpoint, TokenTexts, answer, connect
from aio_sm_async.client import AsyncInferenceClient
from aio_sm_async.errors import DeadlinePassedError, InferenceError
from aio_sm_async.protocol.token import decode_token
from aio_sm_async.status import InvocationStatus

HELP = f"""Wait for an invocation that any process has sent, and print its result.

TOKEN is what `invoke --no-wait`, or future.token in Python, gave; - reads tokens from standard input, a line
each. For several tokens a line of JSON is printed for each, as it ends.

{EXPLAINED}
"""

Ended = Literal["failed", "deadline_passed"]


def attach_command(
    tokens: TokenTexts,
    *,
    as_json: AsJson = False,
    endpoint: OptionalEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    queue_url: QueueUrls = None,
    endpoint_url: EndpointUrls = None,
    output_path: OutputPath = None,
    failure_path: FailurePath = None,
) -> None:
    """Read the options and wait."""

    async def work() -> ExitCode:
        connection = connect(
            endpoint=endpoint,
            region=region,
            profile=profile,
            queue_urls=queue_url or (),
            endpoint_urls=endpoint_url or (),
            output_path=output_path,
            failure_path=failure_path,
        )
        return await answer(connection, tokens, _wait, as_json=as_json)

    execute(work())


async def _wait(client: AsyncInferenceClient, token: str) -> InvocationStatus:
    future = await client.attach(token)
    deadline = decode_token(token).deadline
    try:
        result = await future
    except InferenceError as error:
        state: Ended = "deadline_passed" if isinstance(error, DeadlinePassedError) else "failed"
        return InvocationStatus(future.inference_id, future.endpoint_name, state, deadline, error=error)
    return InvocationStatus(future.inference_id, future.endpoint_name, "completed", deadline, result)
