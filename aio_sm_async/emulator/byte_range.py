"""The Range header of a GET: one range of bytes, from the front or from the end."""

from __future__ import annotations

import re

from aio_sm_async.emulator.service import ServiceFault

_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")


def parse_range(header: str, size: int) -> range | None:
    """The bytes asked for; None where the header is none that S3 understands: then it is all of them.

    Raises:
        ServiceFault: None of the bytes asked for exists.
    """
    found = _RANGE.fullmatch(header)
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        wanted = range(max(0, size - int(found["last"])), size)
    else:
        first, last = int(found["first"]), int(found["last"] or size - 1)
        if found["last"] and last < first:
            return None
        wanted = range(first, min(last + 1, size))
    if not wanted:
        raise ServiceFault("InvalidRange", "The requested range is not satisfiable", 416)
    return wanted
