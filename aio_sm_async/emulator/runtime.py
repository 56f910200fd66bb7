"""SageMaker's runtime: InvokeEndpointAsync, and the refusal of everything else."""

from __future__ import annotations

import asyncio
import json
import re
from typing import assert_never

from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.endpoint_store import EndpointStore
from aio_sm_async.emulator.invocation import Invocation
from aio_sm_async.emulator.invoke_request import parse_invoke_request
from aio_sm_async.emulator.rule import AnswerFault
from aio_sm_async.emulator.schedule import Schedule
from aio_sm_async.emulator.service import Call, Reply, ServiceFault
from aio_sm_async.emulator.trouble import Trouble

_COMPACT = json.JSONEncoder(separators=(",", ":"))
_PATH = re.compile(r"/endpoints/(?P<name>[^/]*)/(?P<verb>[a-z-]+)")
_OPERATIONS = {
    "async-invocations": "InvokeEndpointAsync",
    "invocations": "InvokeEndpoint",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}


class RuntimeCalls:
    """Answers the calls of the ``sagemaker-runtime`` client."""

    def __init__(self, endpoints: EndpointStore, *, trouble: Trouble, schedule: Schedule) -> None:
        self._endpoints = endpoints
        self._trouble = trouble
        self._schedule = schedule

    def operation(self, call: Call) -> str:
        """The AWS operation that method and path ask for."""
        matched = _PATH.fullmatch(call.path)
        if matched is None or call.method != "POST":
            return "Unknown"
        return _OPERATIONS.get(matched["verb"], "Unknown")

    async def answer(self, call: Call) -> Reply:
        """Queue an asynchronous invocation, and answer 202.

        Raises:
            ServiceFault: The request is wrong, or a synchronous one.
        """
        operation = self.operation(call)
        matched = _PATH.fullmatch(call.path)
        if operation == "Unknown" or matched is None:
            raise ServiceFault(
                "UnknownOperationException", f"No operation at {call.method} {call.path}.", 404
            )
        if operation != "InvokeEndpointAsync":
            endpoint = self._endpoint(matched["name"], call)
            raise ServiceFault(
                "ValidationError", f"Endpoint {endpoint.name} can only receive asynchronous invocations."
            )
        request = parse_invoke_request(matched["name"], call.headers, call.body)
        endpoint = self._endpoint(request.endpoint_name, call)
        invocation = endpoint.accept_nowait(request, call.body)
        fault = self._trouble.on_answer(operation, call)
        if fault is not None:
            await self._suffer(fault, invocation)
        return _accepted(invocation)

    def _endpoint(self, name: str, call: Call) -> Endpoint:
        endpoint = self._endpoints.find(name, call.region)
        if endpoint is None:
            account = self._endpoints.account_id
            raise ServiceFault("ValidationError", f"Endpoint {name} of account {account} not found.")
        return endpoint

    async def _suffer(self, fault: AnswerFault, invocation: Invocation) -> None:
        match fault.kind:
            case "error":
                raise ServiceFault(fault.code, fault.message, fault.status)
            case "slow":
                await self._wait(asyncio.get_running_loop().create_future(), fault.seconds)
            case "early":
                await self._wait(invocation.when_told(), fault.seconds)
            case _:
                assert_never(fault.kind)

    async def _wait(self, happened: asyncio.Future[None], at_most_seconds: float) -> None:
        """Return once it has happened, and at the latest after so many seconds."""
        given_up = asyncio.get_running_loop().create_future()
        end = self._schedule.after(at_most_seconds, lambda: given_up.set_result(None))
        try:
            await asyncio.wait({happened, given_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()


def _accepted(invocation: Invocation) -> Reply:
    headers = {"Content-Type": "application/json"}
    if invocation.output_location is not None:
        headers["X-Amzn-SageMaker-OutputLocation"] = invocation.output_location
    if invocation.failure_location is not None:
        headers["X-Amzn-SageMaker-FailureLocation"] = invocation.failure_location
    return Reply(202, _COMPACT.encode({"InferenceId": invocation.inference_id}).encode(), headers)
