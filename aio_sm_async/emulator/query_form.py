"""A request of AWS's query protocol: a form whose dotted names spell lists, maps and structures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aio_sm_async.emulator.service import ServiceFault

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


class QueryForm:
    """Parameters by name; lists and maps are numbered from 1, as in ``Tags.member.1.Key``."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters

    def text(self, name: str) -> str:
        """A text that must be there.

        Raises:
            ServiceFault: ``InvalidParameter``.
        """
        text = self._parameters.get(name)
        if text is None:
            raise ServiceFault("InvalidParameter", f"Invalid parameter: {name}: it is required")
        return text

    def optional_text(self, name: str) -> str | None:
        """A text; None if it is not there."""
        return self._parameters.get(name)

    def entries(self, name: str) -> list[QueryForm]:
        """The structures of a list or map, in the order of their numbers."""
        entries: dict[int, dict[str, str]] = {}
        for key, text in self._parameters.items():
            if not key.startswith(f"{name}."):
                continue
            number, _, member = key[len(name) + 1 :].partition(".")
            if _NUMBER.fullmatch(number):
                entries.setdefault(int(number), {})[member] = text
        return [QueryForm(entries[number]) for number in sorted(entries)]

    def text_map(self, name: str) -> dict[str, str]:
        """A map of texts, whose entries have a ``key`` and a ``value``."""
        return {each.text("key"): each.text("value") for each in self.entries(f"{name}.entry")}

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        return [each.text("") for each in self.entries(f"{name}.member")]


def parse_form(body: bytes) -> QueryForm:
    """Read a form-encoded body."""
    return QueryForm(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
