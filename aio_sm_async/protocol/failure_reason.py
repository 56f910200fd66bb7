"""Whether a failure may pass by itself, read from the words that tell of it.

SageMaker's ``failureReason`` names what the container answered. ``client error (4..)`` blames the request,
which fails again. ``server error (5..)`` blames the container; ``server error (0)`` and ``could not get a
response`` are one that died, was out of memory, or had not started yet. A failure that was found in S3 comes
without a reason: then the container's own words are looked at, where they are those of a model server.
"""

from __future__ import annotations

import json
import re

_CLIENT_ERROR = re.compile(r"client error \(\d+\)", re.IGNORECASE)
_SERVER_ERROR = re.compile(r"server error \((?:0|5\d\d)\)|could not get a response", re.IGNORECASE)
_MAX_WORDS_BYTES = 65_536


def may_pass_by_itself(reason: str, words: bytes | None = None) -> bool:
    """Whether the same request may succeed if it is sent again.

    Args:
        reason: SageMaker's words.
        words: The container's answer; None if there is none.
    """
    if _CLIENT_ERROR.search(reason):
        return False
    if _SERVER_ERROR.search(reason):
        return True
    return words is not None and _blames_the_server(words)


def _blames_the_server(words: bytes) -> bool:
    text = words[:_MAX_WORDS_BYTES].decode("utf-8", "replace")
    if _CLIENT_ERROR.search(text):
        return False
    if _SERVER_ERROR.search(text):
        return True
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    code = document.get("code") if isinstance(document, dict) else None
    return isinstance(code, int) and 500 <= code <= 599
