"""A JSON document read member by member, refusing what is missing or of the wrong type as AWS does."""

from __future__ import annotations

from dataclasses import dataclass

from aio_sm_async.emulator.json_value import JsonObject, JsonValue, parse_object
from aio_sm_async.emulator.service import ServiceFault


@dataclass(frozen=True, slots=True)
class Structure:
    """One structure of a request. Its methods raise ServiceFault where a member is not what it must be."""

    values: JsonObject

    @classmethod
    def parse(cls, body: bytes) -> Structure:
        """The structure that a request's body holds; an empty body holds an empty one."""
        try:
            return cls(parse_object(body or b"{}"))
        except ValueError:
            raise ServiceFault("SerializationException", "The body is not a JSON object.") from None

    def text(self, name: str) -> str:
        """A string that must be there."""
        value = self.optional_text(name)
        if not value:
            raise _missing(name)
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise _wrong_type(name, "STRING")
        return value

    def integer(self, name: str, default: int) -> int:
        """A whole number that is not negative, or the default."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(name, "INTEGER")
        if value < 0:
            raise _violated(name, value, "Member must have value greater than or equal to 0")
        return value

    def structure(self, name: str) -> Structure | None:
        """A structure, or None."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _wrong_type(name, "STRUCTURE")
        return Structure(value)

    def structures(self, name: str) -> list[Structure]:
        """A list of structures that must have at least one."""
        value = self.values.get(name)
        if not isinstance(value, list) or not value:
            raise _missing(name)
        if not all(isinstance(each, dict) for each in value):
            raise _wrong_type(name, "STRUCTURE")
        return [Structure(each) for each in value if isinstance(each, dict)]

    def texts(self, name: str, allowed: frozenset[str]) -> frozenset[str]:
        """A set of strings, each of them an allowed one; empty if it is not there."""
        value = self.values.get(name)
        if value is None:
            return frozenset()
        if not isinstance(value, list):
            raise _wrong_type(name, "LIST")
        wrong = [each for each in value if each not in allowed]
        if wrong:
            choices = ", ".join(sorted(allowed))
            raise _violated(name, value, f"Member must satisfy enum value set: [{choices}]")
        return frozenset(str(each) for each in value)


def _missing(name: str) -> ServiceFault:
    return _violated(name, None, "Member must not be null")


def _violated(name: str, value: JsonValue, constraint: str) -> ServiceFault:
    shown = "null" if value is None else f"'{value}'"
    member = name[0].lower() + name[1:]
    message = (
        f"1 validation error detected: Value {shown} at '{member}' failed to satisfy constraint: {constraint}"
    )
    return ServiceFault("ValidationException", message)


def _wrong_type(name: str, expected: str) -> ServiceFault:
    return ServiceFault("SerializationException", f"{name} cannot be converted to {expected}.")
