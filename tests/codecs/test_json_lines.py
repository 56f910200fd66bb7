"""One JSON value a line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.codecs import JSONLines
from aio_sm_async.errors import InvalidRequestError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(VALUES.filter(lambda value: "\\ud" not in ascii(value)), max_size=5))
def test_there_and_back(rows: list[object]) -> None:
    """Whatever rows there are, line breaks inside of them too, as many and the same come back."""
    codec = JSONLines()
    body = b"".join(codec.encode_row(row) for row in rows)

    assert len(rows) == body.count(b"\n")
    assert rows == codec.decode_rows(body)


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"", []),
        (b"1\n2", [1, 2]),
        (b'{"a": 1}\r\n[2]\r\n', [{"a": 1}, [2]]),
        (b'"\xe2\x80\xa8"\n', ["\u2028"]),
        (b"null\n", [None]),
    ],
)
def test_what_models_write(body: bytes, rows: list[object]) -> None:
    """The last line may end or not, and with a carriage return."""
    assert rows == JSONLines().decode_rows(body)


def test_nan_is_read() -> None:
    """Some models write NaN; it comes as a float."""
    (value,) = JSONLines().decode_rows(b"NaN\n")

    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("body", "line"), [(b"1\n\n2\n", 2), (b"\n", 1), (b"1 2\n", 1), (b"1\n{\n}\n", 2), (b"1\n\xff\n", 2)]
)
def test_what_is_no_json_lines(body: bytes, line: int) -> None:
    """The error tells the line, and quotes nothing."""
    with pytest.raises(ValueError, match=f"^line {line} is not JSON$"):
        JSONLines().decode_rows(body)


def test_rows_that_json_has_no_word_for() -> None:
    """They are refused before anything is sent."""
    with pytest.raises(InvalidRequestError):
        JSONLines().encode_row(math.nan)
    with pytest.raises(TypeError):
        JSONLines().encode_row(b"bytes")


def test_other_names() -> None:
    """Some containers know the format by another name."""
    assert "application/x-ndjson" == JSONLines("application/x-ndjson").content_type
