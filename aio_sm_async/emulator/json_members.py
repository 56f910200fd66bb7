"""The members of one request in AWS's JSON protocol, read with their types."""

from __future__ import annotations

from collections.abc import Mapping

from aio_sm_async.emulator.json_value import JsonObject, JsonValue, parse_object
from aio_sm_async.emulator.service import ServiceFault


class JsonMembers:
    """Members by name; whatever has the wrong type is a ``SerializationException``."""

    def __init__(self, members: Mapping[str, JsonValue]) -> None:
        self._members = members

    def text(self, name: str) -> str:
        """A text that must be there and not be empty.

        Raises:
            ServiceFault: ``MissingParameter``.
        """
        text = self.optional_text(name)
        if not text:
            raise ServiceFault("MissingParameter", f"The request must contain the parameter {name}.")
        return text

    def optional_text(self, name: str) -> str | None:
        """A text; None if it is not there."""
        value = self._members.get(name)
        if value is None or isinstance(value, str):
            return value
        raise _mistyped(name)

    def integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number within the bounds; None if it is not there.

        Raises:
            ServiceFault: ``InvalidParameterValue``: it is out of bounds.
        """
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise _mistyped(name)
        if not low <= value <= high:
            reason = f"Must be between {low} and {high}, if provided."
            message = f"Value {value} for parameter {name} is invalid. Reason: {reason}"
            raise ServiceFault("InvalidParameterValue", message)
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty if it is not there."""
        return [_text(name, each) for each in self._list(name)]

    def text_map(self, name: str) -> dict[str, str]:
        """A map of texts; empty if it is not there."""
        return {key: _text(name, each) for key, each in self._map(name).items()}

    def entries(self, name: str) -> list[JsonMembers]:
        """A list of structures; empty if it is not there."""
        return [JsonMembers(_object(name, each)) for each in self._list(name)]

    def entry_map(self, name: str) -> dict[str, JsonMembers]:
        """A map of structures; empty if it is not there."""
        return {key: JsonMembers(_object(name, each)) for key, each in self._map(name).items()}

    def _list(self, name: str) -> list[JsonValue]:
        value = self._members.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise _mistyped(name)
        return value

    def _map(self, name: str) -> JsonObject:
        value = self._members.get(name)
        return {} if value is None else _object(name, value)


def parse_members(body: bytes) -> JsonMembers:
    """Read a request's body; an empty one has no members.

    Raises:
        ServiceFault: ``SerializationException``.
    """
    try:
        return JsonMembers(parse_object(body or b"{}"))
    except ValueError as exc:
        raise ServiceFault("SerializationException", "The request's body is not a JSON object.") from exc


def _text(name: str, value: JsonValue) -> str:
    if not isinstance(value, str):
        raise _mistyped(name)
    return value


def _object(name: str, value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise _mistyped(name)
    return value


def _mistyped(name: str) -> ServiceFault:
    return ServiceFault("SerializationException", f"The parameter {name} has the wrong type.")
