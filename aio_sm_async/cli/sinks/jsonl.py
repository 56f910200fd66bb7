"""Results as JSON lines."""

from __future__ import annotations

from pathlib import Path

from aio_sm_async.cli.sinks.line_file import LineFile
from aio_sm_async.cli.sinks.record import record_of
from aio_sm_async.cli.sinks.sink import Result
from aio_sm_async.clock import Clock


class JsonLinesSink:
    """Appends one line a result to a file."""

    writes_at_once = 1

    def __init__(self, path: Path, clock: Clock) -> None:
        self._lines = LineFile(path, clock, option="-o")

    async def open(self, *, resumes: bool) -> None:
        """Open the file, and learn the keys in it."""
        await self._lines.open(resumes=resumes)

    def __contains__(self, key: str) -> bool:
        return key in self._lines.keys

    def __len__(self) -> int:
        return len(self._lines.keys)

    async def write(self, index: int | None, key: str, result: Result) -> None:
        """Append a line."""
        await self._lines.append(record_of(index, key, result))

    async def aclose(self) -> None:
        """Close the file."""
        await self._lines.aclose()
