"""The two forms in which an endpoint's locations may be configured."""

from __future__ import annotations

import pytest

from aio_sm_async.emulator.s3_uri import join_s3_path, parse_s3_uri


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket/a%20b/c", ("bucket", "a%20b/c")),
        ("s3://bucket", ("bucket", "")),
        ("https://my.bucket.s3.eu-west-2.amazonaws.com/a%20b", ("my.bucket", "a b")),
        ("https://s3.eu-west-2.amazonaws.com/bucket/a", ("bucket", "a")),
    ],
)
def test_a_location_names_a_bucket_and_a_key(text: str, expected: tuple[str, str]) -> None:
    """Percent signs are encoding in https URLs alone."""
    assert parse_s3_uri(text) == expected


@pytest.mark.parametrize("text", ["bucket/key", "s3://", "ftp://bucket/key", "https://example.org/key"])
def test_anything_else_is_refused(text: str) -> None:
    """A location of another service is not guessed at."""
    with pytest.raises(ValueError, match="not an S3 location"):
        parse_s3_uri(text)


def test_names_are_joined_by_single_slashes() -> None:
    """Slashes at the seams do not add up, and empty names vanish."""
    assert join_s3_path("s3://b/out/", "/a/b/", "", "x.out") == "s3://b/out/a/b/x.out"
