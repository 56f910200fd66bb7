"""boto3 and aiobotocore, as they are, speak to the emulated S3: checksums, trailers, redirects and all."""

from __future__ import annotations

import asyncio
import io
import urllib.request
from contextlib import asynccontextmanager

import boto3
import pytest
from aiobotocore.session import get_session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from aio_sm_async.emulator.clock import SystemClock
from aio_sm_async.emulator.objects import ObjectService, ObjectStore
from aio_sm_async.emulator.server import Server

# Shared, because they keep botocore's models: a client costs milliseconds then.
_BOTO3 = boto3.Session(region_name="us-east-1")
_AIOBOTOCORE = get_session()
STRANGE_KEY = "//a b/../ü+=&?%2F~*'()😀\n\x07.txt"


@asynccontextmanager
async def serving():
    clock = SystemClock()
    store = ObjectStore(clock)
    store.create_bucket("bkt")
    server = Server([ObjectService(store)], accounts={"AKID": "secret"}, clock=clock)
    await server.start()
    try:
        yield server, store
    finally:
        await server.aclose()
    assert server.errors == []


def client(server, secret="secret", **options):
    return _BOTO3.client(
        "s3", endpoint_url=server.url, aws_access_key_id="AKID", aws_secret_access_key=secret, **options
    )


async def in_thread(work, server, **options):
    """Run blocking work with a boto3 client beside the server's loop."""

    def run():
        s3 = client(server, **options)
        try:
            return work(s3)
        finally:
            s3.close()

    return await asyncio.to_thread(run)


async def test_boto3_round_trip():
    """boto3 puts with its default checksums, reads, lists and deletes, whatever the key."""
    async with serving() as (server, store):

        def work(s3):
            s3.put_object(Bucket="bkt", Key=STRANGE_KEY, Body=b"hello", Metadata={"a": "b"})
            got = s3.get_object(Bucket="bkt", Key=STRANGE_KEY)
            part = s3.get_object(Bucket="bkt", Key=STRANGE_KEY, Range="bytes=-2")
            head = s3.head_object(Bucket="bkt", Key=STRANGE_KEY)
            listed = s3.list_objects_v2(Bucket="bkt", Prefix="//a b/")
            said = (
                got["Body"].read(),
                part["Body"].read(),
                head["ContentLength"],
                listed["Contents"][0]["Key"],
            )
            return *said, got["Metadata"], got["ChecksumCRC32"]

        expected = (b"hello", b"lo", 5, STRANGE_KEY, {"a": "b"}, "NhCmhg==")

        assert expected == await in_thread(work, server)
        assert store.keys("bkt") == [STRANGE_KEY]


async def test_boto3_trailing_checksum():
    """boto3 streams a file with its checksum behind it, and asks leave to send first."""
    body = bytes(range(256)) * 1000
    async with serving() as (server, store):
        await in_thread(lambda s3: s3.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(body)), server)

        assert body == store.get("bkt", "k").body


async def test_boto3_multipart():
    """boto3's transfer manager uploads in parts, in several threads, and downloads by ranges."""
    store_body = bytes(range(256)) * 4 * 1024 * 6
    config = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20, max_concurrency=2)
    async with serving() as (server, store):

        def work(s3):
            s3.upload_fileobj(io.BytesIO(store_body), "bkt", "big", Config=config)
            back = io.BytesIO()
            s3.download_fileobj("bkt", "big", back, Config=config)
            return back.getvalue() == store_body

        assert await in_thread(work, server)
        assert store.get("bkt", "big").etag.endswith("-2")
        assert store.bucket("bkt").uploads == {}


async def test_boto3_follows_regions():
    """boto3 finds a bucket of another region by itself."""
    async with serving() as (server, store):
        store.create_bucket("far", "eu-west-1")

        def work(s3):
            s3.put_object(Bucket="far", Key="k", Body=b"1")
            return s3.get_bucket_location(Bucket="far")["LocationConstraint"]

        assert await in_thread(work, server) == "eu-west-1"
        assert store.keys("far") == ["k"]


async def test_boto3_paginates_and_deletes():
    """boto3's paginator sees every key once, and DeleteObjects empties the bucket."""
    keys = [f"p/{number:02}" for number in range(7)]
    async with serving() as (server, store):
        for key in [*keys, "q"]:
            store.put("bkt", key, b"")

        def work(s3):
            pages = s3.get_paginator("list_objects_v2").paginate(
                Bucket="bkt", Prefix="p/", PaginationConfig={"PageSize": 3}
            )
            found = [entry["Key"] for page in pages for entry in page["Contents"]]
            s3.delete_objects(Bucket="bkt", Delete={"Objects": [{"Key": key} for key in found]})
            return found

        assert keys == await in_thread(work, server)
        assert store.keys("bkt") == ["q"]
        assert server.calls["ListObjectsV2"] == 3


async def test_boto3_errors():
    """boto3 reads the errors as S3's own."""
    async with serving() as (server, _):

        def work(s3):
            codes = []
            for ask in (s3.get_object, s3.head_object, s3.get_object_tagging):
                with pytest.raises(ClientError) as caught:
                    ask(Bucket="bkt", Key="none")
                codes.append(caught.value.response["Error"]["Code"])
            return codes

        assert await in_thread(work, server) == ["NoSuchKey", "404", "NoSuchKey"]


async def test_wrong_secret():
    """boto3 with a wrong secret is refused."""
    async with serving() as (server, _):

        def work(s3):
            with pytest.raises(ClientError) as caught:
                s3.list_buckets()
            return caught.value.response["Error"]["Code"]

        assert await in_thread(work, server, secret="wrong") == "SignatureDoesNotMatch"


async def test_presigned():
    """A link that boto3 presigned opens without credentials."""
    async with serving() as (server, store):
        store.put("bkt", STRANGE_KEY, b"hello")

        def work(s3):
            link = s3.generate_presigned_url("get_object", Params={"Bucket": "bkt", "Key": STRANGE_KEY})
            with urllib.request.urlopen(link) as answer:
                return answer.read()

        assert await in_thread(work, server, config=Config(signature_version="s3v4")) == b"hello"


async def test_aiobotocore_round_trip():
    """Aiobotocore puts, gets and is refused like boto3."""
    async with (
        serving() as (server, store),
        _AIOBOTOCORE.create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id="AKID",
            aws_secret_access_key="secret",
        ) as s3,
    ):
        await s3.put_object(Bucket="bkt", Key=STRANGE_KEY, Body=b"hello", ContentType="text/plain")
        got = await s3.get_object(Bucket="bkt", Key=STRANGE_KEY)
        async with got["Body"] as stream:
            body = await stream.read()
        with pytest.raises(ClientError, match="NoSuchKey"):
            await s3.get_object(Bucket="bkt", Key="none")

        assert (body, got["ContentType"]) == (b"hello", "text/plain")
        assert store.keys("bkt") == [STRANGE_KEY]
