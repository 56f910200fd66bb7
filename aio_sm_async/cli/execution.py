"""Runs a command's coroutine, and makes an exit code of whatever comes of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import NoReturn

import typer

from aio_sm_async.cli.exit_codes import ExitCode, code_of
from aio_sm_async.cli.words import in_words
from aio_sm_async.errors import AsyncInferenceError


def execute(work: Coroutine[object, object, ExitCode]) -> NoReturn:
    """Run it, tell on standard error what went wrong, and leave with its exit code."""
    try:
        code = asyncio.run(work)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except (AsyncInferenceError, OSError) as error:
        say(f"aio-sm-async: {in_words(error)}")
        code = code_of(error)
    raise typer.Exit(int(code))


def say(text: str) -> None:
    """Tell people, who look at standard error."""
    print(text, file=sys.stderr, flush=True)
