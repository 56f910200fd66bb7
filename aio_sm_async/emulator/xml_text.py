"""Text that has to go through XML: which of it can, and how."""

from __future__ import annotations

import re
from html import escape

_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fits_xml(text: str) -> bool:
    """Whether XML has a way to write all of the text: control characters and half surrogates it has not."""
    return _UNSPEAKABLE.search(text) is None


def written_in_xml(text: str) -> str:
    """The text as an element's content; what XML cannot say at all becomes U+FFFD.

    A carriage return becomes a reference, for a reader makes a bare one a line feed.
    """
    return escape(_UNSPEAKABLE.sub("\ufffd", text), quote=False).replace("\r", "&#13;")
