"""All commands, under one name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from aio_sm_async.cli.attach import HELP as ATTACH_HELP
from aio_sm_async.cli.attach import attach_command
from aio_sm_async.cli.demo_command import HELP as DEMO_HELP
from aio_sm_async.cli.demo_command import demo_command
from aio_sm_async.cli.emulate import HELP as EMULATE_HELP
from aio_sm_async.cli.emulate import emulate_command
from aio_sm_async.cli.exit_codes import ExitCode
from aio_sm_async.cli.invocation import PROGRAM
from aio_sm_async.cli.invoke import HELP as INVOKE_HELP
from aio_sm_async.cli.invoke import invoke_command
from aio_sm_async.cli.lookup import HELP as LOOKUP_HELP
from aio_sm_async.cli.lookup import lookup_command
from aio_sm_async.cli.map import HELP as MAP_HELP
from aio_sm_async.cli.map import map_command
from aio_sm_async.cli.recover import HELP as RECOVER_HELP
from aio_sm_async.cli.recover import recover_command
from aio_sm_async.version import __version__

app = typer.Typer(
    name=PROGRAM,
    help="Amazon SageMaker Asynchronous Inference from the command line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback of ours is for a report, as it is
)

app.command("map", help=MAP_HELP)(map_command)
app.command("invoke", help=INVOKE_HELP)(invoke_command)
app.command("recover", help=RECOVER_HELP)(recover_command)
app.command("attach", help=ATTACH_HELP)(attach_command)
app.command("lookup", help=LOOKUP_HELP)(lookup_command)
app.command("emulate", help=EMULATE_HELP)(emulate_command)
app.command("demo", help=DEMO_HELP)(demo_command)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _program(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Say what there is."""


def run(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    try:
        app(list(arguments), obj=list(arguments), prog_name=PROGRAM)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.SUCCEEDED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.COULD_NOT_GO_ON
    return ExitCode.SUCCEEDED
