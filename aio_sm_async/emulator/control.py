"""SageMaker's control plane, as far as asynchronous endpoints need it: JSON in and out, by target header."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime

from aio_sm_async.emulator.async_config_json import read_async_config, write_async_config
from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.endpoint_config import EndpointConfig
from aio_sm_async.emulator.endpoint_store import EndpointStore
from aio_sm_async.emulator.json_value import JsonObject
from aio_sm_async.emulator.service import Call, Reply, ServiceFault
from aio_sm_async.emulator.structure import Structure

TARGET_PREFIX = "SageMaker."
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


class ControlCalls:
    """Answers the calls of the ``sagemaker`` client."""

    def __init__(self, endpoints: EndpointStore, clock: Clock) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._handlers: dict[str, Callable[[Structure], Awaitable[JsonObject]]] = {
            "CreateModel": self._create_model,
            "DescribeModel": self._describe_model,
            "DeleteModel": self._delete_model,
            "CreateEndpointConfig": self._create_config,
            "DescribeEndpointConfig": self._describe_config,
            "DeleteEndpointConfig": self._delete_config,
            "CreateEndpoint": self._create_endpoint,
            "UpdateEndpoint": self._update_endpoint,
            "UpdateEndpointWeightsAndCapacities": self._scale_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "ListEndpoints": self._list_endpoints,
            "DeleteEndpoint": self._delete_endpoint,
        }

    def operation(self, call: Call) -> str:
        """The AWS operation that the target names."""
        name = call.headers.get("x-amz-target", "").removeprefix(TARGET_PREFIX)
        return name if name in self._handlers else "Unknown"

    async def answer(self, call: Call) -> Reply:
        """Do what the call asks.

        Raises:
            ServiceFault: It cannot be done.
        """
        handler = self._handlers.get(self.operation(call))
        if handler is None:
            target = call.headers.get("x-amz-target", "")
            raise ServiceFault("UnknownOperationException", f"The emulator has no operation {target}.")
        body = await handler(Structure.parse(call.body))
        return Reply(200, json.dumps(body).encode(), {"Content-Type": "application/x-amz-json-1.1"})

    async def _create_model(self, request: Structure) -> JsonObject:
        name = _name(request, "ModelName")
        container = request.structure("PrimaryContainer")
        self._endpoints.create_model(
            name,
            image=container.optional_text("Image") if container else None,
            role_arn=request.optional_text("ExecutionRoleArn"),
        )
        return {"ModelArn": self._endpoints.arn("model", name)}

    async def _describe_model(self, request: Structure) -> JsonObject:
        model = self._endpoints.model(request.text("ModelName"))
        described: JsonObject = {
            "ModelName": model.name,
            "ModelArn": self._endpoints.arn("model", model.name),
            "CreationTime": _time(model.created_time),
        }
        if model.image is not None:
            described["PrimaryContainer"] = {"Image": model.image}
        if model.role_arn is not None:
            described["ExecutionRoleArn"] = model.role_arn
        return described

    async def _delete_model(self, request: Structure) -> JsonObject:
        self._endpoints.delete_model(request.text("ModelName"))
        return {}

    async def _create_config(self, request: Structure) -> JsonObject:
        name = _name(request, "EndpointConfigName")
        variants = request.structures("ProductionVariants")
        if len(variants) > 1:
            raise ServiceFault("ValidationException", "An asynchronous endpoint has one production variant.")
        asynchronous = request.structure("AsyncInferenceConfig")
        if asynchronous is None:
            raise ServiceFault(
                "ValidationException",
                "The emulator has asynchronous endpoints only: give AsyncInferenceConfig.",
            )
        self._endpoints.create_config(
            EndpointConfig(
                name=name,
                model_name=variants[0].text("ModelName"),
                async_config=read_async_config(asynchronous),
                variant_name=variants[0].text("VariantName"),
                instance_type=variants[0].optional_text("InstanceType") or "ml.m5.large",
                initial_instance_count=variants[0].integer("InitialInstanceCount", 1),
                created_time=self._clock.utc_now(),
            )
        )
        return {"EndpointConfigArn": self._endpoints.arn("endpoint-config", name)}

    async def _describe_config(self, request: Structure) -> JsonObject:
        config = self._endpoints.config(request.text("EndpointConfigName"))
        variant: JsonObject = {
            "VariantName": config.variant_name,
            "ModelName": config.model_name,
            "InitialInstanceCount": config.initial_instance_count,
            "InstanceType": config.instance_type,
            "InitialVariantWeight": 1.0,
        }
        return {
            "EndpointConfigName": config.name,
            "EndpointConfigArn": self._endpoints.arn("endpoint-config", config.name),
            "ProductionVariants": [variant],
            "AsyncInferenceConfig": write_async_config(config.async_config),
            "CreationTime": _time(config.created_time),
        }

    async def _delete_config(self, request: Structure) -> JsonObject:
        self._endpoints.delete_config(request.text("EndpointConfigName"))
        return {}

    async def _create_endpoint(self, request: Structure) -> JsonObject:
        name = _name(request, "EndpointName")
        return {"EndpointArn": self._endpoints.create(name, request.text("EndpointConfigName")).arn}

    async def _update_endpoint(self, request: Structure) -> JsonObject:
        endpoint = self._endpoints.update(request.text("EndpointName"), request.text("EndpointConfigName"))
        return {"EndpointArn": endpoint.arn}

    async def _scale_endpoint(self, request: Structure) -> JsonObject:
        endpoint = self._endpoints.get(request.text("EndpointName"))
        desired = request.structures("DesiredWeightsAndCapacities")[0]
        if desired.text("VariantName") != endpoint.config.variant_name:
            raise ServiceFault(
                "ValidationException",
                f"Endpoint {endpoint.name} has no variant {desired.text('VariantName')}.",
            )
        instances = desired.integer("DesiredInstanceCount", endpoint.instances)
        return {"EndpointArn": self._endpoints.scale(endpoint.name, instances).arn}

    async def _describe_endpoint(self, request: Structure) -> JsonObject:
        endpoint = self._endpoints.get(request.text("EndpointName"))
        variant: JsonObject = {
            "VariantName": endpoint.config.variant_name,
            "CurrentWeight": 1.0,
            "DesiredWeight": 1.0,
            "CurrentInstanceCount": endpoint.instances,
            "DesiredInstanceCount": endpoint.instances,
        }
        return self._summary(endpoint) | {
            "EndpointConfigName": endpoint.config.name,
            "ProductionVariants": [variant],
            "AsyncInferenceConfig": write_async_config(endpoint.config.async_config),
        }

    async def _list_endpoints(self, request: Structure) -> JsonObject:
        """All of them in one page, the newest first; of the filters only NameContains is known."""
        part = request.optional_text("NameContains") or ""
        newest_first = reversed(self._endpoints.endpoints.values())
        return {"Endpoints": [self._summary(each) for each in newest_first if part in each.name]}

    async def _delete_endpoint(self, request: Structure) -> JsonObject:
        await self._endpoints.delete(request.text("EndpointName"))
        return {}

    def _summary(self, endpoint: Endpoint) -> JsonObject:
        return {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "EndpointStatus": "InService",
            "CreationTime": _time(endpoint.created_time),
            "LastModifiedTime": _time(endpoint.modified_time),
        }


def _name(request: Structure, member: str) -> str:
    name = request.text(member)
    if not _NAME.fullmatch(name) or len(name) > 63:
        raise ServiceFault(
            "ValidationException",
            f"1 validation error detected: Value '{name}' at '{member[0].lower()}{member[1:]}' failed to "
            f"satisfy constraint: Member must satisfy regular expression pattern: {_NAME.pattern}",
        )
    return name


def _time(moment: datetime) -> float:
    return round(moment.timestamp(), 3)
