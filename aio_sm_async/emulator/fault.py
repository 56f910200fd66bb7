"""What can be made to go wrong with one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["status", "delay", "reset", "reset_after", "hang", "hang_after", "truncate", "drip"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One misfortune, which the server brings about.

    =============== ========================================================================
    kind            what happens to the caller
    =============== ========================================================================
    status          an error answer of ``status``, ``code`` and ``message``; nothing is done
    delay           the call is done after ``seconds``
    reset           the connection is reset; nothing is done
    hang            no answer, and nothing is done; after ``seconds`` the connection is reset
    reset_after     the call is done, then the connection is reset without an answer
    hang_after      the call is done, then as ``hang``
    truncate        the call is done; headers and half of the body arrive, then an end
    drip            the call is done; the body arrives byte by byte, within ``seconds``
    =============== ========================================================================

    Attributes:
        kind: Which of them.
        status: The HTTP status of kind ``status``.
        code: The AWS error code of kind ``status``.
        message: The AWS error message of kind ``status``.
        seconds: How long it takes, where it takes time; None means until the caller leaves, for
            ``hang`` and ``hang_after``, and no time for the others.
    """

    kind: FaultKind
    status: int = 500
    code: str = "InternalFailure"
    message: str = "The emulator was told to fail."
    seconds: float | None = None
