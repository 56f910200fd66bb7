"""Errors, as someone reads them who typed a command."""

from __future__ import annotations

import pytest

from aio_sm_async import ConfigurationError, InvalidRequestError, NotSentError
from aio_sm_async.cli.words import in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            InvalidRequestError("request_ttl_seconds", "takes 60 or more", "Give 60."),
            "--ttl: takes 60 or more. Give 60.",
        ),
        (InvalidRequestError("payload", "is empty", "Fill it."), "payload: is empty. Fill it."),
        (
            ConfigurationError("No AWS region is set. Pass region_name=, or set AWS_DEFAULT_REGION."),
            "No AWS region is set. Pass --region, or set AWS_DEFAULT_REGION.",
        ),
        (ConfigurationError("max_in_flight=0: must be above 0"), "--max-in-flight 0: must be above 0"),
        (FileNotFoundError(2, "No such file or directory", "x.jsonl"), "x.jsonl: No such file or directory."),
        (OSError(28, "No space left on device"), "No space left on device."),
        (NotSentError(), "NotSentError"),
    ],
)
def test_words(error: Exception, words: str) -> None:
    """Options are named as they are typed, and the system's errors by their file."""
    assert words == in_words(error)
