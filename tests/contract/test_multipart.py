from __future__ import annotations

import hashlib

import pytest

from tests.contract.answers import refused

SMALLEST = 5 * 1024 * 1024  # of every part but the last
FIRST = b"a" * SMALLEST
SECOND = b"the end"


@pytest.fixture
async def upload(s3, bucket):
    """A multipart upload that has begun, as the arguments that name it."""
    named = {"Bucket": bucket, "Key": "big"}
    answer = await s3.create_multipart_upload(**named, ContentType="text/plain", Metadata={"a": "b"})
    return named | {"UploadId": answer["UploadId"]}


async def send(s3, upload, number, body):
    """Upload one part; answers its entry for the completion."""
    answer = await s3.upload_part(**upload, PartNumber=number, Body=body)
    return {"PartNumber": number, "ETag": answer["ETag"]}


async def test_complete(s3, bucket, upload):
    """Parts become one object, in the order of their numbers, with the type that the upload began with."""
    second = await send(s3, upload, 2, SECOND)
    first = await send(s3, upload, 1, FIRST)

    await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [first, second]})
    got = await s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={SMALLEST - 3}-")
    async with got["Body"] as stream:
        tail = await stream.read()

    assert tail == b"aaa" + SECOND
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"a": "b"})


async def test_etag(s3, upload):
    """The ETag is the MD5 of the parts' MD5s, with their number behind a dash."""
    part = await send(s3, upload, 1, SECOND)

    answer = await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})

    inner = hashlib.md5(SECOND, usedforsecurity=False).digest()
    assert f'"{hashlib.md5(inner, usedforsecurity=False).hexdigest()}-1"' == answer["ETag"]


async def test_invisible_until_complete(s3, bucket, upload):
    """Until it is completed, an upload is no object: neither read nor listed."""
    part = await send(s3, upload, 1, SECOND)

    with refused("NoSuchKey"):
        await s3.get_object(Bucket=bucket, Key="big")
    assert (await s3.list_objects_v2(Bucket=bucket))["KeyCount"] == 0
    await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    assert (await s3.list_objects_v2(Bucket=bucket))["KeyCount"] == 1


async def test_older_object_stays_until_complete(s3, bucket, upload):
    """An object under the same key is replaced by the completion, not by the parts."""
    await s3.put_object(Bucket=bucket, Key="big", Body=b"older")
    part = await send(s3, upload, 1, SECOND)
    before = await s3.head_object(Bucket=bucket, Key="big")
    await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    after = await s3.head_object(Bucket=bucket, Key="big")

    assert (before["ContentLength"], after["ContentLength"]) == (5, 7)


async def test_part_sent_again(s3, bucket, upload):
    """A part that is sent again replaces the one of the same number."""
    await send(s3, upload, 1, b"first try")
    part = await send(s3, upload, 1, SECOND)

    await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})

    assert len(SECOND) == (await s3.head_object(Bucket=bucket, Key="big"))["ContentLength"]


async def test_list_parts(s3, upload):
    """The parts that have arrived can be asked for."""
    part = await send(s3, upload, 3, SECOND)

    (listed,) = (await s3.list_parts(**upload))["Parts"]

    assert (3, 7, part["ETag"]) == (listed["PartNumber"], listed["Size"], listed["ETag"])


async def test_abort(s3, bucket, upload):
    """An aborted upload is gone, and its key stays free."""
    await send(s3, upload, 1, SECOND)

    answer = await s3.abort_multipart_upload(**upload)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert (await s3.list_multipart_uploads(Bucket=bucket)).get("Uploads", []) == []
    with refused("NoSuchKey"):
        await s3.get_object(Bucket=bucket, Key="big")


async def test_part_after_abort(s3, upload):
    """An aborted upload takes no more parts."""
    await s3.abort_multipart_upload(**upload)

    with refused("NoSuchUpload", status=404):
        await send(s3, upload, 1, SECOND)


async def test_complete_after_abort(s3, upload):
    """An aborted upload cannot be completed."""
    part = await send(s3, upload, 1, SECOND)
    await s3.abort_multipart_upload(**upload)

    with refused("NoSuchUpload", status=404):
        await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})


async def test_part_order(s3, upload):
    """A completion must name the parts in ascending order."""
    first = await send(s3, upload, 1, FIRST)
    second = await send(s3, upload, 2, SECOND)

    with refused("InvalidPartOrder", status=400):
        await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [second, first]})


async def test_unknown_part(s3, upload):
    """A completion that names a part by another ETag than its own is refused."""
    await send(s3, upload, 1, SECOND)
    wrong = {"PartNumber": 1, "ETag": '"00000000000000000000000000000000"'}

    with refused("InvalidPart", status=400):
        await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [wrong]})


async def test_small_part(s3, upload):
    """Every part but the last must have 5 MiB."""
    first = await send(s3, upload, 1, b"small")
    second = await send(s3, upload, 2, SECOND)

    with refused("EntityTooSmall", status=400):
        await s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [first, second]})
