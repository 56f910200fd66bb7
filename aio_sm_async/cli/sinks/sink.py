"""What takes results, whatever becomes of them."""

from __future__ import annotations

from typing import Protocol

from aio_sm_async.results import InferenceResult

Result = InferenceResult[object]


class Sink(Protocol):
    """Takes each result once, and remembers across runs what it has.

    Attributes:
        keeps_order: Whether results should come in the order of the source if that is wished for.
        writes_at_once: How many results may be written at once.
    """

    writes_at_once: int

    async def open(self, *, resumes: bool) -> None:
        """Make ready to write, and read what is there already.

        Raises:
            ConfigurationError: There is something already, and it is not to be resumed; or it is no sink.
            OSError: It cannot be written.
        """
        ...

    def __contains__(self, key: str) -> bool:
        """Whether the result of this key is there already."""
        ...

    def __len__(self) -> int:
        """How many results were there when it was opened."""
        ...

    async def write(self, index: int | None, key: str, result: Result) -> None:
        """Return once the result would survive the end of this process.

        Raises:
            OSError: It cannot be written.
            AsyncInferenceError: The response, or the place for it, cannot be reached.
        """
        ...

    async def aclose(self) -> None:
        """Write out what the system still holds back, and close."""
        ...
