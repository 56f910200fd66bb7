"""Ctrl-C and SIGTERM: the first asks the work to end, the second ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

from aio_sm_async.cli.exit_codes import ExitCode

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class Shutdown:
    """Hears signals while it is entered. Belongs to the running event loop.

    Args:
        last_words: What is said last if a second signal ends the process: how to go on.

    Attributes:
        requested: Set by the first signal.
        code: The exit code that goes with that signal; None as long as none came.
    """

    def __init__(self, last_words: str | None = None) -> None:
        self._last_words = last_words
        self.requested = asyncio.Event()
        self.code: ExitCode | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError):  # a loop without signals, or not in the main thread
            for number, code in _CODES.items():
                loop.add_signal_handler(number, self.hear, code)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError):
            for number in _CODES:
                loop.remove_signal_handler(number)

    def hear(self, code: ExitCode) -> None:
        """Take a signal: note the first, end the process at the second."""
        if self.code is not None:
            print(self._farewell(), file=sys.stderr, flush=True)
            os._exit(code)
        self.code = code
        self.requested.set()

    def _farewell(self) -> str:
        # A live display has hidden the cursor, and stands in the line.
        lines = ["\x1b[?25h\nEnded at once." if sys.stderr.isatty() else "Ended at once."]
        return "\n".join([*lines, *([self._last_words] if self._last_words else [])])
