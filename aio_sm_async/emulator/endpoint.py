"""One asynchronous endpoint: a queue, workers as its instances carry them, an account of all that passed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.conclusion import Conclusion
from aio_sm_async.emulator.container import Container
from aio_sm_async.emulator.endpoint_config import AsyncConfig, EndpointConfig
from aio_sm_async.emulator.invocation import Broke, Invocation, Outcome
from aio_sm_async.emulator.invocation_record import InvocationRecord
from aio_sm_async.emulator.invoke_request import InvokeRequest
from aio_sm_async.emulator.model import Model
from aio_sm_async.emulator.notifier import Notifier
from aio_sm_async.emulator.object_store import ObjectStore
from aio_sm_async.emulator.result_message import TEST_NOTIFICATION
from aio_sm_async.emulator.s3_uri import join_s3_path
from aio_sm_async.emulator.schedule import Schedule, Scheduled


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all endpoints of one emulator share."""

    account_id: str
    region: str
    clock: Clock
    schedule: Schedule
    objects: ObjectStore
    notifier: Notifier
    threads: Executor
    new_id: Callable[[], str]
    remembered: int | None = None


class Endpoint:
    """Takes requests at once, and answers them in whatever order they get done.

    Attributes:
        name: ``EndpointName``.
        config: The configuration in force.
        instances: How many instances it has; 0 leaves everything in the queue.
        invocations: The record of each request that was accepted, in order of acceptance; of the latest
            only, where the emulator was told to forget the others.
        queue_url: The queue that the emulator subscribed to its topics; None if it made none.
        created_time: When it was made, UTC.
        modified_time: When its configuration or capacity last changed, UTC.
    """

    def __init__(self, name: str, config: EndpointConfig, model: Model, surroundings: Surroundings) -> None:
        self.name = name
        self.config = config
        self.instances = config.initial_instance_count
        self._record = InvocationRecord(surroundings.objects, surroundings.remembered)
        self.invocations: list[Invocation] = self._record.invocations
        self.queue_url: str | None = None
        self.created_time: datetime = surroundings.clock.utc_now()
        self.modified_time = self.created_time
        self._around = surroundings
        self._container = self._container_for(model)
        self._conclusion = Conclusion(
            surroundings.objects, surroundings.notifier, clock=surroundings.clock, region=surroundings.region
        )
        # Ordered by arrival; keyed, so that what expires can leave from the middle.
        self._queue: OrderedDict[Invocation, Scheduled] = OrderedDict()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def __repr__(self) -> str:
        return (
            f"<Endpoint {self.name} {self.instances} instances, "
            f"{self.backlog} queued, {self.in_progress} in progress, {len(self.invocations)} accepted>"
        )

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:sagemaker:{self._around.region}:{self._around.account_id}:endpoint/{self.name}"

    @property
    def output_path(self) -> str | None:
        """``S3OutputPath``."""
        return self._async_config.output_path

    @property
    def failure_path(self) -> str | None:
        """``S3FailurePath``."""
        return self._async_config.failure_path

    @property
    def success_topic_arn(self) -> str | None:
        """``SuccessTopic``."""
        return self._async_config.success_topic

    @property
    def error_topic_arn(self) -> str | None:
        """``ErrorTopic``."""
        return self._async_config.error_topic

    @property
    def capacity(self) -> int:
        """How many requests it works on at once."""
        return self.instances * self._async_config.max_concurrent_invocations_per_instance

    @property
    def backlog(self) -> int:
        """How many requests wait in its queue."""
        return len(self._queue)

    @property
    def in_progress(self) -> int:
        """How many requests its model is working on."""
        return len(self._workers)

    def runs_of(self, inference_id: str) -> list[Invocation]:
        """The records of one inference id: none, one, or more where it was sent more than once."""
        return self._record.runs_of(inference_id)

    def accept_nowait(self, request: InvokeRequest, body: bytes) -> Invocation:
        """Queue a checked request, and start on it if there is capacity."""
        config, new_id = self._async_config, self._around.new_id
        now = self._around.clock.monotonic()
        invocation = Invocation(
            inference_id=request.inference_id or new_id(),
            request=request,
            accepted_time=self._around.clock.utc_now(),
            accepted_at=now,
            body=body,
        )
        if config.output_path is not None:
            name = request.filename or f"{new_id()}.out"
            invocation.output_location = join_s3_path(
                config.output_path, request.output_path_extension or "", name
            )
        if config.failure_path is not None:
            invocation.failure_location = join_s3_path(config.failure_path, f"{new_id()}-error.out")
        self._record.add(invocation)
        self._queue[invocation] = self._around.schedule.at(
            now + request.ttl_seconds, lambda: self._expire(invocation)
        )
        self._idle.clear()
        self._start_work()
        return invocation

    def set_instances(self, instances: int) -> None:
        """Scale. What is in progress is finished; with 0, the rest waits until its TTL is over."""
        if instances < 0:
            raise ValueError(f"an endpoint cannot have {instances} instances")
        self.instances = instances
        self.modified_time = self._around.clock.utc_now()
        self._start_work()

    def reconfigure(self, config: EndpointConfig, model: Model) -> None:
        """Put another configuration and model into force; what was queued before stays queued."""
        self.config = config
        self._container = self._container_for(model)
        self.set_instances(config.initial_instance_count)

    def announce(self) -> None:
        """Publish SageMaker's test notification to each topic.

        Raises:
            ServiceFault: A topic does not take it.
        """
        for topic in (self.success_topic_arn, self.error_topic_arn):
            if topic is not None:
                self._around.notifier.announce(topic, TEST_NOTIFICATION)

    async def wait_idle(self) -> None:
        """Return once nothing is queued or in progress."""
        await self._idle.wait()

    async def aclose(self) -> None:
        """Drop the queue, and cancel what is in progress: no object, no notification."""
        for expiry in self._queue.values():
            expiry.cancel()
        self._queue.clear()
        workers = tuple(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._idle.set()

    @property
    def _async_config(self) -> AsyncConfig:
        return self.config.async_config

    def _container_for(self, model: Model) -> Container:
        around = self._around
        return Container(model, objects=around.objects, schedule=around.schedule, threads=around.threads)

    def _start_work(self) -> None:
        while self._queue and len(self._workers) < self.capacity:
            worker = asyncio.get_running_loop().create_task(self._work(self._next()))
            self._workers.add(worker)
            worker.add_done_callback(self._worker_ended)

    async def _work(self, invocation: Invocation) -> None:
        """Process one request, then the next ones as long as there is capacity for this worker."""
        await self._process(invocation)
        while self._queue and len(self._workers) <= self.capacity:
            await self._process(self._next())

    async def _process(self, invocation: Invocation) -> None:
        invocation.status = "InProgress"
        outcome = await self._container.run(invocation)
        self._conclude(invocation, outcome)

    def _conclude(self, invocation: Invocation, outcome: Outcome) -> None:
        self._conclusion.conclude(invocation, outcome, self._async_config)
        self._record.ended(invocation)

    def _next(self) -> Invocation:
        invocation, expiry = self._queue.popitem(last=False)
        expiry.cancel()
        return invocation

    def _expire(self, invocation: Invocation) -> None:
        del self._queue[invocation]
        seconds = invocation.request.ttl_seconds
        outcome = Broke(
            f"ClientError: The request expired: it was queued for {seconds} seconds.", expired=True
        )
        self._conclude(invocation, outcome)
        self._tell_idle()

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._start_work()
        self._tell_idle()

    def _tell_idle(self) -> None:
        if not self._queue and not self._workers:
            self._idle.set()
