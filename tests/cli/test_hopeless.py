"""Which errors end a run."""

from __future__ import annotations

import pytest

from aio_sm_async import (
    AccessDeniedError,
    CredentialsError,
    InferenceFailedError,
    ServiceError,
    ThrottledError,
    ValidationError,
)
from aio_sm_async.cli.hopeless import is_hopeless


@pytest.mark.parametrize(
    ("kind", "operation", "message", "ends"),
    [
        (AccessDeniedError, "InvokeEndpointAsync", "no", True),
        (AccessDeniedError, "PutObject", "no", False),
        (CredentialsError, "PutObject", "expired", True),
        (CredentialsError, "InvokeEndpointAsync", "expired", True),
        (ValidationError, "InvokeEndpointAsync", "Endpoint e of account 1 not found.", True),
        (ValidationError, "InvokeEndpointAsync", "CustomAttributes is too long", False),
        (ThrottledError, "InvokeEndpointAsync", "slow down", False),
    ],
)
def test_errors_of_aws(kind: type[ServiceError], operation: str, message: str, ends: bool) -> None:
    """No permission, no credentials and no endpoint will not be better with the next item."""
    assert ends == is_hopeless(kind(operation, "Code", message, status=400))


def test_a_failure_of_the_model() -> None:
    """What one item did to the model says nothing of the others."""
    assert not is_hopeless(InferenceFailedError("id", "e", "no"))
