from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.emulator import sorted_keys
from aio_sm_async.emulator.sorted_keys import SortedKeys

keys = st.text("ab/é", max_size=4)


@given(st.lists(st.tuples(st.booleans(), keys)), keys)
def test_like_a_sorted_set(steps, bound):
    """After any adding and discarding, the keys from a bound on are those of a sorted set."""
    found, expected = SortedKeys(), set()
    for is_added, key in steps:
        if is_added:
            found.add(key)
            expected.add(key)
        else:
            found.discard(key)
            expected.discard(key)

    assert sorted(key for key in expected if key >= bound) == list(found.starting_at(bound))


def test_many_blocks():
    """Order holds over many more keys than fit one block, however they come and go."""
    block = sorted_keys._BLOCK
    numbers = [f"{(number * 7919) % (5 * block):06}" for number in range(5 * block)]
    found = SortedKeys()
    for number in numbers:
        found.add(number)
    gone = numbers[: 4 * block]
    for number in gone:
        found.discard(number)

    assert sorted(numbers[4 * block :]) == list(found.starting_at(""))


def test_order_of_s3():
    """Keys are in the order of their UTF-8 bytes, also beyond the basic plane."""
    found = SortedKeys()
    names = ["\U0001f600", "\uffee", "z", "é", ""]
    for name in names:
        found.add(name)

    assert sorted(names, key=str.encode) == list(found.starting_at(""))
