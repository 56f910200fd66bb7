"""Calls on one bucket: the address, the path, and one second try where the bucket lies elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote, urlencode

from aio_sm_async.protocol.location import S3Location
from aio_sm_async.wire.addresses import BucketAddress, request_target
from aio_sm_async.wire.call import NO_HEADERS, SignedCalls
from aio_sm_async.wire.object_xml import parse_xml
from aio_sm_async.wire.session import AwsSession
from aio_sm_async.wire.transport import Response, StreamedResponse


class ObjectCalls:
    """Sends S3 calls to where their bucket is, and raises what S3 answers as an error.

    S3 tells a bucket's region in the refusal of a call that went elsewhere. It is believed once a call, and
    kept for the calls to come.
    """

    def __init__(self, calls: SignedCalls, session: AwsSession) -> None:
        self._calls = calls
        self._session = session

    async def send(
        self,
        operation: str,
        method: str,
        location: S3Location,
        *,
        query: Mapping[str, str] = NO_HEADERS,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
        timeout_seconds: float | None = None,
    ) -> Response:
        """Send one call and return its answer, which is a success.

        Args:
            operation: The AWS operation.
            method: The HTTP method.
            location: The bucket, and the key or an empty one.
            query: The query's parameters; a parameter of no value has an empty one.
            headers: The headers.
            body: The body.
            timeout_seconds: The most that it may take; None is the default of all calls.

        Raises:
            ServiceError: S3 answered with an error.
            NotSentError: Certainly nothing was sent.
            AmbiguousError: It was sent, and the answer or a part of it is missing.
        """

        async def send_to(address: BucketAddress) -> Response:
            return await self._calls.send(
                operation,
                "s3",
                address.region,
                method,
                object_url(address, location.key, query),
                headers=headers,
                body=body,
                timeout_seconds=timeout_seconds,
            )

        address = await self._session.bucket_address(location.bucket)
        response = await send_to(address)
        elsewhere = _told_region(response, address)
        if elsewhere is not None:
            address = await self._session.reresolve_bucket(location.bucket, elsewhere)
            response = await send_to(address)
        if response.status >= 300:
            raise self._calls.failure(operation, response, address.region)
        return response

    @asynccontextmanager
    async def stream(
        self, operation: str, location: S3Location, *, headers: Mapping[str, str] = NO_HEADERS
    ) -> AsyncIterator[StreamedResponse]:
        """Send one GET and hand out its answer, which is a success, unread; like `send` otherwise."""
        address = await self._session.bucket_address(location.bucket)
        async with self._streamed(operation, address, location, headers) as streamed:
            if streamed.status < 300:
                yield streamed
                return
            response = Response(streamed.status, streamed.headers, await streamed.read())
        elsewhere = _told_region(response, address)
        if elsewhere is None:
            raise self._calls.failure(operation, response, address.region)
        address = await self._session.reresolve_bucket(location.bucket, elsewhere)
        async with self._streamed(operation, address, location, headers) as streamed:
            if streamed.status >= 300:
                response = Response(streamed.status, streamed.headers, await streamed.read())
                raise self._calls.failure(operation, response, address.region)
            yield streamed

    def failure(self, operation: str, response: Response) -> Exception:
        """The error that an answer stands for although its status says otherwise."""
        return self._calls.failure(operation, response, self._session.region)

    @asynccontextmanager
    async def _streamed(
        self, operation: str, address: BucketAddress, location: S3Location, headers: Mapping[str, str]
    ) -> AsyncIterator[StreamedResponse]:
        url = object_url(address, location.key, NO_HEADERS)
        async with self._calls.stream(operation, "s3", address.region, "GET", url, headers=headers) as answer:
            yield answer


def object_url(address: BucketAddress, key: str, query: Mapping[str, str]) -> str:
    """The URL of an object, or of its bucket, encoded as S3 wants it signed: all but slashes."""
    url = address.url
    if key:
        url = f"{url}/{quote(key, safe='/')}"
    elif request_target(url)[1] == "/":
        url += "/"
    return f"{url}?{urlencode(query, quote_via=quote, safe='')}" if query else url


def _told_region(response: Response, address: BucketAddress) -> str | None:
    """The region that S3 says the bucket lies in, if the call was refused and that is another one."""
    if response.status < 300:
        return None
    told = response.headers.get("x-amz-bucket-region") or _region_in(response.body)
    return told if told and told != address.region else None


def _region_in(body: bytes) -> str | None:
    if b"<Region>" not in body:
        return None
    try:
        return parse_xml(body).get("Region")
    except ValueError:
        return None
