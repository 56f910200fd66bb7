"""What SageMaker says of an endpoint's outputs."""

from __future__ import annotations

import json

import pytest

from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    AsyncInferenceError,
    ConfigurationError,
    ValidationError,
)
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.output_paths import OutputPaths
from aio_sm_async.wire.control import ControlPlane
from aio_sm_async.wire.session import AwsSession
from tests.wire.conftest import NewBoto, NewWire
from tests.wire.servers import Server, always, in_turn, reply

CONFIG = {"OutputConfig": {"S3OutputPath": "s3://b/out", "S3FailurePath": "s3://b/bad/"}}


def described(**members: object) -> bytes:
    return json.dumps({"EndpointName": "e", **members}).encode()


async def ask(new_wire: NewWire, server: Server) -> OutputPaths:
    wire = await new_wire(server.url)
    return await ControlPlane(wire.calls, wire.session).output_paths("e")


async def test_one_question_may_do(new_wire: NewWire) -> None:
    """DescribeEndpoint, signed for sagemaker, tells the paths where it tells the configuration."""
    async with Server(always(200, described(AsyncInferenceConfig=CONFIG))) as server:
        paths = await ask(new_wire, server)
    (request,) = server.requests

    assert OutputPaths(S3Location("b", "out"), S3Location("b", "bad/")) == paths
    assert ("POST", "/", ("eu-west-1", "sagemaker")) == (request.method, request.target, request.signed_for)
    assert "SageMaker.DescribeEndpoint" == request.headers["x-amz-target"]
    assert "application/x-amz-json-1.1" == request.headers["content-type"]
    assert {"EndpointName": "e"} == json.loads(request.body)


async def test_its_configuration_is_asked_else(new_wire: NewWire) -> None:
    """Where DescribeEndpoint leaves it out, DescribeEndpointConfig tells."""
    config = json.dumps({"AsyncInferenceConfig": {"OutputConfig": {}}}).encode()
    async with Server(in_turn(reply(200, described(EndpointConfigName="c")), reply(200, config))) as server:
        paths = await ask(new_wire, server)

    assert OutputPaths(None, None) == paths
    assert {"EndpointConfigName": "c"} == json.loads(server.requests[1].body)


@pytest.mark.parametrize("members", [{}, {"EndpointConfigName": "c"}])
async def test_endpoint_that_is_not_asynchronous(new_wire: NewWire, members: dict[str, object]) -> None:
    """An endpoint without AsyncInferenceConfig writes nowhere, and the error says why."""
    async with Server(always(200, described(**members))) as server:
        with pytest.raises(ConfigurationError, match="e is no asynchronous endpoint"):
            await ask(new_wire, server)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(400, "AccessDeniedException", AccessDeniedError), (400, "ValidationException", ValidationError)],
)
async def test_refusal(new_wire: NewWire, status: int, code: str, error: type[AsyncInferenceError]) -> None:
    """What SageMaker refuses comes in our own classes."""
    body = json.dumps({"__type": code, "message": "no"}).encode()
    async with Server(always(status, body)) as server:
        with pytest.raises(error):
            await ask(new_wire, server)


async def test_answer_of_somebody_else(new_wire: NewWire) -> None:
    """What is no JSON did not come from SageMaker, and may pass."""
    async with Server(always(200, b"<html>")) as server:
        with pytest.raises(AmbiguousError, match="proxy"):
            await ask(new_wire, server)


async def test_path_that_is_none(new_wire: NewWire) -> None:
    """A path that this package cannot read names the endpoint."""
    config = {"OutputConfig": {"S3OutputPath": "ftp://b/out"}}
    async with Server(always(200, described(AsyncInferenceConfig=config))) as server:
        with pytest.raises(ConfigurationError, match="e is configured to write to no place in S3"):
            await ask(new_wire, server)


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-west-1", "https://api.sagemaker.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://api.sagemaker.cn-north-1.amazonaws.com.cn"),
    ],
)
async def test_host_is_botocores(new_boto: NewBoto, region: str, url: str) -> None:
    """The control plane has a host of its own, and its model is not read in the event loop."""
    session = AwsSession(new_boto(), region_name=region)
    await session.open()

    assert url == await session.service_url("sagemaker")
    await session.aclose()
