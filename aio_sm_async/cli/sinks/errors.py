"""What became of the items that have no result: a line each, beside the results."""

from __future__ import annotations

from pathlib import Path

from aio_sm_async.cli.sinks.line_file import LineFile
from aio_sm_async.clock import Clock


class ErrorsFile:
    """Appends one line an error: index, key, place, reason, and what kind it is.

    Args:
        path: The file; it is there only if something failed.
        clock: Time.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._lines = LineFile(path, clock, option="--errors")

    async def open(self, *, resumes: bool) -> None:
        """Open the file, and learn the keys in it.

        Raises:
            ConfigurationError: It holds something already, and ``resumes`` is False.
            OSError: It cannot be opened.
        """
        await self._lines.open(resumes=resumes)

    def __contains__(self, key: str) -> bool:
        return key in self._lines.keys

    def __len__(self) -> int:
        return len(self._lines.keys)

    async def write(
        self,
        index: int | None,
        key: str,
        place: str,
        *,
        kind: str,
        reason: str,
        inference_id: str | None = None,
    ) -> None:
        """Append a line.

        Raises:
            OSError: It cannot be written.
        """
        await self._lines.append(
            {
                "index": index,
                "key": key,
                "place": place,
                "error": kind,
                "reason": reason,
                "inference_id": inference_id,
            }
        )

    async def aclose(self) -> None:
        """Close the file; remove it if it is empty."""
        await self._lines.aclose()
