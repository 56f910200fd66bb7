"""What a format has to tell, so that many rows can travel in one body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class RowCodec(Protocol):
    """A format of rows. Both directions run on the event loop: they never block, and never unpickle."""

    @property
    def content_type(self) -> str:
        """What a body is called, and what is asked for where the caller asks for nothing else."""
        ...

    def encode_row(self, row: object) -> bytes:
        """One row, with whatever parts it from the next: rows are joined without anything between them.

        Raises:
            InvalidRequestError: It cannot be written.
            TypeError: It is of a type that this format does not take.
        """
        ...

    def decode_rows(self, body: bytes) -> Sequence[object]:
        """The rows of an answer, in the order of those that were sent.

        Raises:
            ValueError: The body is malformed. The message must not quote it.
            RecursionError: It is nested too deeply.
        """
        ...
