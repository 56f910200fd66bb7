from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.emulator.byte_range import parse_range
from aio_sm_async.emulator.service import ServiceFault


@given(st.integers(1, 20), st.integers(0, 25), st.integers(0, 25))
def test_within_the_object(size, first, last):
    """A range is cut to the object's end; one that starts past it is refused."""
    header = f"bytes={first}-{last}"
    if last < first:
        assert parse_range(header, size) is None
    elif first >= size:
        with pytest.raises(ServiceFault, match="not satisfiable"):
            parse_range(header, size)
    else:
        assert list(range(size))[first : last + 1] == list(parse_range(header, size))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=3-", range(3, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-30", range(10)),
        ("bytes=0-0", range(1)),
    ],
)
def test_open_ends(header, expected):
    """A range may leave out its end, or count from the end."""
    assert expected == parse_range(header, 10)


@pytest.mark.parametrize("header", ["", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,3-4"])
def test_not_understood(header):
    """A header that S3 does not understand asks for the whole object."""
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(("header", "size"), [("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)])
def test_nothing_there(header, size):
    """A range that holds no byte is refused with 416."""
    with pytest.raises(ServiceFault, match="not satisfiable") as caught:
        parse_range(header, size)

    assert (caught.value.status, caught.value.code) == (416, "InvalidRange")
