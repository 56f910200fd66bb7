"""How many rows go into one invocation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.request import MAX_INLINE_BYTES


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows that come one after the other travel together, inside one request.

    Attributes:
        max_rows: So many at most.
        max_bytes: So many bytes of encoded rows at most, and at most 128,000: what goes inside a request.
        linger_seconds: A pack that is not full is sent once its first row has waited for so long, where the
            source is async and slow. A sync source is never waited for.

    Raises:
        InvalidRequestError: One of them cannot work.
    """

    max_rows: int = 64
    max_bytes: int = MAX_INLINE_BYTES
    linger_seconds: float = 0.1

    def __post_init__(self) -> None:
        if self.max_rows < 1:
            raise InvalidRequestError("max_rows", "must be at least 1", "Leave it out for the default.")
        if not 1 <= self.max_bytes <= MAX_INLINE_BYTES:
            raise InvalidRequestError(
                "max_bytes",
                f"takes 1 to {MAX_INLINE_BYTES:,}: a pack goes inside the request",
                "Leave it out for the default.",
            )
        if not 0 <= self.linger_seconds < math.inf:
            raise InvalidRequestError(
                "linger_seconds", "must be a number of seconds, 0 or more", "Leave it out."
            )
