"""The parts of a Content-Type that decide how a body is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type, without the parameters that change nothing for us.

    Attributes:
        essence: ``type/subtype`` in lower case.
        charset: The ``charset`` parameter; None where there is none.
    """

    essence: str
    charset: str | None = None

    @property
    def is_json(self) -> bool:
        """True for JSON and for every format built on it (``application/geo+json``)."""
        return self.essence in {"application/json", "text/json"} or self.essence.endswith("+json")

    @property
    def is_text(self) -> bool:
        """True for ``text/*``, which ``text/csv`` and ``text/html`` are."""
        return self.essence.startswith("text/")


@lru_cache(maxsize=256)  # an endpoint answers with one or two types, for months
def parse_media_type(text: str) -> MediaType:
    """Read a Content-Type. Nonsense becomes a media type that no codec reads, never an error."""
    essence, *parameters = text.split(";")
    charset = None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"') or None
    return MediaType(essence.strip().lower(), charset)
