"""Results as files of a directory."""

from __future__ import annotations

import os
from pathlib import Path

from anyio import to_thread

from aio_sm_async.cli.sinks.known_keys import KnownKeys
from aio_sm_async.cli.sinks.names import safe_name, stem_of, suffix_of
from aio_sm_async.cli.sinks.sink import Result
from aio_sm_async.errors import ConfigurationError


class DirectorySink:
    """Writes one file a result, named by the key and by the type of the response.

    A file appears under its name once all of it is there. Files whose names begin with a dot are none of it.
    """

    writes_at_once = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = KnownKeys()

    async def open(self, *, resumes: bool) -> None:
        """Make the directory, or learn what is in it."""
        await to_thread.run_sync(self._open, resumes)

    def __contains__(self, key: str) -> bool:
        return safe_name(key) in self._names

    def __len__(self) -> int:
        return len(self._names)

    async def write(self, index: int | None, key: str, result: Result) -> None:  # noqa: ARG002 - a file has no index
        """Write a file."""
        path = self._folder / f"{safe_name(key)}{suffix_of(result.content_type)}"
        if result.size_bytes > result.max_body_bytes:
            await result.download_to(path)
        else:
            await to_thread.run_sync(_write_whole, path, result.body)

    async def aclose(self) -> None:
        """Nothing is left to be done: each file is whole already."""

    def _open(self, resumes: bool) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if not resumes:
                    raise ConfigurationError(
                        f"{self._folder} is not empty. Go on with it by --resume, or name another -o."
                    )
                self._names.add(stem_of(entry.name))


def _write_whole(path: Path, body: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(body)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
