"""The model behind an endpoint: any function from a request to an answer."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

DEFAULT_CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What the container would be sent.

    Attributes:
        body: The payload, inline or read from S3.
        content_type: As the caller told it; else as the input object tells it.
        accept: The MIME type that the caller wished for.
        custom_attributes: The caller's, verbatim.
        inference_id: The invocation's id.
        endpoint_name: Where it was sent.
    """

    body: bytes
    content_type: str = DEFAULT_CONTENT_TYPE
    accept: str | None = None
    custom_attributes: str | None = None
    inference_id: str = ""
    endpoint_name: str = ""

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode()

    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """What the container answers, with HTTP status 200."""

    body: bytes
    content_type: str = DEFAULT_CONTENT_TYPE


class ModelError(Exception):
    """Raise it in a model to answer with an error of your own.

    Attributes:
        status: The container's HTTP status; 0 is a container that gave no answer at all.
        body: The container's answer, verbatim.
        content_type: The answer's type.
    """

    def __init__(
        self, status: int = 500, body: bytes | str = b"", *, content_type: str = "application/json"
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.content_type = content_type


Answer = ModelResponse | bytes | str | Mapping[str, object] | Sequence[object] | float | None
"""What a model may answer: bytes and text as they are, all else as JSON."""

Model = Callable[[ModelRequest], Answer | Awaitable[Answer]]
"""An ``async def`` runs on the emulator's loop; any other callable runs in a thread."""


async def echo(request: ModelRequest) -> ModelResponse:
    """Answer with the request's own body: the model of every endpoint that was given none."""
    return ModelResponse(request.body, request.content_type)


def is_async(model: Model) -> TypeGuard[Callable[[ModelRequest], Awaitable[Answer]]]:
    """Whether a call of the model only makes an awaitable, and so may be made on the loop."""
    return inspect.iscoroutinefunction(model) or inspect.iscoroutinefunction(type(model).__call__)


def to_response(answer: Answer) -> ModelResponse:
    """The response that an answer stands for.

    Raises:
        TypeError: It is neither bytes nor text, and JSON cannot write it.
    """
    if isinstance(answer, ModelResponse):
        return answer
    if isinstance(answer, bytes | bytearray):
        return ModelResponse(bytes(answer))
    if isinstance(answer, str):
        return ModelResponse(answer.encode(), "text/plain; charset=utf-8")
    return ModelResponse(json.dumps(answer, separators=(",", ":")).encode(), "application/json")


def error_from(exc: Exception) -> ModelError:
    """The error answer of a container whose model raised ``exc``, in the model server's own JSON."""
    if isinstance(exc, ModelError):
        return exc
    words = {"code": 500, "type": "InternalServerException", "message": f"{type(exc).__name__}: {exc}"}
    return ModelError(500, json.dumps(words))
