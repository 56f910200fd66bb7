"""Whose requests they are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiobotocore.credentials import AioRefreshableCredentials
from aiobotocore.session import AioSession
from botocore import exceptions

from aio_sm_async.errors import ConfigurationError, CredentialsError, NotSentError
from aio_sm_async.protocol.sigv4 import Credentials
from aio_sm_async.wire.credentials import CredentialSource
from aio_sm_async.wire.session import AwsSession
from tests.wire.conftest import NewBoto


class Chain:
    """A session whose chain of providers ends as told."""

    def __init__(self, outcome: object) -> None:
        self.outcome = outcome
        self.asked = 0

    async def get_credentials(self) -> object:
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def _source(session: object) -> CredentialSource:
    return CredentialSource(session)  # type: ignore[arg-type]


class Refresher:
    """Hands out a new set each time, good for as long as told."""

    def __init__(self, lives_seconds: float) -> None:
        self.lives_seconds = lives_seconds
        self.count = 0
        self.error: Exception | None = None

    async def __call__(self) -> dict[str, str]:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.count += 1
        expiry = datetime.now(UTC) + timedelta(seconds=self.lives_seconds)
        return {
            "access_key": f"AKIA{self.count}",
            "secret_key": "secret",
            "token": f"token-{self.count}",
            "expiry_time": expiry.isoformat(),
        }


async def _refreshable(refresher: Refresher) -> Chain:
    credentials = AioRefreshableCredentials.create_from_metadata(await refresher(), refresher, "test")
    return Chain(credentials)


async def test_the_environments_credentials_are_found(
    new_boto: NewBoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporary ones come with their token; and the value is the same as long as they are."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-token")
    session = AwsSession(new_boto())
    await session.open()
    credentials = await session.credentials()

    assert credentials == Credentials("AKIAIOSFODNN7EXAMPLE", "not-a-secret", "the-token")
    assert await session.credentials() is credentials


async def test_a_sessions_own_credentials_win(new_boto: NewBoto) -> None:
    """Those that were set on it."""
    session: AioSession = new_boto()
    session.set_credentials("AKIA1", "s")

    assert await _source(session).get() == Credentials("AKIA1", "s", None)


async def test_a_profiles_credentials_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_boto: NewBoto
) -> None:
    """As botocore found them."""
    (tmp_path / "credentials").write_text("[one]\naws_access_key_id = AKIA2\naws_secret_access_key = s2\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "one")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    boto = new_boto()
    # botocore reads this file in the loop, once a session; here rather than where blocking calls fail.
    await boto.get_credentials()
    session = AwsSession(boto)
    await session.open()

    assert await session.credentials() == Credentials("AKIA2", "s2", None)


async def test_many_who_ask_first_share_one_search() -> None:
    """The chain of providers may ask the network: once."""
    chain = await _refreshable(Refresher(3600))
    source = _source(chain)
    found = await asyncio.gather(*(source.get() for _ in range(20)))

    assert len({credentials.access_key_id for credentials in found}) == 1
    assert chain.asked == 1


async def test_many_waiters_share_one_refresh() -> None:
    """Credentials that ended are fetched anew once, and everybody gets the new ones."""
    refresher = Refresher(lives_seconds=1)
    chain = await _refreshable(refresher)
    refresher.lives_seconds = 3600
    source = _source(chain)
    found = await asyncio.gather(*(source.get() for _ in range(50)))

    assert {credentials.session_token for credentials in found} == {"token-2"}
    assert refresher.count == 2


async def test_a_refresh_that_fails_is_tried_again() -> None:
    """Nothing was sent meanwhile, and the next request finds new credentials."""
    refresher = Refresher(lives_seconds=1)
    source = _source(await _refreshable(refresher))
    refresher.error = exceptions.MetadataRetrievalError(error_msg="gone")
    with pytest.raises(NotSentError, match="could not be fetched"):
        await source.get()
    refresher.error, refresher.lives_seconds = None, 3600

    assert (await source.get()).session_token == "token-2"


async def test_without_credentials_the_error_says_what_to_set() -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"AWS_PROFILE.*AWS_ACCESS_KEY_ID.*role"):
        await _source(Chain(None)).get()


@pytest.mark.parametrize(
    "error",
    [
        exceptions.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"),
        exceptions.ProfileNotFound(profile="nobody"),
        exceptions.UnauthorizedSSOTokenError(),
    ],
)
async def test_a_wrong_setup_is_not_tried_again(error: Exception) -> None:
    """It says what botocore found, and what to set."""
    with pytest.raises(ConfigurationError, match=r"cannot be used.*aws sso login") as caught:
        await _source(Chain(error)).get()
    assert caught.value.__cause__ is error


def _client_error(status: int, code: str) -> exceptions.ClientError:
    return exceptions.ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "AssumeRole",
    )


async def test_a_role_that_may_not_be_assumed_is_told() -> None:
    """With STS's own code."""
    with pytest.raises(CredentialsError, match=r"AssumeRole answered AccessDenied \(HTTP 403\): no\."):
        await _source(Chain(_client_error(403, "AccessDenied"))).get()


@pytest.mark.parametrize(("status", "code"), [(500, "InternalFailure"), (400, "Throttling"), (429, "Slow")])
async def test_trouble_of_sts_passes(status: int, code: str) -> None:
    """Nothing was sent: the request may be tried again."""
    with pytest.raises(NotSentError, match=code):
        await _source(Chain(_client_error(status, code))).get()
