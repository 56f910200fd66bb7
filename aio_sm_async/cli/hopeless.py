"""Which errors of one item will be the errors of all."""

from __future__ import annotations

import re

from aio_sm_async.errors import (
    AccessDeniedError,
    CredentialsError,
    JournalError,
    ServiceError,
    ValidationError,
)

_NO_SUCH_ENDPOINT = re.compile(
    r"(?i)endpoint\b.*\b(?:not found|could not be found|does not exist)|could not find endpoint"
)


def is_hopeless(error: Exception) -> bool:
    """Whether going on would only repeat it: no permission, no credentials, no such endpoint, no room."""
    if isinstance(error, JournalError):
        return True
    if not isinstance(error, ServiceError) or error.operation != "InvokeEndpointAsync":
        return isinstance(error, CredentialsError)
    if isinstance(error, AccessDeniedError | CredentialsError):
        return True
    return isinstance(error, ValidationError) and _NO_SUCH_ENDPOINT.search(error.message) is not None
