"""What may stand behind an endpoint, and where it runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable

import pytest

from aio_sm_async.emulator.model import Answer, ModelRequest, ModelResponse, to_response
from tests.emulator.stage import open_stage, submit


@pytest.mark.parametrize(
    ("answer", "body", "content_type"),
    [
        (b"\x00", b"\x00", "application/octet-stream"),
        ("é", "é".encode(), "text/plain; charset=utf-8"),
        ({"a": [1]}, b'{"a":[1]}', "application/json"),
        ([1.5], b"[1.5]", "application/json"),
        (7, b"7", "application/json"),
        (None, b"null", "application/json"),
        (ModelResponse(b"x", "a/b"), b"x", "a/b"),
    ],
)
def test_an_answer_is_bytes_text_or_json(answer: Answer, body: bytes, content_type: str) -> None:
    """Each kind has its own Content-Type; a ModelResponse says its own."""
    assert to_response(answer) == ModelResponse(body, content_type)


def test_a_bytearray_is_as_good_as_bytes() -> None:
    """It is copied, so that the model may go on using it."""
    answer = bytearray(b"x")
    response = to_response(answer)
    answer[:] = b"y"

    assert response.body == b"x"


def test_a_request_reads_as_text_and_json() -> None:
    """The two ways in which most models read."""
    request = ModelRequest(b'{"a":1}')

    assert request.text == '{"a":1}'
    assert request.json() == {"a": 1}


async def test_a_plain_function_runs_in_a_thread() -> None:
    """It may block without holding up the emulator."""
    async with open_stage() as stage:
        names: list[str] = []
        release = threading.Event()

        def model(_request: ModelRequest) -> str:
            names.append(threading.current_thread().name)
            release.wait(5)
            return "done"

        endpoint = stage.endpoint(model)
        invocation = submit(endpoint)
        for _ in range(3):
            await asyncio.sleep(0)  # the loop goes on meanwhile
        release.set()
        await endpoint.wait_idle()

        assert invocation.status == "Completed"
        assert names != [threading.main_thread().name]


async def test_an_object_with_an_async_call_runs_on_the_loop() -> None:
    """As an ``async def`` does."""

    class Model:
        thread = ""

        async def __call__(self, request: ModelRequest) -> bytes:
            self.thread = threading.current_thread().name
            return request.body

    async with open_stage() as stage:
        model = Model()
        endpoint = stage.endpoint(model)
        submit(endpoint)
        await endpoint.wait_idle()

        assert model.thread == threading.main_thread().name


async def test_a_function_may_return_an_awaitable() -> None:
    """A lambda around a coroutine function is called in a thread and awaited on the loop."""

    async def inner(request: ModelRequest) -> str:
        return request.text.upper()

    def model(request: ModelRequest) -> Awaitable[str]:
        return inner(request)

    async with open_stage() as stage:
        endpoint = stage.endpoint(model)
        submit(endpoint, b"hi", filename="x")
        await endpoint.wait_idle()
        stored = stage.objects.get("bucket", "out/x")

        assert stored is not None
        assert stored.body == b"HI"


async def test_an_answer_that_is_no_json_fails_as_the_models_own_error() -> None:
    """The reason in the failure object is Python's."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(lambda _request: [object()], failure_path="s3://bucket/bad")
        invocation = submit(endpoint)
        await endpoint.wait_idle()

        assert invocation.status == "Failed"
        assert b"not JSON serializable" in stage.objects.get("bucket", "bad/uuid-3-error.out").body  # type: ignore[union-attr]
