"""SageMaker as one service: runtime and control plane share a signing name, and part by ``X-Amz-Target``."""

from __future__ import annotations

import json

from aio_sm_async.emulator.control import ControlCalls
from aio_sm_async.emulator.runtime import RuntimeCalls
from aio_sm_async.emulator.service import Call, Reply, ServiceFault

_RUNTIME_CODES = frozenset({"ValidationError", "InternalFailure", "ServiceUnavailable"})


class SageMakerService:
    """Hands each call to the plane that it is for."""

    signing_name = "sagemaker"

    def __init__(self, runtime: RuntimeCalls, control: ControlCalls) -> None:
        self._runtime = runtime
        self._control = control

    def operation(self, call: Call) -> str:
        """The AWS operation that the call asks for."""
        return self._plane(call).operation(call)

    async def answer(self, call: Call) -> Reply:
        """Do what the call asks.

        Raises:
            ServiceFault: It cannot be done.
        """
        return await self._plane(call).answer(call)

    def render(self, fault: ServiceFault) -> Reply:
        """The fault in the runtime's form for the errors that its model knows, else in the one of JSON 1.1.

        Both tell the code in a header, where the runtime's clients look for it.
        """
        if fault.code in _RUNTIME_CODES:
            content_type, body = "application/json", {"Message": fault.message}
        else:
            content_type = "application/x-amz-json-1.1"
            body = {"__type": fault.code, "message": fault.message}
        headers = {"Content-Type": content_type, "x-amzn-ErrorType": fault.code}
        return Reply(fault.status, json.dumps(body).encode(), headers)

    def _plane(self, call: Call) -> RuntimeCalls | ControlCalls:
        return self._control if "x-amz-target" in call.headers else self._runtime
