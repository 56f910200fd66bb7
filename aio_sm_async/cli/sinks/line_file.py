"""A file of JSON lines that grows, survives a kill at any moment, and can be read again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread

from aio_sm_async.cli.sinks.known_keys import KnownKeys
from aio_sm_async.clock import Clock
from aio_sm_async.errors import ConfigurationError

SYNC_SECONDS = 1.0
_BLOCK_BYTES = 1024 * 1024


class LineFile:
    """One JSON object a line, each with a ``key``; a line is with the system when `append` returns.

    Args:
        path: The file.
        clock: Time: every second or so, what the system holds goes to the disk.
        option: How the command line names the file, for what is told of it.
    """

    def __init__(self, path: Path, clock: Clock, *, option: str) -> None:
        self.keys = KnownKeys()
        self._path = path
        self._clock = clock
        self._option = option
        self._file: BinaryIO | None = None
        self._synced = clock.monotonic()

    async def open(self, *, resumes: bool) -> None:
        """Open the file, and learn the keys in it; a last line that was torn is cut off.

        Raises:
            ConfigurationError: It holds something already, and ``resumes`` is False; or it is no such file.
            OSError: It cannot be opened.
        """
        await to_thread.run_sync(self._open, resumes)

    async def append(self, record: Mapping[str, object]) -> None:
        """Write one line.

        Raises:
            OSError: It could not be written; the file ends as it did before.
        """
        line = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        syncs = self._clock.monotonic() - self._synced >= SYNC_SECONDS
        # A lone half of a surrogate pair is fine in JSON and none in UTF-8.
        await to_thread.run_sync(self._write, line.encode(errors="backslashreplace") + b"\n", syncs)
        if syncs:
            self._synced = self._clock.monotonic()

    async def aclose(self) -> None:
        """Bring it to the disk and close it; a file that nothing was written to is removed."""
        await to_thread.run_sync(self._close)

    def _open(self, resumes: bool) -> None:
        if self._path.exists() and self._path.stat().st_size and not resumes:
            raise ConfigurationError(
                f"{self._path} holds results of an earlier run. Go on with it by --resume, or name another "
                f"{self._option}."
            )
        # Unbuffered: what is written is with the system, and outlives this process.
        self._file = self._path.open("a+b", buffering=0)
        self._file.truncate(self._learn())

    def _learn(self) -> int:
        """Take the keys of all whole lines; where they end."""
        end = 0
        for number, line in enumerate(_lines(self._path), 1):
            if not line.endswith(b"\n"):
                break
            self.keys.add(self._key_in(line, number))
            end += len(line)
        return end

    def _key_in(self, line: bytes, number: int) -> str:
        try:
            record = json.loads(line)
            key = record["key"]
        except (ValueError, KeyError, TypeError, RecursionError):
            key = None
        if not isinstance(key, str):
            raise ConfigurationError(
                f"{self._path}, line {number}, was not written by this command: it has no key. Name another "
                f"{self._option}."
            )
        return key

    def _write(self, line: bytes, syncs: bool) -> None:
        assert self._file is not None
        start = os.fstat(self._file.fileno()).st_size
        try:
            view = memoryview(line)
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            self._file.truncate(start)  # half a line would spoil the next
            raise
        if syncs:
            os.fsync(self._file.fileno())

    def _close(self) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        with file:
            os.fsync(file.fileno())
            is_empty = os.fstat(file.fileno()).st_size == 0
        if is_empty:
            self._path.unlink(missing_ok=True)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=_BLOCK_BYTES) as file:
        yield from file
