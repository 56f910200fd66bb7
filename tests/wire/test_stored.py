"""What S3 tells of an object, where the HTTP library has nothing to object."""

from __future__ import annotations

import pytest

from aio_sm_async.errors import AmbiguousError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.wire.stored import read_head, read_stored, stated_length

AT = S3Location("b", "k")


def test_a_body_of_another_length_than_told_is_refused() -> None:
    """Whatever carried it here."""
    with pytest.raises(AmbiguousError, match=r"s3://b/k was cut off after 4 of 8 bytes"):
        read_stored(AT, {"Content-Length": "8"}, b"half")


def test_a_length_that_is_not_told_is_that_of_the_body() -> None:
    """And of a head, nothing is known."""
    assert read_stored(AT, {}, b"four").size_bytes == 4
    assert read_head({}).size_bytes == 0


@pytest.mark.parametrize(("text", "length"), [("8", 8), ("", None), ("-1", None), ("8.5", None)])
def test_a_length_is_a_whole_number(text: str, length: int | None) -> None:
    """Or none."""
    assert stated_length({"Content-Length": text}) == length
