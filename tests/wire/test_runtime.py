"""InvokeEndpointAsync."""

from __future__ import annotations

import pytest

from aio_sm_async.errors import AmbiguousError, ThrottledError, ValidationError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.request import Acceptance, InvocationRequest
from aio_sm_async.wire.runtime import Runtime
from tests.wire.conftest import NewWire
from tests.wire.servers import Answer, Server, always

REQUEST = InvocationRequest("my-endpoint", body=b"{}", content_type="application/json", inference_id="id-1")


async def _invoke(new_wire: NewWire, server: Server) -> Acceptance:
    wire = await new_wire(server.url)
    return await Runtime(wire.calls, wire.session).invoke(REQUEST, timeout_seconds=5)


@pytest.mark.parametrize("status", [202, 200])
async def test_an_accepted_request_names_its_locations(new_wire: NewWire, status: int) -> None:
    """One POST, signed for sagemaker; the 200 is what some stand-ins answer."""
    headers = {"X-Amzn-SageMaker-OutputLocation": "s3://b/out/k.out"}
    async with Server(always(status, b'{"InferenceId": "id-1"}', headers)) as server:
        acceptance = await _invoke(new_wire, server)
    (request,) = server.requests

    assert acceptance == Acceptance("id-1", S3Location("b", "out/k.out"), None)
    assert (request.method, request.target) == ("POST", "/endpoints/my-endpoint/async-invocations")
    assert (request.signed_for, request.body) == (("eu-west-1", "sagemaker"), b"{}")
    assert request.headers["x-amzn-sagemaker-inference-id"] == "id-1"
    assert "content-type" not in request.headers


@pytest.mark.parametrize("answer", [always(202, b"<html>"), always(204), always(202, b"{}")])
async def test_a_success_that_cannot_be_read_is_ambiguous(new_wire: NewWire, answer: Answer) -> None:
    """It may have been accepted."""
    async with Server(answer) as server:
        with pytest.raises(AmbiguousError):
            await _invoke(new_wire, server)


async def test_a_refusal_is_told(new_wire: NewWire) -> None:
    """With the region in its remedy, and nothing sent again."""
    refusal = b'{"Message": "Endpoint my-endpoint of account 1 not found."}'
    async with Server(always(400, refusal, {"x-amzn-ErrorType": "ValidationError"})) as server:
        with pytest.raises(ValidationError, match="no endpoint my-endpoint in eu-west-1"):
            await _invoke(new_wire, server)

    assert len(server.requests) == 1


async def test_throttling_is_told(new_wire: NewWire) -> None:
    """Whether to try again is not decided here."""
    async with Server(always(400, b"{}", {"x-amzn-ErrorType": "ThrottlingException"})) as server:
        with pytest.raises(ThrottledError):
            await _invoke(new_wire, server)

    assert len(server.requests) == 1
