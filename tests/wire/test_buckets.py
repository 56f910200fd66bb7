"""Where buckets are, in botocore's own opinion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import UNSIGNED

from aio_sm_async.errors import ConfigurationError
from aio_sm_async.wire.addresses import BucketAddress
from aio_sm_async.wire.session import AwsSession
from tests.wire.conftest import NewBoto
from tests.wire.servers import Server, always


async def _address(boto: AioSession, bucket: str, region: str = "eu-west-1") -> BucketAddress:
    session = AwsSession(boto, region_name=region)
    await session.open()
    return await session.bucket_address(bucket)


@pytest.mark.parametrize(
    ("bucket", "region", "expected"),
    [
        ("plain", "eu-west-1", BucketAddress("https://plain.s3.eu-west-1.amazonaws.com", "eu-west-1")),
        ("plain", "us-east-1", BucketAddress("https://plain.s3.amazonaws.com", "us-east-1")),
        ("a.dot", "eu-west-1", BucketAddress("https://s3.eu-west-1.amazonaws.com/a.dot", "eu-west-1")),
        ("plain", "cn-north-1", BucketAddress("https://plain.s3.cn-north-1.amazonaws.com.cn", "cn-north-1")),
        (
            "arn:aws:s3:us-west-2:123456789012:accesspoint/mine",
            "us-west-2",
            BucketAddress("https://mine-123456789012.s3-accesspoint.us-west-2.amazonaws.com", "us-west-2"),
        ),
        (
            "a-s3alias",
            "eu-west-1",
            BucketAddress("https://a-s3alias.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ),
    ],
)
async def test_a_bucket_is_where_botocore_would_send(
    new_boto: NewBoto, bucket: str, region: str, expected: BucketAddress
) -> None:
    """Plain names, names with dots, partitions, access points and their aliases."""
    assert await _address(new_boto(), bucket, region) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (AioConfig(use_fips_endpoint=True), "https://plain.s3-fips.us-west-2.amazonaws.com"),
        (AioConfig(use_dualstack_endpoint=True), "https://plain.s3.dualstack.us-west-2.amazonaws.com"),
        (AioConfig(s3={"addressing_style": "path"}), "https://s3.us-west-2.amazonaws.com/plain"),
        (AioConfig(s3={"use_accelerate_endpoint": True}), "https://plain.s3-accelerate.amazonaws.com"),
        (AioConfig(signature_version=UNSIGNED), "https://plain.s3.us-west-2.amazonaws.com"),
    ],
)
async def test_the_sessions_configuration_is_honoured(
    new_boto: NewBoto, config: AioConfig, expected: str
) -> None:
    """FIPS, dual-stack, addressing style, acceleration; and the region is known without a signature, too."""
    boto = new_boto()
    boto.set_default_client_config(config)

    assert await _address(boto, "plain", "us-west-2") == BucketAddress(expected, "us-west-2")


@pytest.mark.parametrize(
    ("bucket", "words"),
    [
        ("mine--usw2-az1--x-s3", "S3 Express"),
        ("mine--usw2-az1--xa-s3", "S3 Express"),
        ("arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap", "multi-Region"),
        ("arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/x", "s3-object-lambda"),
        (f"arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-{'0' * 17}/accesspoint/x", "s3-outposts"),
        ("no bucket at all", "cannot be used as a bucket"),
    ],
)
async def test_what_cannot_be_spoken_to_is_refused(new_boto: NewBoto, bucket: str, words: str) -> None:
    """Before anything is sent; and the error names what could be used instead, or what is wrong."""
    with pytest.raises(ConfigurationError, match=words):
        await _address(new_boto(), bucket, "us-west-2")


@pytest.fixture
async def bystander(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A server that everything would go to."""
    async with Server(always(500)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


async def test_nothing_is_sent_to_find_a_bucket(new_boto: NewBoto, bystander: Server) -> None:
    """Nor is anybody asked for credentials; and many who ask share one look-up."""
    boto = new_boto()
    boto.set_credentials("mine", "mine")
    session = AwsSession(boto, region_name="eu-west-1")
    await session.open()
    addresses = await asyncio.gather(*(session.bucket_address("plain") for _ in range(20)))

    assert addresses[0] == BucketAddress(f"{bystander.url}/plain", "eu-west-1")
    assert all(address is addresses[0] for address in addresses)
    assert bystander.connections == 0


async def test_a_bucket_that_moved_stays_where_s3_said(new_boto: NewBoto) -> None:
    """Until S3 says otherwise."""
    session = AwsSession(new_boto(), region_name="eu-west-1")
    await session.open()
    moved = await session.reresolve_bucket("plain", "us-west-2")

    assert moved == BucketAddress("https://plain.s3.us-west-2.amazonaws.com", "us-west-2")
    assert await session.bucket_address("plain") is moved

    await session.reresolve_bucket("plain", "eu-north-1")

    assert (await session.bucket_address("plain")).region == "eu-north-1"
