"""All that endpoints stand on, without HTTP, on a clock that the test moves by hand."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.control import ControlCalls
from aio_sm_async.emulator.endpoint import Endpoint, Surroundings
from aio_sm_async.emulator.endpoint_config import AsyncConfig, EndpointConfig
from aio_sm_async.emulator.endpoint_store import EndpointStore
from aio_sm_async.emulator.invocation import Invocation
from aio_sm_async.emulator.invoke_request import parse_invoke_request
from aio_sm_async.emulator.model import Model, echo
from aio_sm_async.emulator.notifier import Notifier
from aio_sm_async.emulator.object_store import ObjectStore
from aio_sm_async.emulator.runtime import RuntimeCalls
from aio_sm_async.emulator.sagemaker import SageMakerService
from aio_sm_async.emulator.schedule import Schedule
from aio_sm_async.emulator.service import Call, Reply, ServiceFault
from aio_sm_async.emulator.trouble import Trouble

ACCOUNT = "000000000000"
REGION = "us-east-1"
SUCCESS = f"arn:aws:sns:{REGION}:{ACCOUNT}:success"
ERROR = f"arn:aws:sns:{REGION}:{ACCOUNT}:error"


class Inbox:
    """Stands where SNS stands, and keeps what was published."""

    def __init__(self) -> None:
        self.topics = {SUCCESS, ERROR}
        self.published: list[tuple[str, str]] = []

    def publish(self, topic_arn: str, message: str) -> str:
        if topic_arn not in self.topics:
            raise ServiceFault("NotFound", "Topic does not exist", 404)
        self.published.append((topic_arn, message))
        return f"message-{len(self.published)}"

    def results(self) -> list[dict[str, object]]:
        """What was published about inferences."""
        messages = [json.loads(message) for _, message in self.published]
        return [each for each in messages if each["eventName"] == "InferenceResult"]

    def ids(self) -> list[object]:
        """The inference ids, in the order in which they were told."""
        return [each["inferenceId"] for each in self.results()]


class Stage:
    """The parts, and short ways to use them."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.clock = VirtualClock()
        self.inbox = Inbox()
        self.objects = ObjectStore(self.clock)
        self.objects.create_bucket("bucket")
        self.schedule = Schedule(self.clock)
        self.trouble = Trouble(clock=self.clock)
        self.notifier = Notifier(self.inbox, trouble=self.trouble, schedule=self.schedule)
        numbers = itertools.count(1)
        self.endpoints = EndpointStore(
            Surroundings(
                account_id=ACCOUNT,
                region=REGION,
                clock=self.clock,
                schedule=self.schedule,
                objects=self.objects,
                notifier=self.notifier,
                threads=threads,
                new_id=lambda: f"uuid-{next(numbers)}",
            )
        )
        self.service = SageMakerService(
            RuntimeCalls(self.endpoints, trouble=self.trouble, schedule=self.schedule),
            ControlCalls(self.endpoints, self.clock),
        )

    def endpoint(
        self,
        model: Model = echo,
        *,
        name: str = "digits",
        instances: int = 1,
        output_path: str | None = "s3://bucket/out",
        failure_path: str | None = None,
        success_topic: str | None = SUCCESS,
        error_topic: str | None = ERROR,
        include_response_in: frozenset[str] = frozenset(),
        concurrency: int = 4,
    ) -> Endpoint:
        """An endpoint of that name with that model."""
        config = AsyncConfig(
            output_path=output_path,
            failure_path=failure_path,
            success_topic=success_topic,
            error_topic=error_topic,
            include_response_in=include_response_in,
            max_concurrent_invocations_per_instance=concurrency,
        )
        self.endpoints.register_model(name, model)
        self.endpoints.create_config(EndpointConfig(name, name, config, initial_instance_count=instances))
        return self.endpoints.create(name, name)

    async def ask(self, call: Call) -> Reply:
        """What the service answers, errors rendered."""
        try:
            return await self.service.answer(call)
        except ServiceFault as fault:
            return self.service.render(fault)


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """A stage that leaves nothing behind."""
    with ThreadPoolExecutor() as threads:
        stage = Stage(threads)
        yield stage
        await stage.endpoints.aclose()
        await stage.schedule.aclose()


def submit(endpoint: Endpoint, body: bytes = b"payload", **headers: str) -> Invocation:
    """Queue a request; ``inference_id="x"`` is its header ``inference-id``."""
    sent = {f"x-amzn-sagemaker-{name.replace('_', '-')}": value for name, value in headers.items()}
    return endpoint.accept_nowait(parse_invoke_request(endpoint.name, sent, body), body)


def invoke_call(name: str = "digits", body: bytes = b"payload", **headers: str) -> Call:
    """An InvokeEndpointAsync call as the server hands it on."""
    sent = {f"x-amzn-sagemaker-{key.replace('_', '-')}": value for key, value in headers.items()}
    return runtime_call(f"/endpoints/{name}/async-invocations", body, sent)


def runtime_call(path: str, body: bytes = b"", headers: dict[str, str] | None = None, **other: str) -> Call:
    """Any call to the runtime."""
    return Call(
        method=other.get("method", "POST"),
        path=path,
        query={},
        headers=headers or {},
        body=body,
        region=other.get("region", REGION),
        access_key_id="AKIA",
        base_url="http://127.0.0.1:1",
    )


def control_call(operation: str, body: bytes | dict[str, object] = b"") -> Call:
    """A call to the control plane."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return runtime_call("/", sent, {"x-amz-target": f"SageMaker.{operation}"})


async def until(condition: Callable[[], bool], turn: Callable[[], Awaitable[object]]) -> None:
    """Let the loop turn until the condition holds."""
    for _ in range(1000):
        if condition():
            return
        await turn()
    raise AssertionError("it never came to hold")
