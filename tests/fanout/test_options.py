"""What may be said of a whole fan-out."""

from __future__ import annotations

from typing import Any

import pytest

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.fanout.options import Limits
from aio_sm_async.fanout.outcome import InferenceOutcome
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.options import NO_PAYLOAD


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({}, Limits(1000, 64 * 1024 * 1024)),
        ({"window": None, "max_buffered_bytes": None}, Limits(1000, 64 * 1024 * 1024)),
        ({"window": 5, "max_buffered_bytes": 7, "accept": "text/plain"}, Limits(5, 7)),
        ({"window": 5000}, Limits(1000, 64 * 1024 * 1024)),
    ],
)
def test_limits(options: dict[str, Any], limits: Limits) -> None:
    """The caller's window holds as far as the client's own allows; bytes are 64 MiB unless told."""
    assert limits == Limits.of(options, max_in_flight=1000)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["window", "max_buffered_bytes"])
def test_limits_that_let_nothing_pass(name: str) -> None:
    """A limit of nothing is refused, since nothing would ever be sent."""
    with pytest.raises(InvalidRequestError, match=f"{name}: must be at least 1"):
        Limits.of({name: 0}, max_in_flight=1000)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("window", "5", "must be an int, got a str"),
        ("stop_after_failures", True, "must be an int, got a bool"),
        (
            "retry_failed",
            3,
            r"must be a RetryFailed, got a int\. Write retry_failed=RetryFailed\(attempts=3\)",
        ),
        ("progress", "yes", "must be True or a function, got a str"),
        ("key", "id", "must be a function of the item, got a str"),
    ],
)
def test_what_is_of_another_type(name: str, value: object, said: str) -> None:
    """It is refused before anything is pulled, with what to write instead."""
    with pytest.raises(InvalidRequestError, match=f"{name}: {said}"):
        Limits.of({name: value}, max_in_flight=1000)  # type: ignore[misc]


@pytest.mark.parametrize("name", ["inference_id", "filename"])
def test_names_hold_for_one_request_only(name: str) -> None:
    """A name for all items, which would share one output then, is refused, and told where to put it."""
    with pytest.raises(InvalidRequestError, match=rf"InferenceRequest\(payload, {name}=") as caught:
        Limits.of({name: "x"}, max_in_flight=1000)  # type: ignore[misc]

    assert name == caught.value.field


def test_request() -> None:
    """An item knows its payload, its key and its own options; its payload stays out of its repr."""
    request = InferenceRequest(b"secret", key="row-7", accept="text/plain")

    assert (b"secret", None, "row-7", {"accept": "text/plain"}) == (
        request.payload,
        request.input_location,
        request.key,
        request.options,
    )
    assert "secret" not in repr(request)
    assert NO_PAYLOAD is InferenceRequest(input_location="s3://bucket/key").payload
    assert InferenceRequest(None) != InferenceRequest()


def test_outcome() -> None:
    """An outcome is unwrapped to its result, or raises its error."""
    error = ValueError("bad")

    assert 7 == InferenceOutcome(0, None, 7, None).unwrap()
    with pytest.raises(ValueError, match="bad"):
        InferenceOutcome(0, None, None, error).unwrap()
