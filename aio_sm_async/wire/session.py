"""The session: who we are, where, and by which way. All of it is botocore's to decide; we ask once."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import cast

import anyio.to_thread
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, UnknownServiceError

from aio_sm_async.errors import ClientClosedError, ConfigurationError
from aio_sm_async.protocol.sigv4 import Credentials
from aio_sm_async.wire.addresses import BucketAddress, secure_url
from aio_sm_async.wire.boto import BotoClient, BotoSession, ClientConfig, Loader
from aio_sm_async.wire.buckets import BucketAddresses, OpenS3
from aio_sm_async.wire.credentials import CredentialSource
from aio_sm_async.wire.single_flight import SingleFlight
from aio_sm_async.wire.surroundings import Proxies, build_ssl_context

_SERVICES_OF_EVERY_CLIENT = ("sagemaker-runtime", "s3")
_MODEL_FILES = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")
_DATA_FILES = ("endpoints", "partitions", "sdk-default-configuration", "_retry")


class AwsSession:
    """Credentials, region, addresses and surroundings, as boto3 would find them.

    Args:
        session: An aiobotocore session, an aioboto3 session, or None for a new one.
        region_name: The region; None takes the session's.
        endpoint_urls: Endpoint URLs by service name (``sagemaker-runtime``, ``s3``, ``sqs``). They come
            before AWS_ENDPOINT_URL and its kin, which come before AWS's own.

    Raises:
        ConfigurationError: ``session`` is no session, or an endpoint URL is no https URL.
    """

    def __init__(
        self,
        session: object | None = None,
        *,
        region_name: str | None = None,
        endpoint_urls: Mapping[str, str] | None = None,
    ) -> None:
        self._given = None if session is None else _boto_session(session)
        self._region = region_name
        self._endpoint_urls = {
            service: secure_url(url, named=f"The endpoint URL of {service}")
            for service, url in (endpoint_urls or {}).items()
        }
        self._opened: _Opened | None = None

    def __repr__(self) -> str:
        state = "closed" if self._opened is None else "open"
        return f"<AwsSession {self._region or 'in the default region'}, {state}>"

    @property
    def region(self) -> str:
        """The region of the endpoints."""
        self._require_open()
        assert self._region is not None
        return self._region

    async def open(self) -> None:
        """Read what botocore reads from disk, in a worker thread, and settle on a region.

        Raises:
            ConfigurationError: No region is set, the profile does not exist, or ``endpoint_urls`` names an
                unknown service.
        """
        if self._opened is not None:
            return
        try:
            self._opened = await anyio.to_thread.run_sync(self._open_blocking)
        except BotoCoreError as error:
            raise ConfigurationError(f"The AWS configuration cannot be used: {error}") from error

    async def aclose(self) -> None:
        """Forget credentials and addresses. The session that was given stays as it is."""
        self._opened = None

    async def credentials(self) -> Credentials:
        """Return credentials to sign with now; see `CredentialSource.get` for what it raises."""
        return await self._require_open().credentials.get()

    async def service_url(self, service_name: str) -> str:
        """Return the service's URL, without a slash at its end.

        Raises:
            ConfigurationError: It is plain http to another machine, or no such service is known.
        """
        urls = self._require_open().service_urls
        return urls.known(service_name) or await urls.get(
            service_name, lambda: self._look_up_service(service_name)
        )

    async def bucket_address(self, bucket: str) -> BucketAddress:
        """Return where the bucket, or the access point, is spoken to.

        Raises:
            ConfigurationError: It is none that this package can speak to, such as an S3 Express bucket.
        """
        return await self._require_open().buckets.get(bucket)

    async def reresolve_bucket(self, bucket: str, region: str) -> BucketAddress:
        """Return the bucket's address in the region that S3 named, and use that from now on."""
        return await self._require_open().buckets.move(bucket, region)

    def proxy_for(self, url: str) -> str | None:
        """The proxy that the URL is reached through, or None."""
        return self._require_open().proxies.proxy_for(url)

    async def ssl_context(self) -> ssl.SSLContext:
        """Return how TLS is done: with the session's CA bundle and client certificate.

        Raises:
            ConfigurationError: One of their files cannot be read.
        """
        opened = self._require_open()
        return await anyio.to_thread.run_sync(
            build_ssl_context, opened.boto.get_config_variable("ca_bundle"), opened.client_certificate
        )

    def _require_open(self) -> _Opened:
        if self._opened is None:
            raise ClientClosedError("The AWS session is not open. Open the client first: async with client.")
        return self._opened

    def _open_blocking(self) -> _Opened:
        boto = self._given or _new_session()
        boto.get_scoped_config()  # reads the files, and fails if there is no such profile
        config = boto.get_default_client_config()
        self._region = (
            self._region or (config.region_name if config else None) or boto.get_config_variable("region")
        )
        if self._region is None:
            raise ConfigurationError(
                "No AWS region is set. Pass region_name=, or set AWS_DEFAULT_REGION, or the profile's region."
            )
        loader = boto.get_component("data_loader")
        self._check_services(loader)
        _warm(loader)
        return _Opened(boto, config, self._throw_away_s3)

    def _check_services(self, loader: Loader) -> None:
        unknown = sorted(set(self._endpoint_urls).difference(loader.list_available_services("service-2")))
        if unknown:
            raise ConfigurationError(
                f"endpoint_urls names {', '.join(unknown)}, no AWS service. Write it as boto3 does: "
                "sagemaker-runtime, sagemaker, s3, sqs, sns."
            )

    async def _look_up_service(self, service_name: str) -> str:
        if service_name in self._endpoint_urls:
            return self._endpoint_urls[service_name]
        loader = self._require_open().boto.get_component("data_loader")
        await anyio.to_thread.run_sync(_warm_service, loader, service_name)
        try:
            async with self._throw_away_client(service_name, self.region) as client:
                url = client.meta.endpoint_url
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"{service_name} has no usable endpoint: {error}") from error
        return secure_url(url, named=f"The endpoint URL of {service_name}")

    def _throw_away_s3(self, region: str | None) -> AbstractAsyncContextManager[BotoClient]:
        return self._throw_away_client("s3", region or self.region)

    def _throw_away_client(self, service_name: str, region: str) -> AbstractAsyncContextManager[BotoClient]:
        return self._require_open().boto.create_client(
            service_name,
            region,
            endpoint_url=self._endpoint_urls.get(service_name),
            # Nothing is sent: no reason to look for, or to refresh, anybody's credentials.
            aws_access_key_id="unused",
            aws_secret_access_key="unused",  # noqa: S106 - it is none
        )


def session_of(profile: str) -> object:
    """A session of one profile of the AWS configuration, which is read when a client opens."""
    return AioSession(profile=profile)


class _Opened:
    """What an open session holds."""

    def __init__(
        self,
        boto: BotoSession,
        config: ClientConfig | None,
        open_s3: OpenS3,
    ) -> None:
        self.boto = boto
        self.credentials = CredentialSource(boto)
        self.service_urls: SingleFlight[str, str] = SingleFlight()
        self.buckets = BucketAddresses(open_s3)
        self.proxies = Proxies(config.proxies if config else None)
        self.client_certificate = config.client_cert if config else None


def _boto_session(session: object) -> BotoSession:
    """The aiobotocore session itself, or the one inside an aioboto3 session."""
    inner = session if hasattr(session, "create_client") else getattr(session, "_session", None)
    if not hasattr(inner, "create_client") or not hasattr(inner, "get_component"):
        raise ConfigurationError(
            f"session= takes an aiobotocore or an aioboto3 session, not {type(session).__name__}. Leave it "
            "out to use the environment and the default profile."
        )
    return cast("BotoSession", inner)


def _new_session() -> BotoSession:
    return cast("BotoSession", AioSession())


def _warm(loader: Loader) -> None:
    """Read the models that clients are built from, some megabytes of JSON, before the loop needs them."""
    for name in _DATA_FILES:
        loader.load_data_with_path(name)
    for service in _SERVICES_OF_EVERY_CLIENT:
        _warm_service(loader, service)


def _warm_service(loader: Loader, service: str) -> None:
    for file in _MODEL_FILES:
        with suppress(UnknownServiceError):  # not every service has waiters
            loader.load_service_model(service, file)
