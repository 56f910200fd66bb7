"""Amazon SageMaker Asynchronous Inference with S3, SQS and SNS in one process: loopback, over real HTTP.

::

    async with Emulator() as aws:
        endpoint = await aws.create_endpoint("digits", model)
        ...                                             # any client, with endpoint_url=aws.url

An island: it imports nothing else of the package, so that the client's mistakes cannot agree with themselves.
"""

from __future__ import annotations

from aio_sm_async.emulator import mishaps
from aio_sm_async.emulator.clock import Clock, SystemClock
from aio_sm_async.emulator.emulator import DEFAULT_FAILURES, DEFAULT_OUTPUT, Emulator
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.invocation import Invocation
from aio_sm_async.emulator.model import Answer, Model, ModelError, ModelRequest, ModelResponse, echo
from aio_sm_async.emulator.rule import ANY, NOTIFICATION, AnswerFault, NotificationFault, Occasion, Rule
from aio_sm_async.emulator.service import Call, ServiceFault
from aio_sm_async.emulator.trouble import Trouble

__all__ = [
    "ANY",
    "DEFAULT_FAILURES",
    "DEFAULT_OUTPUT",
    "NOTIFICATION",
    "Answer",
    "AnswerFault",
    "Call",
    "Clock",
    "Emulator",
    "Endpoint",
    "Fault",
    "Invocation",
    "Model",
    "ModelError",
    "ModelRequest",
    "ModelResponse",
    "NotificationFault",
    "Occasion",
    "Rule",
    "ServiceFault",
    "SystemClock",
    "Trouble",
    "echo",
    "mishaps",
]
