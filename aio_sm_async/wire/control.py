"""SageMaker's control plane: the few questions that the data plane leaves open.

They are asked over connections of our own, like all other calls: in the client's own time, through its
proxies, and counted. Their host is botocore's to name, as ever.
"""

from __future__ import annotations

import json

from aio_sm_async.errors import AmbiguousError, ConfigurationError
from aio_sm_async.protocol.location import S3Location, parse_location
from aio_sm_async.protocol.output_paths import OutputPaths
from aio_sm_async.wire.call import SignedCalls
from aio_sm_async.wire.session import AwsSession
from aio_sm_async.wire.transport import Response

JsonObject = dict[str, object]


class ControlPlane:
    """The endpoints of the session's region, as they are configured."""

    def __init__(self, calls: SignedCalls, session: AwsSession) -> None:
        self._calls = calls
        self._session = session

    async def output_paths(self, endpoint_name: str) -> OutputPaths:
        """Where the endpoint writes: what DescribeEndpoint says, or else its configuration.

        Raises:
            ConfigurationError: It is no asynchronous endpoint.
            AccessDeniedError: The caller may not ask.
            ValidationError: There is no such endpoint.
            AsyncInferenceError: SageMaker could not be asked, or answered with an error.
        """
        endpoint = await self._describe("Endpoint", endpoint_name)
        config = endpoint.get("AsyncInferenceConfig")
        if config is None:
            name = endpoint.get("EndpointConfigName")
            if isinstance(name, str):
                config = (await self._describe("EndpointConfig", name)).get("AsyncInferenceConfig")
        if config is None:
            raise ConfigurationError(
                f"{endpoint_name} is no asynchronous endpoint: its configuration has no AsyncInferenceConfig."
            )
        output = _object(_object(config).get("OutputConfig"))
        return OutputPaths(
            _path(endpoint_name, output.get("S3OutputPath")),
            _path(endpoint_name, output.get("S3FailurePath")),
        )

    async def _describe(self, kind: str, name: str) -> JsonObject:
        operation = f"Describe{kind}"
        region = self._session.region
        response = await self._calls.send(
            operation,
            "sagemaker",
            region,
            "POST",
            await self._session.service_url("sagemaker") + "/",
            headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"},
            body=json.dumps({f"{kind}Name": name}).encode(),
        )
        if response.status >= 300:
            raise self._calls.failure(operation, response, region)
        return _read(operation, response)


def _read(operation: str, response: Response) -> JsonObject:
    try:
        return _object(json.loads(response.body))
    except (ValueError, RecursionError):
        raise AmbiguousError(
            f"{operation} answered HTTP {response.status}, and what is not SageMaker's JSON. Try again, and "
            "look for a proxy that answers in SageMaker's place."
        ) from None


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _path(endpoint_name: str, value: object) -> S3Location | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        return parse_location(value)
    except ValueError as error:
        raise ConfigurationError(
            f"{endpoint_name} is configured to write to no place in S3: {error}"
        ) from None
