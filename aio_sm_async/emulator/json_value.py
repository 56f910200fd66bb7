"""What JSON text holds once it is read, and the one way to read an object of it."""

from __future__ import annotations

import json
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | JsonObject | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"


def parse_object(text: str | bytes) -> JsonObject:
    """Read a JSON object.

    Raises:
        ValueError: It is no JSON, or no object.
    """
    value: JsonValue = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")  # noqa: TRY004 - the text is at fault, not a caller's type
    return value
