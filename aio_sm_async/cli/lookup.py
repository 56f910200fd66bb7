"""``aio-sm-async lookup``: how the invocations stand that tokens name."""

from __future__ import annotations

from aio_sm_async.cli.execution import execute
from aio_sm_async.cli.exit_codes import EXPLAINED, ExitCode
from aio_sm_async.cli.options import EndpointUrls, FailurePath, OutputPath, Profile, Region
from aio_sm_async.cli.tokens import AsJson, OptionalEndpoint, TokenTexts, answer, connect
from aio_sm_async.client import AsyncInferenceClient

HELP = f"""Ask S3 once how an invocation stands, and print its result if there is one.

TOKEN is what `invoke --no-wait`, or future.token in Python, gave; - reads tokens from standard input, a line
each. For several tokens a line of JSON is printed for each, with its state: pending, completed, failed or
deadline_passed.

{EXPLAINED} 4, nothing failed and some are still pending.
"""


def lookup_command(
    tokens: TokenTexts,
    *,
    as_json: AsJson = False,
    endpoint: OptionalEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrls = None,
    output_path: OutputPath = None,
    failure_path: FailurePath = None,
) -> None:
    """Read the options and ask."""

    async def work() -> ExitCode:
        connection = connect(
            endpoint=endpoint,
            region=region,
            profile=profile,
            endpoint_urls=endpoint_url or (),
            output_path=output_path,
            failure_path=failure_path,
        )
        return await answer(connection, tokens, AsyncInferenceClient.lookup, as_json=as_json)

    execute(work())
