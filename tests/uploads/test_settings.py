"""Where payloads go, and how."""

from __future__ import annotations

from typing import Any

import pytest

from aio_sm_async.errors import ConfigurationError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.uploads import S3Uploads


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("s3://bucket/in/", S3Location("bucket", "in/")),
        ("s3://bucket", S3Location("bucket", "")),
        (S3Location("bucket", "in"), S3Location("bucket", "in")),
        ("https://bucket.s3.eu-west-1.amazonaws.com/in/", S3Location("bucket", "in/")),
    ],
)
def test_prefix_in_each_form(prefix: str | S3Location, root: S3Location) -> None:
    """The prefix may be written in each form that AWS writes locations."""
    assert S3Uploads(prefix).root == root


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"prefix": "bucket/in"}, "prefix: not an S3 location"),
        ({"prefix": "s3://bucket/grün/"}, "ASCII"),
        ({"prefix": "s3://bucket/in\r\nX-Evil: 1"}, "ASCII"),
        ({"prefix": "s3://bucket/" + "x" * 800}, "at most 800"),
        ({"kms_key_id": ""}, "kms_key_id"),
        ({"kms_key_id": "key\n"}, "kms_key_id"),
        ({"tags": {str(number): "" for number in range(11)}}, "11 tags"),
        ({"tags": {"": "value"}}, "tags: ''"),
        ({"tags": {"k" * 129: ""}}, "1 to 128"),
        ({"tags": {"key": "v" * 257}}, "at most 256"),
        ({"tags": {"aws:key": "value"}}, "aws:"),
        ({"tags": {"key?": "value"}}, "letters, digits"),
        ({"expected_bucket_owner": "12345678901"}, "twelve digits"),
        ({"expected_bucket_owner": "١٢٣٤٥٦٧٨٩٠١٢"}, "twelve digits"),
        ({"delete": "sometimes"}, "'on_success'"),
        ({"part_bytes": 5 * 1024**2 - 1}, "5 MiB"),
        ({"part_bytes": 5 * 1024**3 + 1}, "5 GiB"),
        ({"max_concurrent_parts": 0}, "max_concurrent_parts"),
    ],
)
def test_what_s3_would_refuse_is_refused_at_once(options: dict[str, Any], fault: str) -> None:
    """A setting that cannot work is an error where it is written, and names itself."""
    with pytest.raises(ConfigurationError, match=fault):
        S3Uploads(**{"prefix": "s3://bucket/in/", **options})


def test_largest_settings_are_taken() -> None:
    """Every limit is itself allowed."""
    settings = S3Uploads(
        "s3://bucket/" + "x" * 788,
        tags={"k" * 128: "v" * 256, **{str(number): "ü + - = . _ : / @" for number in range(9)}},
        part_bytes=5 * 1024**3,
        expected_bucket_owner="123456789012",
    )

    assert len(settings.tags) == 10


def test_settings_do_not_change() -> None:
    """Changing the caller's dict later changes nothing, and equal settings are equal."""
    tags = {"team": "vision"}
    settings = S3Uploads("s3://bucket/in/", tags=tags)
    tags.clear()

    assert dict(settings.tags) == {"team": "vision"}
    assert settings == S3Uploads("s3://bucket/in/", tags={"team": "vision"})
    assert hash(settings) == hash(S3Uploads("s3://bucket/in/", tags={"team": "vision"}))


def test_headers_tell_everything() -> None:
    """Type, key, tags and owner go along with a new object; only the owner with the other calls."""
    settings = S3Uploads(
        "s3://bucket/in/",
        kms_key_id="alias/key",
        tags={"team a": "1 2+3"},
        expected_bucket_owner="123456789012",
    )
    owner = {"x-amz-expected-bucket-owner": "123456789012"}

    assert settings.owner_headers == owner
    assert settings.object_headers("text/csv") == {
        **owner,
        "Content-Type": "text/csv",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "alias/key",
        "x-amz-tagging": "team%20a=1%202%2B3",
    }


def test_plain_settings_add_nothing() -> None:
    """Without options only the type is told."""
    assert S3Uploads("s3://bucket/in/").object_headers("text/csv") == {"Content-Type": "text/csv"}


@pytest.mark.parametrize(
    ("delete", "after_success", "after_failure"),
    [("never", False, False), ("on_success", True, False), ("always", True, True)],
)
def test_when_objects_are_deleted(delete: Any, after_success: bool, after_failure: bool) -> None:
    """An input that failed is kept for a look at it, unless it is always deleted."""
    settings = S3Uploads("s3://bucket/in/", delete=delete)

    assert settings.deletes_after(succeeded=True) is after_success
    assert settings.deletes_after(succeeded=False) is after_failure


def test_session_stays_out_of_the_repr() -> None:
    """A session may hold credentials."""
    assert "secret" not in repr(S3Uploads("s3://bucket/in/", session="secret"))


def test_plain_settings_have_no_owner() -> None:
    """Without an expected owner nothing is added to a call."""
    assert S3Uploads("s3://bucket/in/").owner_headers == {}
