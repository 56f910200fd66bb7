"""``aio-sm-async emulate``: a standing emulator, for trying programs out."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, cast

import typer
from anyio import to_thread

from aio_sm_async.cli.execution import execute
from aio_sm_async.cli.exit_codes import ExitCode
from aio_sm_async.cli.invocation import program
from aio_sm_async.cli.shutdown import Shutdown
from aio_sm_async.clock import SystemClock
from aio_sm_async.emulator import Emulator, Endpoint
from aio_sm_async.emulator.model import Model, echo
from aio_sm_async.errors import ConfigurationError

HELP = """Run an emulator of SageMaker, S3, SQS and SNS on this machine until Ctrl-C.

It has one endpoint, which answers with what MODULE:FUNCTION returns (see docs/emulator.md), or with what it
is sent; a queue that hears its topics; and a bucket for inputs. It prints the environment that points other
programs at it, and a command to try.
"""

INPUT_BUCKET = "inputs"

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="MODULE:FUNCTION", help="What answers; the working directory is searched too."
    ),
]
EndpointName = Annotated[str, typer.Option("-e", "--endpoint", help="The endpoint's name.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 chooses a free port.")]
Instances = Annotated[int, typer.Option(min=0, help="How many instances; 0 leaves requests in the queue.")]
Concurrency = Annotated[int, typer.Option(min=1, help="How many requests an instance works on at once.")]
ForSeconds = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", help="End by itself after so long.")
]


def emulate_command(
    *,
    model: ModelName = None,
    endpoint: EndpointName = "my-endpoint",
    port: Port = 0,
    instances: Instances = 1,
    concurrency: Concurrency = 4,
    for_seconds: ForSeconds = None,
) -> None:
    """Read the options and serve."""

    async def work() -> ExitCode:
        if for_seconds is not None and not for_seconds > 0:
            raise ConfigurationError(
                f"--for {for_seconds:g}: must be above 0; leave it out to run until Ctrl-C."
            )
        answering = echo if model is None else await to_thread.run_sync(_model, model)
        async with Emulator(port=port) as aws:
            aws.objects.create_bucket(INPUT_BUCKET, aws.region)
            made = await aws.create_endpoint(
                endpoint,
                answering,
                instances=instances,
                max_concurrent_invocations_per_instance=concurrency,
            )
            print(_greeting(aws, made), flush=True)
            with Shutdown() as shutdown:
                await _stay(shutdown, for_seconds)
        return ExitCode.SUCCEEDED  # Ctrl-C is how it is meant to end

    execute(work())


def _greeting(aws: Emulator, endpoint: Endpoint) -> str:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in aws.environment().items()]
    command = [*program(), "map", "items.jsonl", "-e", endpoint.name, "-o", "results.jsonl"]
    if endpoint.queue_url is not None:
        command += ["--queue-url", endpoint.queue_url]
    return "\n".join([*exports, "", f"# {shlex.join([*command, '--uploads', f's3://{INPUT_BUCKET}/'])}"])


async def _stay(shutdown: Shutdown, seconds: float | None) -> None:
    clock = SystemClock()
    with suppress(TimeoutError):
        async with clock.timeout_at(None if seconds is None else clock.monotonic() + seconds):
            await shutdown.requested.wait()


def _model(text: str) -> Model:
    """The function that the text names.

    Raises:
        ConfigurationError: There is none.
    """
    module_name, separator, name = text.partition(":")
    if not separator or not name:
        raise ConfigurationError(f"--model {text}: write MODULE:FUNCTION, such as my_models:classify.")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigurationError(f"--model {text}: {module_name} cannot be imported: {error}.") from error
    found: object = getattr(module, name, None)
    if not callable(found):
        raise ConfigurationError(f"--model {text}: {module_name} has no function {name}.")
    return cast("Model", cast("Callable[..., object]", found))
