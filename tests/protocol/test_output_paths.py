"""Whether a place lies where an endpoint writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.location import S3Location, parse_location
from aio_sm_async.protocol.output_paths import lies_under

SEGMENTS = st.lists(
    st.text(min_size=1, max_size=5).filter(lambda text: "/" not in text and text not in (".", "..")),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("s3://b/out/1.out", "s3://b/out"),
        ("s3://b/out/1.out", "s3://b/out/"),
        ("s3://b/out//1.out", "s3://b/out/"),
        ("s3://b/out/deep/er/1.out", "s3://b/out"),
        ("s3://b/1.out", "s3://b"),
        ("s3://b/deep/1.out", "s3://b/"),
        ("s3://b/out/..1.out", "s3://b/out"),
    ],
)
def test_what_lies_below(location: str, path: str) -> None:
    """An object at any depth below the path lies under it, however the path ends."""
    assert lies_under(parse_location(location), parse_location(path))


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("s3://other/out/1.out", "s3://b/out"),
        ("s3://bb/out/1.out", "s3://b/out"),
        ("s3://b/output/1.out", "s3://b/out"),
        ("s3://b/out", "s3://b/out"),
        ("s3://b/out/", "s3://b/out"),
        ("s3://b/out/../secret/1", "s3://b/out"),
        ("s3://b/out/a/../../secret/1", "s3://b/out"),
        ("s3://b/out/./1", "s3://b/out"),
        ("s3://b/out//1", "s3://b/out"),
        ("s3://b/out///1", "s3://b/out/"),
        ("s3://b/out/1/", "s3://b/out"),
        ("s3://b/../c/1", "s3://b"),
        ("s3://b//1", "s3://b/"),
        ("s3://b/1.out", "s3://b/out"),
    ],
)
def test_what_lies_elsewhere(location: str, path: str) -> None:
    """Another bucket, a name that only begins alike, and whatever could be written in another way, do not."""
    assert not lies_under(parse_location(location), parse_location(path))


@given(root=SEGMENTS, below=SEGMENTS)
def test_whole_segments_decide(root: list[str], below: list[str]) -> None:
    """Below is below; with the last segment of the path made longer it is not."""
    location = S3Location("b", "/".join([*root, *below]))

    assert lies_under(location, S3Location("b", "/".join(root)))
    assert not lies_under(location, S3Location("b", "/".join(root) + "x")) or below[0] == root[-1] + "x"
