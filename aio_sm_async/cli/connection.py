"""Which endpoint, and by which way: what the options of every command come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aio_sm_async.client import AsyncInferenceClient
from aio_sm_async.clock import Clock, SystemClock
from aio_sm_async.completions.sqs import SqsNotifications
from aio_sm_async.errors import ConfigurationError
from aio_sm_async.options import RequestOptions
from aio_sm_async.protocol.request import InvocationRequest, check_request
from aio_sm_async.uploads import S3Uploads
from aio_sm_async.wire.call import SignedCalls
from aio_sm_async.wire.http1 import Http1Transport
from aio_sm_async.wire.objects import Objects
from aio_sm_async.wire.session import AwsSession, session_of

SERVICES = ("sagemaker-runtime", "sagemaker", "s3", "sqs")
OBJECT_CONNECTIONS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How AWS is reached, and in whose name.

    Attributes:
        endpoint: The endpoint; None where the command needs none.
        region: The region; None as in boto3.
        profile: The profile of the AWS configuration; None as in boto3.
        queue_urls: The queues that hear the endpoint's topics; none to poll S3 alone.
        uploads: Where payloads go that do not fit into a request.
        endpoint_urls: Other servers to talk to, by service.
        request: What holds for every request.
        settings: Further settings of the client; those that are None are left at their defaults.
        clock: Time.
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    queue_urls: Sequence[str] = ()
    uploads: str | None = None
    endpoint_urls: Mapping[str, str] = field(default_factory=dict)
    request: RequestOptions = field(default_factory=RequestOptions)
    settings: Mapping[str, object] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)

    def client(self, *, journal: Path | None = None) -> AsyncInferenceClient:
        """A client that is not open yet.

        Args:
            journal: The file that remembers what was sent; None to remember nothing.

        Raises:
            ConfigurationError: The settings cannot work.
            InvalidRequestError: No request could ever be sent like this.
        """
        if self.endpoint is not None:
            check_request(InvocationRequest(self.endpoint, input_location="s3://bucket/key", **self.request))
        # The command line's settings are the client's own, by name; None is "not given".
        settings: dict[str, Any] = {name: value for name, value in self.settings.items() if value is not None}
        return AsyncInferenceClient(
            self.endpoint,
            notifications=SqsNotifications(list(self.queue_urls)) if self.queue_urls else None,
            uploads=S3Uploads(self.uploads) if self.uploads else None,
            session=self._session(),
            region_name=self.region,
            endpoint_urls=self.endpoint_urls,
            journal=journal,
            clock=self.clock,
            **settings,
            **self.request,
        )

    @asynccontextmanager
    async def objects(self, calls: Counter[str]) -> AsyncIterator[Objects]:
        """S3, for what the command itself reads and writes there; ``calls`` counts.

        Raises:
            ConfigurationError: Region or credentials are missing.
        """
        async with AsyncExitStack() as stack:
            session = AwsSession(self._session(), region_name=self.region, endpoint_urls=self.endpoint_urls)
            await session.open()
            stack.push_async_callback(session.aclose)
            await session.credentials()
            transport = Http1Transport(
                OBJECT_CONNECTIONS, proxy=session.proxy_for, ssl_context=await session.ssl_context()
            )
            stack.push_async_callback(transport.aclose)

            def count(operation: str) -> None:
                calls[operation] += 1

            yield Objects(SignedCalls(session, transport, clock=self.clock, count=count), session)

    def _session(self) -> object | None:
        return session_of(self.profile) if self.profile else None


def parse_endpoint_urls(texts: Sequence[str]) -> dict[str, str]:
    """Read ``SERVICE=URL``; a bare URL stands for all services.

    Raises:
        ConfigurationError: One is neither.
    """
    urls: dict[str, str] = {}
    for text in texts:
        service, separator, url = text.partition("=")
        if "://" in service:
            urls |= dict.fromkeys(SERVICES, text)
        elif separator and "://" in url:
            urls[service] = url
        else:
            raise ConfigurationError(
                f"--endpoint-url {text}: write SERVICE=URL, as in s3=http://127.0.0.1:4566, or one URL for "
                f"all of {', '.join(SERVICES)}."
            )
    return urls
