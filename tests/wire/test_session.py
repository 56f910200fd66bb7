"""Region, endpoints and surroundings, as boto3 would find them."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest
from aiobotocore.config import AioConfig

from aio_sm_async.errors import ClientClosedError, ConfigurationError
from aio_sm_async.wire.session import AwsSession
from tests.wire.conftest import NewBoto


class Aioboto3Session:
    """What matters of an aioboto3 session: the aiobotocore session inside."""

    def __init__(self, inner: object) -> None:
        self._session = inner

    def client(self, name: str) -> None:
        """Present on the real one."""


async def _opened(session: AwsSession) -> AwsSession:
    await session.open()
    return session


async def test_a_session_of_its_own_needs_no_argument() -> None:
    """Region and credentials come from the environment."""
    session = await _opened(AwsSession())

    assert session.region == "us-east-1"
    assert (await session.credentials()).access_key_id == "AKIAIOSFODNN7EXAMPLE"
    assert (
        await session.service_url("sagemaker-runtime") == "https://runtime.sagemaker.us-east-1.amazonaws.com"
    )
    await session.aclose()


async def test_an_aioboto3_session_is_taken_as_well(new_boto: NewBoto) -> None:
    """Its settings are those of the session inside."""
    inner = new_boto()
    inner.set_config_variable("region", "eu-north-1")
    session = await _opened(AwsSession(Aioboto3Session(inner)))

    assert session.region == "eu-north-1"


@pytest.mark.parametrize("session", [object(), "default", Aioboto3Session(None)])
def test_anything_else_is_refused(session: object) -> None:
    """With the name of what was given."""
    with pytest.raises(ConfigurationError, match=f"not {type(session).__name__}"):
        AwsSession(session)


async def test_the_region_is_the_arguments_then_the_configurations_then_the_sessions(
    new_boto: NewBoto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the profile's where the environment has none."""
    (tmp_path / "config").write_text("[profile one]\nregion = sa-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "one")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    profile = await _opened(AwsSession(new_boto()))
    configured_boto = new_boto()
    configured_boto.set_default_client_config(AioConfig(region_name="eu-west-3"))
    configured = await _opened(AwsSession(configured_boto))
    given = await _opened(AwsSession(configured_boto, region_name="eu-west-2"))

    assert (profile.region, configured.region, given.region) == ("sa-east-1", "eu-west-3", "eu-west-2")


async def test_without_a_region_the_error_says_what_to_set(
    new_boto: NewBoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At opening, not at the first call."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigurationError, match=r"region_name=.*AWS_DEFAULT_REGION"):
        await AwsSession(new_boto()).open()


async def test_a_profile_that_does_not_exist_is_told_at_opening(
    new_boto: NewBoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In botocore's words."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigurationError, match="nobody"):
        await AwsSession(new_boto()).open()


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "https://runtime.sagemaker.us-east-1.amazonaws.com"),
        ({"use_fips_endpoint": True}, "https://runtime-fips.sagemaker.us-east-1.amazonaws.com"),
        ({"use_dualstack_endpoint": True}, "https://runtime.sagemaker.us-east-1.api.aws"),
        (
            {"use_dualstack_endpoint": True, "use_fips_endpoint": True},
            "https://runtime.sagemaker-fips.us-east-1.api.aws",
        ),
    ],
)
async def test_endpoints_are_botocores(new_boto: NewBoto, config: dict[str, bool], url: str) -> None:
    """FIPS and dual-stack as configured."""
    boto = new_boto()
    boto.set_default_client_config(AioConfig(**config))
    session = await _opened(AwsSession(boto))

    assert await session.service_url("sagemaker-runtime") == url
    assert await session.service_url("sagemaker-runtime") == url


async def test_endpoint_variables_are_honoured_and_the_argument_comes_first(
    new_boto: NewBoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service's own variable comes before the common one."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:2/")
    session = await _opened(AwsSession(new_boto(), endpoint_urls={"s3": "http://127.0.0.1:3/"}))

    assert await session.service_url("sagemaker-runtime") == "http://127.0.0.1:1"
    assert await session.service_url("sqs") == "http://127.0.0.1:2"
    assert await session.service_url("s3") == "http://127.0.0.1:3"
    assert (await session.bucket_address("b")).url == "http://127.0.0.1:3/b"


async def test_plain_http_to_another_machine_is_refused(
    new_boto: NewBoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the URL came from."""
    with pytest.raises(ConfigurationError, match=r"endpoint URL of s3 .*clear text"):
        AwsSession(new_boto(), endpoint_urls={"s3": "http://minio.example.com"})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://aws.example.com")
    session = await _opened(AwsSession(new_boto()))
    with pytest.raises(ConfigurationError, match="clear text"):
        await session.service_url("sqs")
    with pytest.raises(ConfigurationError, match="clear text"):
        await session.bucket_address("b")


async def test_a_service_that_does_not_exist_is_named(
    new_boto: NewBoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt name would be a setting without effect; and a broken variable is told, too."""
    session = AwsSession(new_boto(), endpoint_urls={"sagemaker_runtime": "https://host"})
    with pytest.raises(ConfigurationError, match=r"sagemaker_runtime.*sagemaker-runtime"):
        await session.open()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "not a url")
    opened = await _opened(AwsSession(new_boto()))
    with pytest.raises(ConfigurationError, match="sqs has no usable endpoint"):
        await opened.service_url("sqs")


async def test_certificates_and_proxies_are_the_sessions(
    new_boto: NewBoto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """AWS_CA_BUNDLE, and the proxies of the configuration."""
    boto = new_boto()
    boto.set_default_client_config(AioConfig(proxies={"https": "http://proxy:3128"}))
    session = await _opened(AwsSession(boto))

    assert isinstance(await session.ssl_context(), ssl.SSLContext)
    assert session.proxy_for("https://host/") == "http://proxy:3128"

    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(ConfigurationError, match="gone"):
        await session.ssl_context()


async def test_a_session_that_is_not_open_says_so(new_boto: NewBoto) -> None:
    """Before it was opened, and after it was closed; opening twice does no harm."""
    session = AwsSession(new_boto(), region_name="eu-west-1")
    with pytest.raises(ClientClosedError):
        _ = session.region

    assert repr(session) == "<AwsSession eu-west-1, closed>"

    await session.open()
    await session.open()

    assert repr(session) == "<AwsSession eu-west-1, open>"

    await session.aclose()
    with pytest.raises(ClientClosedError):
        await session.credentials()


async def test_no_secret_shows(new_boto: NewBoto, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a repr nor in any log, at any level."""
    caplog.set_level(logging.DEBUG)
    boto = new_boto()
    boto.set_credentials("AKIA", "sentinel-secret", "sentinel-token")
    session = await _opened(AwsSession(boto, endpoint_urls={"s3": "http://127.0.0.1:1"}))
    credentials = await session.credentials()
    await session.bucket_address("b")
    await session.service_url("sqs")

    assert "sentinel" not in f"{session!r} {credentials!r}"
    assert "sentinel" not in caplog.text
