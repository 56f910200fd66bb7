"""Millions of digests in little memory."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.digests import MAX_NUMBER, Digests

DIGEST = st.binary(min_size=12, max_size=12)
# Few first bytes, so that many share a shelf.
CROWDED = st.builds(lambda last: b"\x00\x0f" + last, st.binary(min_size=10, max_size=10))


@given(st.lists(st.tuples(DIGEST | CROWDED, st.integers(0, MAX_NUMBER))), DIGEST | CROWDED)
def test_it_is_a_dictionary(records: list[tuple[bytes, int]], other: bytes) -> None:
    """What was added first is found with its number, in any order; nothing else is."""
    digests, model = Digests(), dict[bytes, int]()
    for digest, number in records:
        assert (digest not in model) == digests.add(digest, number)
        model.setdefault(digest, number)

    assert len(model) == len(digests)
    assert model == {digest: digests.number_of(digest) for digest in model}
    assert model.get(other) == digests.number_of(other)


def test_digest_across_two_records() -> None:
    """The end of one record and the beginning of the next are no digest, though their bytes are."""
    digests = Digests()
    digests.add(bytes(12), 7)
    digests.add(bytes(8) + b"\x00\x01\x02\x03", 9)
    across = bytes(8) + b"\x00\x00\x00\x07"

    assert digests.number_of(across) is None
    assert digests.add(across, 1)
    assert [7, 9, 1] == [
        digests.number_of(each) for each in (bytes(12), bytes(8) + b"\x00\x01\x02\x03", across)
    ]


def test_memory_of_each() -> None:
    """Twenty bytes for each are enough, growth of the shelves included."""
    dice, digests = random.Random(0), Digests()
    for _ in range(50_000):
        digests.add(dice.randbytes(12))

    shelves = digests._shelves
    empty = bytearray().__sizeof__()
    assert sum(shelf.__sizeof__() - empty for shelf in shelves) < 20 * len(digests)
    assert "<Digests 50,000>" == repr(digests)
