"""Which failures may pass by themselves."""

from __future__ import annotations

import pytest

from aio_sm_async.protocol.failure_reason import may_pass_by_itself

LOGS = "from model. See the SageMaker Endpoint logs in your account for more information."
BUSY = "This can occur when CPU or memory utilization is high."
FOUND = "a failure was found in S3"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (f"ServerError: Received server error (500) {LOGS}", None),
        (f"ServerError: Received server error (503) {LOGS}", b"loading"),
        (f"ClientError: Received server error (0) {LOGS}", None),
        (f"Amazon SageMaker could not get a response from the my-model endpoint. {BUSY}", None),
        (FOUND, b'{"code": 500, "type": "InternalServerException", "message": "CUDA error"}'),
        (FOUND, b"Received server error (0) from primary"),
    ],
)
def test_the_container_is_to_blame(reason: str, words: bytes | None) -> None:
    """A container that broke, died or said nothing may do better the next time."""
    assert may_pass_by_itself(reason, words)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (f"ClientError: Received client error (400) {LOGS}", b'{"code": 500}'),
        (f"ClientError: Received client error (413) {LOGS}", None),
        ("ClientError: Unable to download the input data", None),
        ("SageMaker told no reason", None),
        (FOUND, None),
        (FOUND, b'{"code": 400, "message": "server error (12)"}'),
        (FOUND, b"Received client error (400) after server error (500)"),
        (FOUND, b"[500]"),
        (FOUND, b'{"code": "500"}'),
        (FOUND, b"\xff not JSON"),
        (FOUND, b"[" * 60_000),
    ],
)
def test_the_request_is_to_blame_or_nobody_knows(reason: str, words: bytes | None) -> None:
    """What the container refused, and what nobody explains, would fail again."""
    assert not may_pass_by_itself(reason, words)
