"""Keys that were seen, in little memory: a million take about 90 MB, however long they are."""

from __future__ import annotations

import hashlib

DIGEST_BYTES = 12


class KnownKeys:
    """A set of keys that holds digests of them."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, key: str) -> bool:
        return _digest(key) in self._digests

    def add(self, key: str) -> bool:
        """Take the key in; whether it is new."""
        before = len(self._digests)
        self._digests.add(_digest(key))
        return len(self._digests) > before


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest()
