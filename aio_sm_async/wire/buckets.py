"""Where a bucket is spoken to: botocore's own rules, learned from a request that is never sent.

Only botocore knows them all: path style for names with dots, access points, FIPS, dual-stack, acceleration,
endpoint variables. So a client of its own prepares a HeadBucket; its handler notes the URL and answers by
itself. The client is made with a key of no meaning: nobody's credentials are needed for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from aiobotocore.awsrequest import AioAWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import BotoCoreError

from aio_sm_async.errors import ConfigurationError
from aio_sm_async.wire.addresses import BucketAddress, secure_url
from aio_sm_async.wire.boto import BotoClient, PreparedRequest
from aio_sm_async.wire.single_flight import SingleFlight

_SCOPE = re.compile(rb"AWS4-HMAC-SHA256 Credential=[^/]*/\d+/([^/]+)/([^/]+)/")
_EXPRESS = ("--x-s3", "--xa-s3")
_MULTI_REGION = re.compile(r"arn:[^:]*:s3::")
_USE_ANOTHER = "Use a plain bucket, or an access point of one region."


OpenS3 = Callable[[str | None], AbstractAsyncContextManager[BotoClient]]


class BucketAddresses:
    """Finds each bucket's address once.

    Args:
        open_s3: Makes a throw-away S3 client, in the region given or in the session's own.
    """

    def __init__(self, open_s3: OpenS3) -> None:
        self._open_s3 = open_s3
        self._found: SingleFlight[str, BucketAddress] = SingleFlight()
        self._moved: SingleFlight[tuple[str, str], BucketAddress] = SingleFlight()
        self._region_of: dict[str, str] = {}

    async def get(self, bucket: str) -> BucketAddress:
        """Return the bucket's address; in the region that `move` was last told, if it was.

        Raises:
            ConfigurationError: It is no bucket that this package can speak to.
        """
        region = self._region_of.get(bucket)
        if region is not None:
            return await self.move(bucket, region)
        return self._found.known(bucket) or await self._found.get(bucket, lambda: self._look_up(bucket, None))

    async def move(self, bucket: str, region: str) -> BucketAddress:
        """Return the bucket's address in ``region``, which S3 said it lies in, and stay with that."""
        self._region_of[bucket] = region
        key = (bucket, region)
        return self._moved.known(key) or await self._moved.get(key, lambda: self._look_up(bucket, region))

    async def _look_up(self, bucket: str, region: str | None) -> BucketAddress:
        # An S3 Express bucket opens a session by a request of its own: refused before botocore sees it.
        if bucket.endswith(_EXPRESS):
            raise ConfigurationError(f"{bucket} is an S3 Express directory bucket. {_USE_ANOTHER}")
        if _MULTI_REGION.match(bucket):
            raise ConfigurationError(
                f"{bucket} is a multi-Region access point, which wants SigV4a signatures. {_USE_ANOTHER}"
            )
        prepared: list[tuple[str, bytes]] = []

        def note_and_answer(request: PreparedRequest, **_: object) -> AioAWSResponse:
            prepared.append((request.url, _as_bytes(request.headers.get("Authorization", b""))))
            return AioAWSResponse(request.url, 200, HTTPHeaders(), _NoBody())

        try:
            async with self._open_s3(region) as client:
                client.meta.events.register("before-send.s3.HeadBucket", note_and_answer)
                await client.head_bucket(Bucket=bucket)
                region = client.meta.region_name
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"{bucket!r} cannot be used as a bucket: {error}") from error
        url, authorization = prepared[-1]
        return BucketAddress(
            secure_url(url, named="The S3 endpoint"), _signing_region(bucket, authorization, region)
        )


class _NoBody:
    """The empty body of the answer that nobody sent."""

    async def read(self) -> bytes:
        return b""


def _signing_region(bucket: str, authorization: bytes, default: str) -> str:
    scope = _SCOPE.match(authorization)
    if scope is None:  # the session's configuration asks for another kind of signature, or for none
        return default
    if scope[2] != b"s3":
        raise ConfigurationError(f"{bucket} belongs to {scope[2].decode()}, not to S3 itself. {_USE_ANOTHER}")
    return scope[1].decode()


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
