"""What answers for a service that is not emulated: a refusal in the plainest of AWS's protocols."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aio_sm_async.emulator.service import Call, Reply, ServiceFault


@dataclass(slots=True)
class PlainService:
    """Refuses every call, and words the refusals of requests that name no service.

    Attributes:
        signing_name: The service that the caller meant.
    """

    signing_name: str

    def operation(self, call: Call) -> str:  # noqa: ARG002 - the Service protocol's
        """No operation is known."""
        return "Unknown"

    async def answer(self, call: Call) -> Reply:  # noqa: ARG002 - the Service protocol's
        """Refuse."""
        raise ServiceFault("UnknownOperationException", f"The emulator has no service {self.signing_name!r}.")

    def render(self, fault: ServiceFault) -> Reply:
        """The fault as AWS's JSON protocols write it."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": fault.code}
        body = json.dumps({"__type": fault.code, "message": fault.message})
        return Reply(fault.status, body.encode(), headers)
