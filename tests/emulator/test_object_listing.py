from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.emulator.object_listing import after, decode_token, encode_token, list_page
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.sorted_keys import SortedKeys

names = st.text("ab/" + chr(0x10FFFF), min_size=1, max_size=5)


def kept(keys):
    order = SortedKeys()
    for key in keys:
        order.add(key)
    return order


def rolled_up(keys, prefix, delimiter, start):
    """What a listing shows in all, worked out the long way."""
    shown = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix) or key < start:
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        item = (cut >= 0, key if cut < 0 else key[: cut + len(delimiter)])
        if item not in shown:
            shown.append(item)
    return shown


@given(
    st.lists(names, max_size=15),
    st.text("ab/", max_size=2),
    st.sampled_from(["", "/", "ab", chr(0x10FFFF)]),
    st.one_of(st.just(""), names),
    st.integers(1, 4),
)
def test_pages(keys, prefix, delimiter, start, limit):
    """Page by page, a listing shows every key and common prefix once, whatever the page's size."""
    order, bound, shown = kept(keys), start, []
    while bound is not None:
        page = list_page(order.starting_at, prefix=prefix, delimiter=delimiter, start=bound, limit=limit)
        assert len(page) == limit or page.resume_at is None
        shown += [(False, key) for key in page.keys]
        shown += [(True, common) for common in page.common_prefixes]
        bound = page.resume_at and decode_token(encode_token(page.resume_at))

    assert set(rolled_up(keys, prefix, delimiter, start)) == set(shown)
    assert len(set(shown)) == len(shown)


def test_cost():
    """A listing looks at the keys that it shows and at one past them, not at those of other prefixes."""
    order = kept([f"{letter}/{number}" for letter in "abc" for number in range(100)])
    looked_at = []

    def watched(bound):
        for key in order.starting_at(bound):
            looked_at.append(key)
            yield key

    list_page(watched, prefix="b/9", delimiter="", start="", limit=1000)
    assert len(looked_at) == 12

    looked_at.clear()
    page = list_page(watched, prefix="", delimiter="/", start="", limit=1000)
    assert page.common_prefixes == ["a/", "b/", "c/"]
    assert len(looked_at) == 3


def test_no_room():
    """A page without room shows nothing, and claims that nothing is left."""
    page = list_page(kept(["a"]).starting_at, prefix="", delimiter="", start="", limit=0)

    assert (len(page), page.resume_at) == (0, None)


def test_start_after():
    """To start after a key is to leave out that key and nothing else."""
    order = kept(["a", "a\0", "b"])

    assert list(order.starting_at(after("a"))) == ["a\0", "b"]


@pytest.mark.parametrize("token", ["x", "é", "_w=="])
def test_foreign_token(token):
    """A continuation token that is none is refused."""
    with pytest.raises(ServiceFault, match="continuation token") as caught:
        decode_token(token)

    assert caught.value.code == "InvalidArgument"
