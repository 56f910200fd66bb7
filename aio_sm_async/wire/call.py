"""One signed call to AWS. What the answer's status means is the caller's to say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

import anyio.to_thread

from aio_sm_async.clock import Clock
from aio_sm_async.errors import ServiceError
from aio_sm_async.protocol.sigv4 import EMPTY_SHA256, Signer, sha256_hex
from aio_sm_async.wire.addresses import request_target
from aio_sm_async.wire.session import AwsSession
from aio_sm_async.wire.translate import translate
from aio_sm_async.wire.transport import Response, StreamedResponse, Transport

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

# Hashing takes about a millisecond a megabyte; beyond this the loop has better things to do.
_HASHED_IN_THREAD_BYTES = 512 * 1024


class SignedCalls:
    """Signs requests with the session's credentials, counts them and sends them.

    Args:
        session: Whose credentials.
        transport: What carries the requests.
        clock: The wall clock of the signatures.
        count: Called with each operation as it is sent.
        timeout_seconds: The most that a call may take, unless it says otherwise.
    """

    def __init__(
        self,
        session: AwsSession,
        transport: Transport,
        *,
        clock: Clock,
        count: Callable[[str], None],
        timeout_seconds: float = 30,
    ) -> None:
        self._session = session
        self._transport = transport
        self._clock = clock
        self._count = count
        self._timeout_seconds = timeout_seconds
        self._signer = Signer()

    async def send(
        self,
        operation: str,
        service: str,
        region: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
        timeout_seconds: float | None = None,
    ) -> Response:
        """Send one call and return its answer, whatever the status.

        Args:
            operation: The AWS operation, for the count.
            service: The signing name: ``sagemaker``, ``s3`` or ``sqs``.
            region: The region to sign for.
            method: The HTTP method.
            url: The URL, percent-encoded.
            headers: The headers; host, date and signature are added.
            body: The body.
            timeout_seconds: The most that it may take; None is the default of all calls.

        Raises:
            NotSentError: Certainly nothing was sent.
            AmbiguousError: It was sent, and the answer or a part of it is missing.
        """
        digest = await _digest(body)
        signed = await self._sign(service, region, method, url, headers, digest)
        self._count(operation)
        timeout = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        return await self._transport.request(method, url, headers=signed, body=body, timeout_seconds=timeout)

    @asynccontextmanager
    async def stream(
        self,
        operation: str,
        service: str,
        region: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_seconds: float | None = None,
    ) -> AsyncIterator[StreamedResponse]:
        """Send one call without a body and hand out the answer unread; like `send` otherwise."""
        signed = await self._sign(service, region, method, url, headers, EMPTY_SHA256)
        self._count(operation)
        timeout = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        async with self._transport.stream(method, url, headers=signed, timeout_seconds=timeout) as answer:
            yield answer

    def failure(self, operation: str, response: Response, region: str) -> ServiceError:
        """The error that an answer stands for; raise it."""
        return translate(
            operation,
            response.status,
            response.headers,
            response.body,
            region=region,
            now=self._clock.utc_now(),
        )

    async def _sign(  # noqa: PLR0917 - as `send` has them
        self, service: str, region: str, method: str, url: str, headers: Mapping[str, str], digest: str
    ) -> dict[str, str]:
        host, path, query = request_target(url)
        # Sent as it is signed, whatever the HTTP library would make of the URL.
        signed = {"Host": host, **headers}
        signed.update(
            self._signer.sign(
                method,
                host,
                path,
                query,
                signed,
                digest,
                credentials=await self._session.credentials(),
                region=region,
                service=service,
                now=self._clock.utc_now(),
            )
        )
        return signed


async def _digest(body: bytes) -> str:
    if len(body) > _HASHED_IN_THREAD_BYTES:
        return await anyio.to_thread.run_sync(sha256_hex, body)
    return sha256_hex(body)
