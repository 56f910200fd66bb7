"""One item of a fan-out that is more than its payload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Unpack

from aio_sm_async.options import INVOCATION_OPTIONS, NO_PAYLOAD, InvocationOptions, refuse_unknown


@dataclass(frozen=True, slots=True, init=False)
class InferenceRequest:
    """An item for `map` and `as_completed`, with options or a key of its own.

    Attributes:
        payload: See `AsyncInferenceClient.submit`.
        input_location: An ``s3://`` URI of an input that is in S3 already, instead of a payload.
        key: What the caller calls it: it comes back with the outcome, and is sent nowhere.
        options: They go before those of the call. See `InvocationOptions`.

    Raises:
        TypeError: An option is none of them.
    """

    payload: object = field(repr=False)
    input_location: str | None
    key: str | None
    options: InvocationOptions

    def __init__(
        self,
        payload: object = NO_PAYLOAD,
        *,
        input_location: str | None = None,
        key: str | None = None,
        **options: Unpack[InvocationOptions],
    ) -> None:
        refuse_unknown(options, INVOCATION_OPTIONS, InferenceRequest, name="InferenceRequest")
        object.__setattr__(self, "payload", payload)
        object.__setattr__(self, "input_location", input_location)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "options", options)
