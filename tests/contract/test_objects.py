from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.answers import refused

BODY = b"0123456789"


async def read(answer):
    """The body of a GET, its connection given back."""
    async with answer["Body"] as stream:
        return await stream.read()


@pytest.fixture
async def key(s3, bucket):
    """An object of ten bytes."""
    await s3.put_object(Bucket=bucket, Key="ten", Body=BODY)
    return "ten"


async def test_round_trip(s3, bucket):
    """GET gives back the bytes, the content type and the metadata that PUT was given."""
    every_byte = bytes(range(256)) * 40
    put = await s3.put_object(
        Bucket=bucket,
        Key="a/b.bin",
        Body=every_byte,
        ContentType="application/x-thing; v=1",
        Metadata={"origin": "camera-3"},
    )

    got = await s3.get_object(Bucket=bucket, Key="a/b.bin")
    body = await read(got)

    assert every_byte == body
    assert len(every_byte) == got["ContentLength"]
    assert got["ContentType"] == "application/x-thing; v=1"
    assert got["Metadata"] == {"origin": "camera-3"}
    assert put["ETag"] == got["ETag"]
    assert timedelta(minutes=5) > abs(datetime.now(UTC) - got["LastModified"])


async def test_etag_is_md5(s3, bucket, key):
    """The ETag of an object put in one piece is its MD5 in quotes."""
    got = await s3.head_object(Bucket=bucket, Key=key)

    assert f'"{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"' == got["ETag"]


async def test_default_content_type(s3, bucket, key):
    """An object put without a content type is binary/octet-stream."""
    got = await s3.head_object(Bucket=bucket, Key=key)

    assert got["ContentType"] == "binary/octet-stream"


async def test_head(s3, bucket):
    """HEAD tells what GET would, without the body."""
    await s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentType="text/csv", Metadata={"a": "b"})

    got = await s3.head_object(Bucket=bucket, Key="k")

    assert (got["ContentLength"], got["ContentType"], got["Metadata"]) == (10, "text/csv", {"a": "b"})
    assert got["AcceptRanges"] == "bytes"


async def test_empty_object(s3, bucket):
    """An object may be empty."""
    await s3.put_object(Bucket=bucket, Key="nothing", Body=b"")

    got = await s3.get_object(Bucket=bucket, Key="nothing")

    assert await read(got) == b""
    assert got["ContentLength"] == 0


async def test_overwrite(s3, bucket, key):
    """The last PUT wins, whole: nothing of the older object's type and metadata stays."""
    await s3.put_object(Bucket=bucket, Key=key, Body=b"new", ContentType="text/plain")

    got = await s3.get_object(Bucket=bucket, Key=key)

    assert await read(got) == b"new"
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {})


@pytest.mark.parametrize(
    ("asked", "told", "piece"),
    [
        ("bytes=2-5", "bytes 2-5/10", b"2345"),
        ("bytes=7-", "bytes 7-9/10", b"789"),
        ("bytes=-3", "bytes 7-9/10", b"789"),
        ("bytes=8-99", "bytes 8-9/10", b"89"),
        ("bytes=-99", "bytes 0-9/10", BODY),
        ("bytes=0-0", "bytes 0-0/10", b"0"),
    ],
)
async def test_range(s3, bucket, key, asked, told, piece):
    """A range that touches the object is answered 206, cut to what is there."""
    got = await s3.get_object(Bucket=bucket, Key=key, Range=asked)

    assert piece == await read(got)
    assert (206, told) == (got["ResponseMetadata"]["HTTPStatusCode"], got["ContentRange"])
    assert len(piece) == got["ContentLength"]


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20"])
async def test_range_past_the_end(s3, bucket, key, asked):
    """A range that begins past the end is refused with 416."""
    with refused("InvalidRange", status=416):
        await s3.get_object(Bucket=bucket, Key=key, Range=asked)


async def test_missing_key(s3, bucket):
    """GET of a missing key says NoSuchKey."""
    with refused("NoSuchKey", status=404):
        await s3.get_object(Bucket=bucket, Key="missing")


async def test_head_missing_key(s3, bucket):
    """HEAD of a missing key is a bare 404: an answer to HEAD has no body to name the error in."""
    with refused("404", status=404):
        await s3.head_object(Bucket=bucket, Key="missing")


async def test_missing_bucket(s3, bucket):
    """Reading, writing and listing in a bucket that does not exist says NoSuchBucket."""
    missing = f"{bucket}-missing"

    with refused("NoSuchBucket", status=404):
        await s3.get_object(Bucket=missing, Key="k")
    with refused("NoSuchBucket", status=404):
        await s3.put_object(Bucket=missing, Key="k", Body=b"")
    with refused("NoSuchBucket", status=404):
        await s3.list_objects_v2(Bucket=missing)
    with refused("404", status=404):
        await s3.head_bucket(Bucket=missing)


async def test_if_match(s3, bucket, key):
    """If-Match reads the object that is meant, and no other."""
    etag = (await s3.head_object(Bucket=bucket, Key=key))["ETag"]

    got = await s3.get_object(Bucket=bucket, Key=key, IfMatch=etag)
    assert await read(got) == BODY
    with refused("PreconditionFailed", status=412):
        await s3.get_object(Bucket=bucket, Key=key, IfMatch='"00000000000000000000000000000000"')


async def test_if_none_match(s3, bucket, key):
    """If-None-Match answers 304 while the object is the one that is known."""
    etag = (await s3.head_object(Bucket=bucket, Key=key))["ETag"]

    with refused("304", status=304):
        await s3.get_object(Bucket=bucket, Key=key, IfNoneMatch=etag)
    got = await s3.get_object(Bucket=bucket, Key=key, IfNoneMatch='"00000000000000000000000000000000"')
    assert await read(got) == BODY


async def test_put_only_if_absent(s3, bucket, key):
    """PUT with If-None-Match: * writes a new key and leaves an existing one as it is."""
    with refused("PreconditionFailed", status=412):
        await s3.put_object(Bucket=bucket, Key=key, Body=b"other", IfNoneMatch="*")
    await s3.put_object(Bucket=bucket, Key="new", Body=b"new", IfNoneMatch="*")

    assert await read(await s3.get_object(Bucket=bucket, Key=key)) == BODY
    assert await read(await s3.get_object(Bucket=bucket, Key="new")) == b"new"


async def test_delete(s3, bucket, key):
    """A deleted object is gone at once."""
    await s3.delete_object(Bucket=bucket, Key=key)

    with refused("NoSuchKey"):
        await s3.get_object(Bucket=bucket, Key=key)


async def test_delete_missing(s3, bucket):
    """Deleting what is not there succeeds."""
    answer = await s3.delete_object(Bucket=bucket, Key="missing")

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


async def test_delete_many(s3, bucket, key):
    """DeleteObjects names every key that it deleted, the missing ones too."""
    names = [{"Key": key}, {"Key": "missing"}]

    answer = await s3.delete_objects(Bucket=bucket, Delete={"Objects": names})

    assert {key, "missing"} == {deleted["Key"] for deleted in answer["Deleted"]}
    with refused("NoSuchKey"):
        await s3.get_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize(
    "odd",
    [
        "with space and +plus",
        "percent%20encoded%2Fslash",
        "query?a=b&c#d",
        "Grüße/日本語/ключ.json",
        "a//b///c",
        "folder/",
        "it's (1)!*~,;:@=$.txt",
        'quote"<tag>&amp;',
        "x" * 1024,
    ],
    ids=["space-plus", "percent", "query", "unicode", "slashes", "trailing-slash", "marks", "xml", "longest"],
)
async def test_odd_keys(s3, bucket, odd):
    """A key is any text of up to 1,024 bytes, and means exactly itself."""
    await s3.put_object(Bucket=bucket, Key=odd, Body=odd.encode())

    listed = await s3.list_objects_v2(Bucket=bucket)

    assert odd.encode() == await read(await s3.get_object(Bucket=bucket, Key=odd))
    assert [odd] == [entry["Key"] for entry in listed["Contents"]]


async def test_key_too_long(s3, bucket):
    """A key of 1,025 bytes is refused."""
    with refused("KeyTooLongError", status=400):
        await s3.put_object(Bucket=bucket, Key="x" * 1025, Body=b"")


async def test_tagging(s3, bucket):
    """Tags come with PUT, are read apart from the object, and are replaced as a whole."""
    await s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="team=vision&stage=a%20b")
    first = await s3.get_object_tagging(Bucket=bucket, Key="k")
    replaced = [{"Key": "stage", "Value": "c"}]
    await s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": replaced})
    second = await s3.get_object_tagging(Bucket=bucket, Key="k")

    assert {tag["Key"]: tag["Value"] for tag in first["TagSet"]} == {"team": "vision", "stage": "a b"}
    assert replaced == second["TagSet"]


async def test_wrong_md5(s3, bucket):
    """A body that is not the one that Content-MD5 speaks of is refused, and nothing is stored."""
    other = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()

    with refused("BadDigest", status=400):
        await s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentMD5=other)
    with refused("NoSuchKey"):
        await s3.get_object(Bucket=bucket, Key="k")


async def test_wrong_checksum(s3, bucket):
    """A body that is not the one that its CRC32 speaks of is refused, and nothing is stored."""
    with refused("BadDigest", status=400):
        await s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumCRC32="AAAAAA==")
    with refused("NoSuchKey"):
        await s3.get_object(Bucket=bucket, Key="k")


async def test_bucket_not_empty(s3, bucket, key):
    """A bucket that holds an object cannot be deleted."""
    with refused("BucketNotEmpty", status=409):
        await s3.delete_bucket(Bucket=bucket)
