"""How this command was started, and how it would be started again."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import cast

import typer

PROGRAM = "aio-sm-async"


def arguments_of(context: typer.Context) -> list[str]:
    """The arguments of this command line, without the program."""
    return cast("list[str]", context.find_root().obj)


def resume_command(context: typer.Context) -> str:
    """What to type to go on with this run."""
    arguments = arguments_of(context)
    again = arguments if "--resume" in arguments else [*arguments, "--resume"]
    return shlex.join([*program(), *again])


def command_again(context: typer.Context) -> str:
    """What to type to do the same once more."""
    return shlex.join([*program(), *arguments_of(context)])


def program() -> list[str]:
    """What this program was started as."""
    started = Path(sys.argv[0])
    return ["python", "-m", "aio_sm_async"] if started.name == "__main__.py" else [PROGRAM]
