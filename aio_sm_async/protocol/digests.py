"""A set of digests that keeps millions in memory: sixteen bytes for each, and nothing else."""

from __future__ import annotations

DIGEST_BYTES = 12
_NUMBER_BYTES = 4
_RECORD_BYTES = DIGEST_BYTES + _NUMBER_BYTES
_SHELVES = 4096
MAX_NUMBER = 256**_NUMBER_BYTES - 1


class Digests:
    """Digests of twelve bytes, each with a number.

    They lie one after the other in byte strings, shelved by their first twelve bits: a million makes shelves
    of some four kilobytes, which are searched in about a microsecond.
    """

    def __init__(self) -> None:
        self._shelves = [bytearray() for _ in range(_SHELVES)]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Digests {self._count:,}>"

    def add(self, digest: bytes, number: int = 0) -> bool:
        """Keep the digest with its number; False, and nothing changes, if it is kept already.

        Args:
            digest: Twelve bytes, evenly distributed.
            number: At most `MAX_NUMBER`.
        """
        shelf = self._shelf(digest)
        if _place(shelf, digest) >= 0:
            return False
        shelf += digest + number.to_bytes(_NUMBER_BYTES, "big")
        self._count += 1
        return True

    def number_of(self, digest: bytes) -> int | None:
        """The number that the digest was kept with; None if it was not."""
        shelf = self._shelf(digest)
        place = _place(shelf, digest)
        if place < 0:
            return None
        return int.from_bytes(shelf[place + DIGEST_BYTES : place + _RECORD_BYTES], "big")

    def _shelf(self, digest: bytes) -> bytearray:
        assert len(digest) == DIGEST_BYTES
        return self._shelves[(digest[0] << 4) | (digest[1] >> 4)]


def _place(shelf: bytearray, digest: bytes) -> int:
    """Where on the shelf the digest lies; -1 if it does not."""
    place = shelf.find(digest)
    while place % _RECORD_BYTES and place >= 0:  # the end of one record and the beginning of the next
        place = shelf.find(digest, place + 1)
    return place
