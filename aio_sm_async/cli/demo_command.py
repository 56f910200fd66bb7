"""``aio-sm-async demo``: a whole run on this machine, without AWS."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from aio_sm_async.cli.execution import say
from aio_sm_async.cli.exit_codes import ExitCode

HELP = """Send real images through an asynchronous endpoint on the embedded emulator, three times.

Trains a model on half of scikit-learn's handwritten digits, serves it behind an asynchronous endpoint of the
embedded emulator, sends the other half through the client over notifications, over S3 polling and amid
trouble, and gives an exact account of each run.
"""

Images = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Send only the first N of the 898; with few, not all of the trouble comes about.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the accounts as one JSON object.")]


def demo_command(*, as_json: AsJson = False, images: Images = None) -> None:
    """Run the demo, if what it needs is here."""
    try:
        from aio_sm_async.cli.demo.command import run_demo  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as error:
        say(f"The demo needs {error.name}: pip install 'aio-sm-async[demo]'")
        raise typer.Exit(ExitCode.WRONG_USAGE) from None
    raise typer.Exit(asyncio.run(run_demo(as_json=as_json, limit=images)))
