"""What a caller may say of a request: on the client, on a view of it, or with one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from enum import Enum
from typing import Final, TypedDict


class _Missing(Enum):
    PAYLOAD = "no payload was given"


NO_PAYLOAD: Final = _Missing.PAYLOAD
"""Stands for a payload that was left out; None is JSON's null."""


class RequestOptions(TypedDict, total=False):
    """The members of InvokeEndpointAsync, in snake case. None, or left out, is "not sent".

    Attributes:
        content_type: The MIME type of the payload; inferred from it if left out.
        accept: The MIME type wished for. Where a codec knows it, ``result.value`` is decoded by it.
        custom_attributes: Handed to the model verbatim, at most 1,024 visible ASCII characters.
        inference_id: The invocation's name, at most 64 characters; one is made if left out.
        s3_output_path_extension: Where below the endpoint's output path the response goes.
        filename: What the output object is called, at most 32 characters.
        request_ttl_seconds: How long the request may wait in SageMaker's queue: 60 to 21,600.
        invocation_timeout_seconds: How long the model may take: 1 to 3,600.
    """

    content_type: str | None
    accept: str | None
    custom_attributes: str | None
    inference_id: str | None
    s3_output_path_extension: str | None
    filename: str | None
    request_ttl_seconds: int | None
    invocation_timeout_seconds: int | None


class InvocationOptions(RequestOptions, total=False):
    """`RequestOptions`, and where to send the request.

    Attributes:
        endpoint_name: The endpoint, instead of the client's own.
    """

    endpoint_name: str | None


REQUEST_OPTIONS = RequestOptions.__optional_keys__
INVOCATION_OPTIONS = InvocationOptions.__optional_keys__


def refuse_unknown(
    options: Mapping[str, object], known: Collection[str], call: Callable[..., object], *, name: str
) -> None:
    """Pass, if every option is one that there is: Python itself does not look into ``**options``.

    Args:
        options: What the caller gave by name.
        known: The options that there are.
        call: What was called; its own parameters are named in the error too.
        name: What the caller knows it by.

    Raises:
        TypeError: One is unknown; the error names what may have been meant.
    """
    for option in options:
        if option not in known:
            raise TypeError(f"{name}() got an unknown option {option!r}. {_advice(option, known, call)}")


def _advice(option: str, known: Collection[str], call: Callable[..., object]) -> str:
    own = inspect.signature(call).parameters.values()
    names = sorted({*known, *(each.name for each in own if each.kind is not each.VAR_KEYWORD)} - {"self"})
    nearest = get_close_matches(option, names, n=1)
    return f"Did you mean {nearest[0]!r}?" if nearest else f"There are: {', '.join(names)}."
