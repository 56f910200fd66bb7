"""The headers of an answer, kept as they came and decoded when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """Headers by name, whatever its case. Of a name that came twice, the first value counts."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self)}>"

    def __getitem__(self, name: str) -> str:
        return _text(self._values[name.lower().encode()])

    def __iter__(self) -> Iterator[str]:
        return map(_text, self._values)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, name: bytes, value: bytes) -> None:
        """One more has come."""
        self._values.setdefault(name.lower(), value)

    def raw(self, name: bytes) -> bytes | None:
        """The value of a name in lower case, as it came."""
        return self._values.get(name)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
