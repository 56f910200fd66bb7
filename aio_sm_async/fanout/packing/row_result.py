"""What a row gets of its pack's answer."""

from __future__ import annotations

from dataclasses import dataclass

from aio_sm_async.results import InferenceResult


@dataclass(frozen=True, slots=True)
class RowResult:
    """The answer to one row.

    Attributes:
        value: The row that came back.
        inference: The result of the invocation that the row was sent with.
        row_in_pack: Which of its rows this is, from 0.
    """

    value: object
    inference: InferenceResult[object]
    row_in_pack: int
