"""Whose requests they are: the session's credentials, refreshed by botocore, handed on as our own value."""

from __future__ import annotations

from botocore import exceptions

from aio_sm_async.errors import ConfigurationError, CredentialsError, NotSentError
from aio_sm_async.protocol.sigv4 import Credentials
from aio_sm_async.wire.boto import BotoCredentials, BotoSession, FrozenCredentials
from aio_sm_async.wire.single_flight import SingleFlight

# These do not get better by trying again.
_WRONG_SETUP = (
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.InvalidConfigError,
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.ProfileNotFound,
    exceptions.SSOError,
    exceptions.UnknownCredentialError,
)
_REMEDY = (
    "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached; "
    "after `aws sso login` if the profile uses single sign-on."
)


class CredentialSource:
    """Gives the credentials of now, and keeps one value as long as they stay the same."""

    def __init__(self, session: BotoSession) -> None:
        self._session = session
        self._loaded: SingleFlight[None, BotoCredentials] = SingleFlight()
        self._current: Credentials | None = None

    async def get(self) -> Credentials:
        """Return credentials to sign with now.

        Raises:
            ConfigurationError: There are none; the error says what to set.
            CredentialsError: AWS refused to hand them out.
            NotSentError: They could not be fetched this time.
        """
        try:
            source = self._loaded.known(None) or await self._loaded.get(None, self._load)
            frozen = await source.get_frozen_credentials()
        except _WRONG_SETUP as error:
            raise ConfigurationError(f"The AWS credentials cannot be used: {error}. {_REMEDY}") from error
        except exceptions.ClientError as error:
            raise _refusal(error) from error
        except (exceptions.BotoCoreError, OSError) as error:
            raise NotSentError(
                f"Nothing was sent: the AWS credentials could not be fetched ({type(error).__name__}). Try "
                "again; if it lasts, check the role, the profile and the way to AWS."
            ) from error
        return self._value(frozen)

    async def _load(self) -> BotoCredentials:
        found = await self._session.get_credentials()
        if found is None:
            raise ConfigurationError(f"No AWS credentials were found. {_REMEDY}")
        return found

    def _value(self, frozen: FrozenCredentials) -> Credentials:
        key_id, secret, token = frozen[0], frozen[1], frozen[2]
        current = self._current
        if (
            current is None
            or current.secret_access_key != secret
            or current.access_key_id != key_id
            or current.session_token != token
        ):
            current = self._current = Credentials(key_id, secret, token)
        return current


def _refusal(error: exceptions.ClientError) -> CredentialsError | NotSentError:
    """An answer of STS or of the SSO portal; their own faults and throttling pass by themselves."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    if status >= 500 or status == 429 or "Throttl" in code:
        return NotSentError(
            f"Nothing was sent: {error.operation_name}, for the AWS credentials, answered {code}. Try again."
        )
    return CredentialsError(
        error.operation_name,
        code,
        str(error.response.get("Error", {}).get("Message", "")),
        status=status,
        remedy="Check the role that the AWS profile or the environment names, and who may assume it.",
    )
