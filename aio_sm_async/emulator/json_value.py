"""What JSON text holds once it is read, and the one way to read it."""

from __future__ import annotations

import json
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | JsonObject | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"


def parse_json(text: str | bytes) -> JsonValue:
    """Read JSON; ``NaN`` and the infinities, which Python would take, are none.

    Raises:
        ValueError: It is no JSON, or nested more deeply than Python reads.
    """
    try:
        value: JsonValue = _DECODER.decode(text if isinstance(text, str) else text.decode())
    except RecursionError as exc:
        raise ValueError("the JSON is nested too deeply") from exc
    return value


def parse_object(text: str | bytes) -> JsonObject:
    """Read a JSON object.

    Raises:
        ValueError: It is no JSON, or no object.
    """
    value = parse_json(text)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")  # noqa: TRY004 - the text is at fault, not a caller's type
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"JSON knows no {constant}")


# One decoder for all: with an option, json.loads would make a new one for each text.
_DECODER = json.JSONDecoder(parse_constant=_refuse)
