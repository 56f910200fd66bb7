"""What the exit code of every command means, for scripts."""

from __future__ import annotations

import signal
from enum import IntEnum

from aio_sm_async.errors import (
    ConfigurationError,
    InferenceError,
    InvalidRequestError,
    ResultError,
    WaitTimeoutError,
)


class ExitCode(IntEnum):
    """The exit code."""

    SUCCEEDED = 0
    SOME_FAILED = 1
    WRONG_USAGE = 2
    COULD_NOT_GO_ON = 3
    PENDING = 4
    INTERRUPTED = 128 + signal.SIGINT
    TERMINATED = 128 + signal.SIGTERM


EXPLAINED = (
    "Exit codes: 0, all succeeded; 1, the run ended and some items failed; 2, the command line or the "
    "configuration is wrong; 3, the run could not go on (AWS refuses, the disk is full ...); 130 and 143, "
    "interrupted by Ctrl-C or SIGTERM."
)


def code_of(error: Exception) -> ExitCode:
    """The exit code for an error that ended a command."""
    match error:
        case ConfigurationError() | InvalidRequestError():
            return ExitCode.WRONG_USAGE
        case InferenceError() | ResultError() | WaitTimeoutError():
            return ExitCode.SOME_FAILED
        case _:
            return ExitCode.COULD_NOT_GO_ON
