"""The few things that are asked of botocore's sessions and clients, with their types: they ship none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from aiobotocore.awsrequest import AioAWSResponse


class FrozenCredentials(NamedTuple):
    """Credentials that belong together; newer versions add fields."""

    access_key: str
    secret_key: str
    token: str | None


class BotoCredentials(Protocol):
    """The session's credentials. Waiters for one refresh share it: that is botocore's own promise."""

    async def get_frozen_credentials(self) -> FrozenCredentials:
        """Return a consistent set, after a refresh if need be."""
        ...


class Loader(Protocol):
    """The reader of the models. What it has read once, it keeps."""

    def load_data_with_path(self, name: str) -> object:
        """Read a file that all services share."""
        ...

    def load_service_model(self, service_name: str, type_name: str) -> object:
        """Read a file of one service."""
        ...

    def list_available_services(self, type_name: str) -> list[str]:
        """Name all services."""
        ...


class ClientConfig(Protocol):
    """The part of a session's default configuration that the data plane honours."""

    @property
    def region_name(self) -> str | None:
        """The region."""
        ...

    @property
    def proxies(self) -> Mapping[str, str] | None:
        """Proxies by scheme."""
        ...

    @property
    def client_cert(self) -> str | tuple[str, str] | None:
        """The caller's own certificate, or it and its key."""
        ...


class PreparedRequest(Protocol):
    """A request that a client is about to send."""

    @property
    def url(self) -> str:
        """Its URL."""
        ...

    @property
    def headers(self) -> Mapping[str, str | bytes]:
        """Its headers, signature and all."""
        ...


class EventEmitter(Protocol):
    """A client's hooks."""

    def register(self, event_name: str, handler: Callable[..., AioAWSResponse]) -> None:
        """Call ``handler`` on each such event."""
        ...


class ClientMeta(Protocol):
    """What a client knows of itself."""

    @property
    def endpoint_url(self) -> str:
        """Where it sends requests."""
        ...

    @property
    def region_name(self) -> str:
        """Its region."""
        ...

    @property
    def events(self) -> EventEmitter:
        """Its hooks."""
        ...


class BotoClient(Protocol):
    """A client that is made for a look at what it would do."""

    @property
    def meta(self) -> ClientMeta:
        """What it knows of itself."""
        ...

    async def head_bucket(self, *, Bucket: str) -> object:  # noqa: N803 - botocore's spelling
        """Prepare, sign and send a HeadBucket."""
        ...


class BotoSession(Protocol):
    """An aiobotocore session."""

    async def get_credentials(self) -> BotoCredentials | None:
        """Return the first credentials that the chain of providers finds."""
        ...

    def get_config_variable(self, logical_name: str) -> str | None:
        """A setting, from the environment or the profile."""
        ...

    def get_scoped_config(self) -> Mapping[str, object]:
        """The profile's settings; the first time, the configuration files are read."""
        ...

    def get_default_client_config(self) -> ClientConfig | None:
        """What each client of the session starts from."""
        ...

    def get_component(self, name: str) -> Loader:
        """A part of the session."""
        ...

    def create_client(
        self,
        service_name: str,
        region_name: str | None = None,
        *,
        endpoint_url: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
    ) -> AbstractAsyncContextManager[BotoClient]:
        """Make a client of one service."""
        ...
