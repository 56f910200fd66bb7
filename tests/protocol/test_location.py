"""Where objects lie, in all the forms in which AWS says it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.location import S3Location, parse_location

buckets = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,40}[a-z0-9]", fullmatch=True)
keys = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
endpoints = st.sampled_from(
    [
        "s3.amazonaws.com",
        "s3.eu-west-2.amazonaws.com",
        "s3-us-west-2.amazonaws.com",
        "s3.dualstack.us-east-1.amazonaws.com",
        "s3-fips.us-gov-west-1.amazonaws.com",
        "s3-fips.dualstack.us-east-2.amazonaws.com",
        "s3.cn-north-1.amazonaws.com.cn",
        "s3.us-iso-east-1.c2s.ic.gov",
        "s3.us-isob-east-1.sc2s.sgov.gov",
        "s3.eusc-de-east-1.amazonaws.eu",
        "s3.ap-southeast-4.api.aws",
    ]
)


@given(buckets, keys)
def test_a_location_reads_back_what_it_wrote(bucket: str, key: str) -> None:
    """No character of a key is lost or changed between text and value."""
    location = S3Location(bucket, key)

    assert location == parse_location(str(location))


@given(buckets, keys, endpoints)
def test_a_virtual_hosted_url_is_the_same_place(bucket: str, key: str, endpoint: str) -> None:
    """The bucket stands before S3's host, dots and all; the key is percent-decoded."""
    url = f"https://{bucket}.{endpoint}/{quote(key)}"

    assert S3Location(bucket, key) == parse_location(url)


@given(buckets, keys, endpoints)
def test_a_path_style_url_is_the_same_place(bucket: str, key: str, endpoint: str) -> None:
    """The bucket is the path's first segment."""
    url = f"https://{endpoint}/{bucket}/{quote(key)}"

    assert S3Location(bucket, key) == parse_location(url)


def test_only_https_forms_are_percent_decoded() -> None:
    """An s3:// location names its key literally."""
    assert parse_location("s3://bucket/a%20b+c").key == "a%20b+c"
    assert parse_location("https://bucket.s3.amazonaws.com/a%20b+c").key == "a b+c"


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/", "https://bucket.s3.amazonaws.com"])
def test_a_bucket_alone_is_a_location_with_an_empty_key(text: str) -> None:
    """That is where a bucket's own prefix begins."""
    assert S3Location("bucket", "") == parse_location(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3",
        "bucket/key",
        "s3://",
        "s3:///key",
        "://bucket/key",
        "http://bucket.s3.amazonaws.com/key",
        "https://s3.amazonaws.com",
        "https://s3.amazonaws.com//key",
        "https://example.com/bucket/key",
        "https://bucket.s3.amazonaws.com.evil.example/key",
        "https://bucket.s3.amazonaws.com:8443/key",
        "https://bucket.s3.amazonaws.com@evil.example/key",
        "https://buckets3.amazonaws.com/key",
        "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=0",
        "https://bucket.s3.amazonaws.com/key#part",
        "https://bucket.s3.amazonaws.com/%ff",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_location_is_refused(text: str) -> None:
    """Another scheme or host, a query, a key that is no text: none is guessed at."""
    with pytest.raises(ValueError, match=r"not an S3 location|can't decode"):
        parse_location(text)


@given(st.text(max_size=80) | st.text(max_size=40).map("https://".__add__))
def test_any_text_is_a_location_or_a_value_error(text: str) -> None:
    """A message from anybody cannot raise anything else."""
    try:
        location = parse_location(text)
    except ValueError:
        return

    assert location.bucket


@pytest.mark.parametrize("key", ["out", "out/"])
def test_a_child_is_joined_by_one_slash(key: str) -> None:
    """Whether the prefix was written with a slash at its end or not."""
    assert S3Location("bucket", "out/x") == S3Location("bucket", key).child("x")


def test_a_child_of_a_bucket_has_no_leading_slash() -> None:
    """A key that begins with a slash would be another object."""
    assert S3Location("bucket", "x") == S3Location("bucket", "").child("x")
