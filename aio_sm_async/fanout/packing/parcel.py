"""The rows of one pack, and what becomes of each where that differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from aio_sm_async.fanout.outcome import Attempt, held_by
from aio_sm_async.fanout.packing.row_result import RowResult
from aio_sm_async.results.memory import held_bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Whose row it is.

    Attributes:
        index: The row's place in the source.
        key: What the caller calls it.
    """

    index: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """Rows that are sent together.

    Attributes:
        places: Whose rows they are.
        rows: Each of them, encoded; empty if there is an error.
        error: Why the one row cannot be sent.
    """

    places: tuple[Place, ...]
    rows: tuple[bytes, ...] = field(default=(), repr=False)
    error: Exception | None = None

    @property
    def key(self) -> str | None:
        """What the pack is called: the same again only if its rows are; None if one of them has no name."""
        digest = blake2b(digest_size=16)
        for place in self.places:
            if place.key is None:
                return None
            digest.update(f"{len(place.key)}:{place.key}".encode("utf-8", "surrogatepass"))
        return f"pack {digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row of a pack that was halved.

    Attributes:
        outcome: Its result or its error.
        attempts: Each time that it was sent, but those with the whole pack.
    """

    outcome: RowResult | Exception
    attempts: tuple[Attempt, ...]


class Parted(Exception):  # noqa: N818 - no error: it says that there is no one outcome
    """Stands for the outcome of a pack whose rows fared differently. Callers never see it.

    Attributes:
        cause: Why the pack as a whole has failed.
        outcomes: What became of each row.
        errors: The errors among them.
        size_bytes: What is in memory of them.
    """

    def __init__(self, cause: Exception, outcomes: Sequence[RowOutcome]) -> None:
        super().__init__(cause)
        self.cause = cause
        self.outcomes = tuple(outcomes)
        self.errors = tuple(each.outcome for each in outcomes if isinstance(each.outcome, Exception))
        results = {
            id(each.outcome.inference): each.outcome.inference
            for each in outcomes
            if isinstance(each.outcome, RowResult)
        }
        self.size_bytes = sum(map(held_bytes, results.values())) + sum(map(held_by, self.errors))
