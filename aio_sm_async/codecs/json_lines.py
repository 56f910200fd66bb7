"""JSON Lines: one JSON value a line, in UTF-8."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aio_sm_async.codecs.json import dump_json


@dataclass(frozen=True, slots=True)
class JSONLines:
    """One JSON value a line, strictly: no line is empty, and none is left out.

    Attributes:
        content_type: What the container is told, and asked for.
    """

    content_type: str = "application/jsonlines"

    def encode_row(self, row: object) -> bytes:
        """The value in compact JSON, and the end of its line.

        Raises:
            InvalidRequestError: JSON has no word for it: NaN, a circle.
            TypeError: It is, or holds, something that JSON does not know.
        """
        return dump_json(row, None) + b"\n"

    def decode_rows(self, body: bytes) -> list[object]:
        """The value of each line. NaN and Infinity, which some models write, are taken as floats.

        Raises:
            ValueError: A line is no JSON; the message tells which.
            RecursionError: It is nested too deeply.
        """
        lines = body.split(b"\n")
        if not lines[-1]:  # the last line may end in a newline, or not
            lines.pop()
        return [_value(line, number) for number, line in enumerate(lines, 1)]


def _value(line: bytes, number: int) -> object:
    try:
        value: object = json.loads(line)
    except ValueError:
        raise ValueError(f"line {number} is not JSON") from None
    return value
