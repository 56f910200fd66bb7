"""Where the command line begins: the commands, if the packages that they need are here."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from aio_sm_async.cli.exit_codes import ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` name, or else those of this process; the exit code."""
    chosen = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from aio_sm_async.cli.app import run  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as error:
        print(
            f"The command line needs {error.name}: pip install 'aio-sm-async[cli]'",
            file=sys.stderr,
        )
        return ExitCode.WRONG_USAGE
    with warnings.catch_warnings():  # people need not know the place in the code that warns
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        return run(chosen)
