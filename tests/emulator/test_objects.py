from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.objects import ObjectService, ObjectStore
from aio_sm_async.emulator.service import Call, ServiceFault

ACCOUNT = "000000000000"


class Bucket:
    """Speaks S3 to the service, for the bucket ``bkt``."""

    def __init__(self):
        self.store = ObjectStore(VirtualClock(utc=datetime(2026, 1, 1, 12, 30, 45, 999999, tzinfo=UTC)))
        self.store.create_bucket("bkt")
        self.service = ObjectService(self.store, ACCOUNT)

    async def __call__(self, method, path, query="", body=b"", region="us-east-1", **headers):
        parameters = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        call = Call(method, path, parameters, spelled, body, region, "AKID", "http://127.0.0.1:1")
        self.last_operation = self.service.operation(call)
        try:
            return await self.service.answer(call)
        except ServiceFault as fault:
            return self.service.render(fault)

    async def put(self, key, body=b"body", **headers):
        return await self("PUT", f"/bkt/{key}", body=body, **headers)

    async def get(self, key, **headers):
        return await self("GET", f"/bkt/{key}", **headers)

    async def list(self, query=""):
        return read(await self("GET", "/bkt", f"list-type=2&{query}"))


def read(reply):
    """An XML answer as nested tuples of (name, text or children)."""

    def unfold(element):
        name = element.tag.rpartition("}")[2]
        return name, [unfold(child) for child in element] if len(element) else element.text or ""

    return unfold(ET.fromstring(reply.body))[1]


def every(tree, name, child):
    """The texts of ``child`` in all elements of that name."""
    return [dict(content)[child] for found, content in tree if found == name]


def code(reply):
    return reply.status, dict(read(reply))["Code"]


@pytest.fixture
def s3():
    return Bucket()


async def test_put_and_get(s3):
    """A GET brings back the body, the type, the metadata and the tag that a PUT left."""
    put = await s3.put("a/key", b"hello", content_type="text/plain", x_amz_meta_who="me")
    got = await s3.get("a/key")

    assert (put.status, got.status, got.body) == (200, 200, b"hello")
    assert {
        "content-type": "text/plain",
        "x-amz-meta-who": "me",
        "x-amz-server-side-encryption": "AES256",
        "etag": f'"{hashlib.md5(b"hello").hexdigest()}"',
        "last-modified": "Thu, 01 Jan 2026 12:30:45 GMT",
        "accept-ranges": "bytes",
    } == got.headers


async def test_in_process(s3):
    """What is put in process is read over HTTP, and the other way round."""
    s3.store.put("bkt", "out", b"result", content_type="text/csv", headers={"x-amz-meta-a": "b"})
    got = await s3.get("out")
    await s3.put("in", b"payload")

    assert (
        got.body,
        got.headers["content-type"],
        got.headers["x-amz-meta-a"],
    ) == (b"result", "text/csv", "b")
    assert s3.store.get("bkt", "in").body == b"payload"
    assert s3.store.get("bkt", "in").content_type == "binary/octet-stream"
    assert s3.store.get("bkt", "none") is None
    assert s3.store.get("no-bucket", "in") is None
    assert s3.store.keys("bkt") == ["in", "out"]
    assert s3.store.keys("bkt", "i") == ["in"]
    assert repr(s3.store) == "<ObjectStore bkt: 2>"


async def test_response_headers_can_be_chosen(s3):
    """The query may override headers of the answer, as presigned links do."""
    await s3.put("key")
    got = await s3("GET", "/bkt/key", "response-content-disposition=attachment")

    assert got.headers["content-disposition"] == "attachment"


async def test_encryption_is_echoed(s3):
    """The headers that ask for a KMS key come back from the PUT and the GET."""
    asked = {
        "x_amz_server_side_encryption": "aws:kms",
        "x_amz_server_side_encryption_aws_kms_key_id": "key-1",
    }
    for reply in (await s3.put("key", **asked), await s3.get("key")):
        assert reply.headers["x-amz-server-side-encryption"] == "aws:kms"
        assert reply.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"


@pytest.mark.parametrize(
    ("sent", "kept"), [("aws-chunked", None), ("gzip,aws-chunked", "gzip"), ("gzip", "gzip")]
)
async def test_content_encoding(s3, sent, kept):
    """How the body travelled is not kept as what it is."""
    await s3.put("key", content_encoding=sent)

    assert kept == (await s3.get("key")).headers.get("content-encoding")


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("content_md5", b64encode(hashlib.md5(b"body").digest())),
        ("x_amz_checksum_crc32", b64encode(zlib.crc32(b"body").to_bytes(4, "big"))),
        ("x_amz_checksum_sha1", b64encode(hashlib.sha1(b"body").digest())),
        ("x_amz_checksum_sha256", b64encode(hashlib.sha256(b"body").digest())),
    ],
)
async def test_checksums(s3, name, right):
    """A right checksum is taken, and a wrong one is a BadDigest that leaves no object."""
    assert code(await s3.put("wrong", **{name: "AAAA"})) == (400, "BadDigest")
    assert s3.store.get("bkt", "wrong") is None
    assert (await s3.put("right", **{name: right.decode()})).status == 200


async def test_checksum_mode(s3):
    """A checksum comes back to a GET that asks for it, and only with the whole body."""
    crc = b64encode(zlib.crc32(b"body").to_bytes(4, "big")).decode()
    put = await s3.put("key", x_amz_checksum_crc32=crc)
    whole = await s3.get("key", x_amz_checksum_mode="ENABLED")
    part = await s3.get("key", x_amz_checksum_mode="ENABLED", range="bytes=0-1")

    assert crc == put.headers["x-amz-checksum-crc32"] == whole.headers["x-amz-checksum-crc32"]
    assert "x-amz-checksum-crc32" not in part.headers
    assert "x-amz-checksum-crc32" not in (await s3.get("key")).headers


async def test_unknown_checksum_is_kept(s3):
    """A checksum that cannot be computed here is handed back as it came."""
    await s3.put("key", x_amz_checksum_crc64nvme="AAAA")

    assert (await s3.get("key", x_amz_checksum_mode="ENABLED")).headers["x-amz-checksum-crc64nvme"] == "AAAA"


async def test_range(s3):
    """A range is a 206 that tells which bytes it holds; one past the end is a 416."""
    await s3.put("key", b"0123456789")
    part = await s3.get("key", range="bytes=2-4")

    assert (part.status, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert code(await s3.get("key", range="bytes=10-")) == (416, "InvalidRange")


async def test_conditional_get(s3):
    """If-Match refuses another version; If-None-Match spares a known one."""
    tag = (await s3.put("key")).headers["ETag"]
    unchanged = await s3.get("key", if_none_match=f'"other", W/{tag}')

    assert (await s3.get("key", if_match=tag)).status == 200
    assert code(await s3.get("key", if_match='"other"')) == (412, "PreconditionFailed")
    assert (304, b"", tag) == (unchanged.status, unchanged.body, unchanged.headers["etag"])
    assert (await s3.get("key", if_none_match='"other"')).status == 200


async def test_conditional_put(s3):
    """If-None-Match: * writes only what is new; If-Match only over a known version."""
    assert (await s3.put("key", b"1", if_none_match="*")).status == 200
    assert code(await s3.put("key", b"2", if_none_match="*")) == (412, "PreconditionFailed")
    assert code(await s3.put("key", b"2", if_match='"other"')) == (412, "PreconditionFailed")
    assert code(await s3.put("new", b"2", if_match='"other"')) == (404, "NoSuchKey")
    assert (await s3.put("key", b"2", if_match=hashlib.md5(b"1").hexdigest())).status == 200


async def test_missing(s3):
    """Missing keys and buckets have their own codes."""
    assert code(await s3.get("key")) == (404, "NoSuchKey")
    assert code(await s3("HEAD", "/bkt/key")) == (404, "NoSuchKey")
    assert code(await s3("GET", "/other/key")) == (404, "NoSuchBucket")
    assert code(await s3("PUT", "/other/key")) == (404, "NoSuchBucket")
    assert code(await s3("HEAD", "/other")) == (404, "NoSuchBucket")


async def test_without_the_right_to_list(s3):
    """A caller who may not list is not even told that a key does not exist."""
    s3.store.bucket("bkt").listable = False
    await s3.put("key")

    assert code(await s3.get("missing")) == (403, "AccessDenied")
    assert code(await s3("GET", "/bkt", "list-type=2")) == (403, "AccessDenied")
    assert code(await s3("HEAD", "/bkt")) == (403, "AccessDenied")
    assert (await s3.get("key")).status == 200


async def test_delete(s3):
    """A deleted object is gone, also from listings; deleting nothing is no error."""
    await s3.put("key")

    assert (await s3("DELETE", "/bkt/key")).status == 204
    assert (await s3("DELETE", "/bkt/key")).status == 204
    assert code(await s3.get("key")) == (404, "NoSuchKey")
    assert s3.store.keys("bkt") == []


async def test_delete_many(s3):
    """DeleteObjects deletes what it lists, and says so unless told to be quiet."""
    for key in "abcd":
        await s3.put(key)
    loud = await s3("POST", "/bkt", "delete", b"<Delete><Object><Key>a</Key></Object></Delete>")
    quiet = await s3(
        "POST",
        "/bkt",
        "delete",
        b"<Delete><Object><Key>b</Key></Object><Object><Key>c</Key></Object><Quiet>true</Quiet></Delete>",
    )

    assert every(read(loud), "Deleted", "Key") == ["a"]
    assert read(quiet) == ""
    assert s3.store.keys("bkt") == ["d"]


@pytest.mark.parametrize(
    "body", [b"<Delete>", b"<Delete/>", b"<Delete><Object/></Delete>", b"<D>" + b"<Object/>" * 1001 + b"</D>"]
)
async def test_delete_many_malformed(s3, body):
    """A list that is empty, too long or no XML deletes nothing."""
    assert code(await s3("POST", "/bkt", "delete", body)) == (400, "MalformedXML")


async def test_copy(s3):
    """A copy has the source's body, headers and tags."""
    await s3.put("a b", b"1", content_type="text/csv", x_amz_tagging="t=1")
    copied = await s3("PUT", "/bkt/copy", x_amz_copy_source="/bkt/a%20b")
    got = await s3.get("copy")

    assert dict(read(copied))["ETag"] == got.headers["etag"]
    assert (got.body, got.headers["content-type"]) == (b"1", "text/csv")
    assert s3.store.get("bkt", "copy").tags == {"t": "1"}
    assert s3.last_operation == "GetObject"
    assert code(await s3("PUT", "/bkt/copy", x_amz_copy_source="bkt/none")) == (404, "NoSuchKey")
    assert s3.last_operation == "CopyObject"


async def test_copy_with_replacement(s3):
    """A copy may be told to replace headers and tags."""
    await s3.put("key", content_type="text/csv", x_amz_tagging="t=1")
    await s3(
        "PUT",
        "/bkt/copy",
        x_amz_copy_source="bkt/key",
        content_type="text/plain",
        x_amz_metadata_directive="REPLACE",
        x_amz_tagging_directive="REPLACE",
        x_amz_tagging="u=2",
    )

    assert s3.store.get("bkt", "copy").content_type == "text/plain"
    assert s3.store.get("bkt", "copy").tags == {"u": "2"}


async def test_tags(s3):
    """Tags come with the PUT, and can be read, replaced and removed."""
    await s3.put("key", x_amz_tagging="a=1&b=x%20y")
    tags = dict(read(await s3("GET", "/bkt/key", "tagging")))["TagSet"]
    count = (await s3.get("key")).headers["x-amz-tagging-count"]
    tagging = b"<Tagging><TagSet><Tag><Key>c</Key><Value>3</Value></Tag></TagSet></Tagging>"
    await s3("PUT", "/bkt/key", "tagging", tagging)
    replaced = s3.store.get("bkt", "key").tags
    await s3("DELETE", "/bkt/key", "tagging")

    assert every(tags, "Tag", "Value") == ["1", "x y"]
    assert count == "2"
    assert replaced == {"c": "3"}
    assert s3.store.get("bkt", "key").tags == {}
    assert s3.store.get("bkt", "key").body == b"body"
    assert code(await s3("PUT", "/bkt/key", "tagging", b"<Tagging/>")) == (400, "MalformedXML")


async def test_long_key(s3):
    """A key has at most 1,024 bytes."""
    assert (await s3.put("é" * 512)).status == 200
    assert code(await s3.put("é" * 512 + "x")) == (400, "KeyTooLongError")


async def test_list(s3):
    """A listing tells key, size, tag, time and class of each object under the prefix."""
    await s3.put("a/1", b"12345")
    await s3.put("b/1")
    tree = await s3.list("prefix=a/")

    assert tree[:4] == [("Name", "bkt"), ("Prefix", "a/"), ("MaxKeys", "1000"), ("KeyCount", "1")]
    assert [
        ("Key", "a/1"),
        ("LastModified", "2026-01-01T12:30:45.000Z"),
        ("ETag", f'"{hashlib.md5(b"12345").hexdigest()}"'),
        ("Size", "5"),
        ("StorageClass", "STANDARD"),
    ] == dict(tree)["Contents"]
    assert dict(tree)["IsTruncated"] == "false"


async def test_list_pages(s3):
    """A listing goes on where its continuation token says, to the end."""
    for number in range(5):
        await s3.put(f"k{number}")
    first = await s3.list("max-keys=2&start-after=k0")
    token = dict(first)["NextContinuationToken"]
    second = await s3.list(f"max-keys=2&continuation-token={token}")

    assert every(first, "Contents", "Key") == ["k1", "k2"]
    assert (dict(first)["StartAfter"], dict(first)["IsTruncated"]) == ("k0", "true")
    assert every(second, "Contents", "Key") == ["k3", "k4"]
    assert (token, "false") == (dict(second)["ContinuationToken"], dict(second)["IsTruncated"])


async def test_list_common_prefixes(s3):
    """A delimiter rolls keys up."""
    for key in ("a/1", "a/2", "b", "c/1"):
        await s3.put(key)
    tree = await s3.list("delimiter=/")

    assert every(tree, "CommonPrefixes", "Prefix") == ["a/", "c/"]
    assert every(tree, "Contents", "Key") == ["b"]
    assert (dict(tree)["KeyCount"], dict(tree)["Delimiter"]) == ("3", "/")


async def test_list_in_url_spelling(s3):
    """Keys are spelled for URLs where that is asked for, a space as a plus."""
    await s3.put("a b/é+<.txt")

    assert every(await s3.list("encoding-type=url"), "Contents", "Key") == ["a+b/%C3%A9%2B%3C.txt"]
    assert every(await s3.list(), "Contents", "Key") == ["a b/é+<.txt"]


@pytest.mark.parametrize("query", ["max-keys=-1", "max-keys=x", "encoding-type=hex", "continuation-token=x"])
async def test_list_of_nonsense(s3, query):
    """Arguments that S3 does not take are refused."""
    assert code(await s3("GET", "/bkt", f"list-type=2&{query}")) == (400, "InvalidArgument")


async def test_list_at_most_a_thousand(s3):
    """A page holds a thousand keys, however many are asked for."""
    for number in range(1001):
        s3.store.put("bkt", f"{number:04}", b"")
    tree = await s3.list("max-keys=5000")

    assert (dict(tree)["KeyCount"], dict(tree)["IsTruncated"]) == ("1000", "true")


async def test_buckets(s3):
    """Buckets are made, told, listed and removed once they are empty."""
    made = await s3("PUT", "/other")
    listed = dict(read(await s3("GET", "/")))["Buckets"]
    await s3("PUT", "/other/key")
    refused = await s3("DELETE", "/other")
    await s3("DELETE", "/other/key")
    removed = await s3("DELETE", "/other")

    assert (made.status, made.headers["Location"]) == (200, "/other")
    assert every(listed, "Bucket", "Name") == ["bkt", "other"]
    assert code(refused) == (409, "BucketNotEmpty")
    assert removed.status == 204
    assert code(await s3("HEAD", "/other")) == (404, "NoSuchBucket")


@pytest.mark.parametrize("name", ["UPPER", "a", "a..b", "-abc", "x" * 64])
async def test_bucket_names(s3, name):
    """A bucket cannot have any name."""
    assert code(await s3("PUT", f"/{name}")) == (400, "InvalidBucketName")


async def test_bucket_twice(s3):
    """A bucket can be made again in us-east-1 only, and keeps what it holds."""
    await s3.put("key")
    far = b"<Configuration><LocationConstraint>eu-west-1</LocationConstraint></Configuration>"
    await s3("PUT", "/far", body=far)

    assert (await s3("PUT", "/bkt")).status == 200
    assert s3.store.keys("bkt") == ["key"]
    assert code(await s3("PUT", "/far", body=far)) == (409, "BucketAlreadyOwnedByYou")


async def test_regions(s3):
    """A bucket of another region redirects, and tells its region."""
    await s3("PUT", "/far", region="eu-west-1")
    redirect = await s3("GET", "/far/key")
    head = await s3("HEAD", "/far", region="eu-west-1")

    assert code(redirect) == (301, "PermanentRedirect")
    assert redirect.headers["x-amz-bucket-region"] == dict(read(redirect))["Region"] == "eu-west-1"
    assert (head.status, head.headers["x-amz-bucket-region"]) == (200, "eu-west-1")
    assert read(await s3("GET", "/far", "location", region="eu-west-1")) == "eu-west-1"
    assert read(await s3("GET", "/bkt", "location")) == ""


async def test_expected_owner(s3):
    """A caller who expects another owner is refused."""
    assert code(await s3.put("key", x_amz_expected_bucket_owner="111111111111")) == (403, "AccessDenied")
    assert (await s3.put("key", x_amz_expected_bucket_owner=ACCOUNT)).status == 200


@pytest.mark.parametrize(
    "host", ["bkt.localhost:4566", "bkt.s3.localhost:4566", "bkt.s3.us-east-1.amazonaws.com"]
)
async def test_virtual_hosts(s3, host):
    """The bucket may stand in the host's name instead of the path."""
    await s3.put("a/key", b"body")

    assert (await s3("GET", "/a/key", host=host)).body == b"body"


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "s3.localhost:4566", "localhost:4566"])
async def test_path_style(s3, host):
    """Other hosts name no bucket: it stands in the path."""
    await s3.put("key", b"body")

    assert (await s3("GET", "/bkt/key", host=host)).body == b"body"


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [("PUT", "/bkt", "versioning"), ("GET", "/bkt/key", "acl"), ("GET", "/bkt", ""), ("PATCH", "/bkt", "")],
)
async def test_not_emulated(s3, method, path, query):
    """An operation that is not emulated is refused as that, and not taken for another."""
    assert code(await s3(method, path, query)) == (501, "NotImplemented")
    assert s3.last_operation == "Unknown"


async def begin(s3, key="big", **headers):
    return dict(read(await s3("POST", f"/bkt/{key}", "uploads", **headers)))["UploadId"]


async def send(s3, upload, number, body, key="big", **headers):
    query = f"uploadId={upload}&partNumber={number}"
    return await s3("PUT", f"/bkt/{key}", query, body, **headers)


async def complete(s3, upload, *parts, key="big", **headers):
    told = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in parts
    )
    body = f"<CompleteMultipartUpload>{told}</CompleteMultipartUpload>".encode()
    return await s3("POST", f"/bkt/{key}", f"uploadId={upload}", body, **headers)


async def test_multipart(s3):
    """Parts make one object in the order of their numbers, seen only when it is complete."""
    s3.store.minimum_part_bytes = 3
    upload = await begin(s3, content_type="text/plain", x_amz_tagging="t=1")
    second = (await send(s3, upload, 2, b"de")).headers["ETag"]
    await send(s3, upload, 1, b"xxx")
    first = (await send(s3, upload, 1, b"abc")).headers["ETag"]
    unseen = await s3.get("big")
    done = await complete(s3, upload, (1, first), (2, second))
    got = await s3.get("big")

    digests = hashlib.md5(b"abc").digest() + hashlib.md5(b"de").digest()
    assert code(unseen) == (404, "NoSuchKey")
    assert (got.body, got.headers["content-type"]) == (b"abcde", "text/plain")
    assert f'"{hashlib.md5(digests).hexdigest()}-2"' == got.headers["etag"] == dict(read(done))["ETag"]
    assert s3.store.get("bkt", "big").tags == {"t": "1"}
    assert code(await complete(s3, upload, (1, first))) == (404, "NoSuchUpload")


async def test_multipart_refusals(s3):
    """An upload cannot be completed out of parts that are missing, out of order, too small or none."""
    upload = await begin(s3)
    first = (await send(s3, upload, 1, b"abc")).headers["ETag"]
    second = (await send(s3, upload, 2, b"de")).headers["ETag"]

    assert code(await complete(s3, upload, (1, first), (2, second))) == (400, "EntityTooSmall")
    assert code(await complete(s3, upload, (2, second), (1, first))) == (400, "InvalidPartOrder")
    assert code(await complete(s3, upload, (1, second))) == (400, "InvalidPart")
    assert code(await complete(s3, upload, (3, first))) == (400, "InvalidPart")
    assert code(await complete(s3, upload)) == (400, "MalformedXML")
    assert code(await complete(s3, upload, (1, first), key="another")) == (404, "NoSuchUpload")
    assert code(await send(s3, upload, 0, b"")) == (400, "InvalidArgument")
    assert code(await send(s3, upload, 10_001, b"")) == (400, "InvalidArgument")
    assert code(await send(s3, upload, 1, b"abc", content_md5="AAAA")) == (400, "BadDigest")
    assert (await complete(s3, upload, (1, first))).status == 200


async def test_multipart_over_another_object(s3):
    """If-None-Match: * holds for the completion of an upload."""
    upload = await begin(s3)
    tag = (await send(s3, upload, 1, b"abc")).headers["ETag"]
    await s3.put("big", b"earlier")

    assert code(await complete(s3, upload, (1, tag), if_none_match="*")) == (412, "PreconditionFailed")
    assert s3.store.get("bkt", "big").body == b"earlier"


async def test_multipart_abort(s3):
    """An aborted upload is gone."""
    upload = await begin(s3)
    await send(s3, upload, 1, b"abc")

    assert (await s3("DELETE", "/bkt/big", f"uploadId={upload}")).status == 204
    assert code(await s3("GET", "/bkt/big", f"uploadId={upload}")) == (404, "NoSuchUpload")
    assert code(await send(s3, upload, 1, b"abc")) == (404, "NoSuchUpload")


async def test_multipart_lists(s3):
    """Uploads in progress and their parts can be listed."""
    upload, other = await begin(s3), await begin(s3, key="other")
    for number in (2, 1):
        await send(s3, upload, number, b"x" * number)
    parts = read(await s3("GET", "/bkt/big", f"uploadId={upload}"))
    uploads = read(await s3("GET", "/bkt", "uploads"))

    assert every(parts, "Part", "Size") == ["1", "2"]
    assert every(uploads, "Upload", "UploadId") == [upload, other]
    assert every(read(await s3("GET", "/bkt", "uploads&prefix=o")), "Upload", "Key") == ["other"]


async def test_part_copy_is_not_taken_for_a_part(s3):
    """UploadPartCopy, which is not emulated, is refused."""
    upload = await begin(s3)

    assert code(await send(s3, upload, 1, b"", x_amz_copy_source="bkt/key")) == (501, "NotImplemented")
