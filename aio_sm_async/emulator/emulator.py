"""The emulator as one thing to open: SageMaker, S3, SQS and SNS in this process, over real HTTP."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self
from uuid import UUID

from aio_sm_async.emulator.clock import Clock, SystemClock
from aio_sm_async.emulator.control import ControlCalls
from aio_sm_async.emulator.endpoint import Endpoint, Surroundings
from aio_sm_async.emulator.endpoint_config import ERROR_TOPIC, SUCCESS_TOPIC, AsyncConfig, EndpointConfig
from aio_sm_async.emulator.endpoint_store import EndpointStore
from aio_sm_async.emulator.model import Model
from aio_sm_async.emulator.notifier import Notifier
from aio_sm_async.emulator.object_store import ObjectStore
from aio_sm_async.emulator.objects import ObjectService
from aio_sm_async.emulator.queue import QueueService
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.runtime import RuntimeCalls
from aio_sm_async.emulator.s3_uri import parse_s3_uri
from aio_sm_async.emulator.sagemaker import SageMakerService
from aio_sm_async.emulator.schedule import Schedule
from aio_sm_async.emulator.server import Server
from aio_sm_async.emulator.service import Service, ServiceFault
from aio_sm_async.emulator.topic import TopicService
from aio_sm_async.emulator.topic_store import TopicStore
from aio_sm_async.emulator.trouble import Trouble

DEFAULT_OUTPUT = "s3://sagemaker-{region}-{account}/async-endpoint-outputs/{name}"
DEFAULT_FAILURES = "s3://sagemaker-{region}-{account}/async-endpoint-failures/{name}"

# As many threads as one instance may have invocations; they are started only as models need them.
_MAX_THREADS = 1000


class Emulator:
    """Serves the four services while it is open, and leaves nothing behind.

    Args:
        region: The only region that there is.
        account_id: The only account that there is.
        port: Where to listen on 127.0.0.1; 0 chooses a free port.
        clock: Whose time it is: of TTLs, visibility timeouts, delays.
        seed: Makes generated ids, and the trouble if none is given, the same in each run.
        trouble: What goes wrong; nothing does until rules are added to it.
        remembered: How many ended invocations each endpoint remembers, with their objects, so that it can
            run for ever; None for all.

    Attributes:
        region: The region.
        account_id: The account.
        access_key_id: Credentials that the server knows.
        secret_access_key: The same.
        trouble: Add rules here.
        objects: S3's buckets and objects.
        queues: SQS's queues.
        topics: SNS's topics.
        endpoints: SageMaker's models, endpoint configurations and endpoints.
    """

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        account_id: str = "000000000000",
        port: int = 0,
        clock: Clock | None = None,
        seed: int = 0,
        trouble: Trouble | None = None,
        remembered: int | None = None,
    ) -> None:
        if remembered is not None and remembered < 0:
            raise ValueError(f"remembered counts invocations, and is {remembered}")
        self.region = region
        self.account_id = account_id
        self.access_key_id = "AKIAEMULATOR00000000"
        self.secret_access_key = "not-a-secret"  # noqa: S105 - it is none: the server listens on loopback only
        self._clock = clock or SystemClock()
        self._dice = random.Random(seed)  # noqa: S311 - ids that can be repeated, not secrets
        self._schedule = Schedule(self._clock)
        self._threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="emulated-model")
        self.trouble = trouble or Trouble(seed, self._clock)
        self.objects = ObjectStore(self._clock)
        self.queues = QueueStore(self._clock, account_id, region)
        self.topics = TopicStore(self.queues, self._clock, account_id, region)
        self._notifier = Notifier(self.topics, trouble=self.trouble, schedule=self._schedule)
        self.endpoints = EndpointStore(
            Surroundings(
                account_id=account_id,
                region=region,
                clock=self._clock,
                schedule=self._schedule,
                objects=self.objects,
                notifier=self._notifier,
                threads=self._threads,
                new_id=self._new_id,
                remembered=remembered,
            )
        )
        self._server = self._make_server(port)

    def __repr__(self) -> str:
        return (
            f"<Emulator {self.url or 'not open'}, endpoints {', '.join(self.endpoints.endpoints) or 'none'}>"
        )

    async def __aenter__(self) -> Self:
        await self._server.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._server.aclose()
        await self.endpoints.aclose()
        await self._schedule.aclose()
        # A model in a thread cannot be stopped; nobody waits for it.
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def url(self) -> str:
        """Where all four services listen: the ``endpoint_url`` of every client."""
        return self._server.url

    @property
    def calls(self) -> Counter[str]:
        """How often each operation was asked for, by its AWS name."""
        return self._server.calls

    @property
    def errors(self) -> list[Exception]:
        """Defects of the emulator that came to light; a test may assert that there were none."""
        return self._server.errors

    @property
    def notification_failures(self) -> int:
        """How many notifications no topic took (the metric NotificationFailures)."""
        return self._notifier.failures

    def environment(self) -> dict[str, str]:
        """The environment variables that point an unchanged program at the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def register_model(self, name: str, model: Model) -> None:
        """Let a callable answer for the SageMaker model of that name; other models echo."""
        self.endpoints.register_model(name, model)

    async def create_endpoint(
        self,
        name: str,
        model: Model,
        *,
        notifications: bool = True,
        raw_delivery: bool = False,
        output: str | None = DEFAULT_OUTPUT,
        failures: str | None = DEFAULT_FAILURES,
        include_response: bool = True,
        instances: int = 1,
        max_concurrent_invocations_per_instance: int = 4,
    ) -> Endpoint:
        """Make an endpoint and all that it needs; it is in service when this returns.

        Args:
            name: ``EndpointName``; the model, configuration, topics and queue are named after it.
            model: What answers; see `Model`.
            notifications: Make a success and an error topic and a queue that is subscribed to both.
            raw_delivery: Deliver bare messages to that queue, without SNS's envelope.
            output: ``S3OutputPath``; ``{name}``, ``{region}`` and ``{account}`` are filled in, and the bucket
                is made. None for an endpoint that only notifies.
            failures: ``S3FailurePath``, likewise; None for an endpoint that keeps no failures.
            include_response: Include responses in the notifications of both topics.
            instances: How many to start with; 0 leaves requests in the queue.
            max_concurrent_invocations_per_instance: How many requests an instance works on at once.

        Raises:
            ServiceFault: The name is taken, or a location is none of S3's.
        """
        success = error = queue_url = None
        if notifications:
            success, error, queue_url = self._subscribed_queue(name, raw_delivery=raw_delivery)
        config = AsyncConfig(
            output_path=self._made_path(output, name),
            failure_path=self._made_path(failures, name),
            success_topic=success,
            error_topic=error,
            include_response_in=frozenset({SUCCESS_TOPIC, ERROR_TOPIC} if include_response else ()),
            max_concurrent_invocations_per_instance=max_concurrent_invocations_per_instance,
        )
        self.endpoints.register_model(name, model)
        self.endpoints.create_config(
            EndpointConfig(
                name, name, config, initial_instance_count=instances, created_time=self._clock.utc_now()
            )
        )
        endpoint = self.endpoints.create(name, name)
        endpoint.queue_url = queue_url
        return endpoint

    def _make_server(self, port: int) -> Server:
        sagemaker = SageMakerService(
            RuntimeCalls(self.endpoints, trouble=self.trouble, schedule=self._schedule),
            ControlCalls(self.endpoints, self._clock),
        )
        services: list[Service] = [
            sagemaker,
            ObjectService(self.objects, self.account_id),
            QueueService(self.queues),
            TopicService(self.topics),
        ]
        accounts = {self.access_key_id: self.secret_access_key}
        return Server(services, accounts=accounts, trouble=self.trouble, port=port, clock=self._clock)

    def _new_id(self) -> str:
        return str(UUID(int=self._dice.getrandbits(128), version=4))

    def _made_path(self, template: str | None, name: str) -> str | None:
        """The location that a template names, its bucket made."""
        if template is None:
            return None
        path = template.format(name=name, region=self.region, account=self.account_id)
        try:
            bucket, _ = parse_s3_uri(path)
        except ValueError as exc:
            raise ServiceFault("ValidationException", str(exc)) from exc
        self.objects.create_bucket(bucket, self.region)
        return path

    def _subscribed_queue(self, name: str, *, raw_delivery: bool) -> tuple[str, str, str]:
        """The ARNs of a success and an error topic, and the URL of a queue that hears both."""
        success = self.topics.create(f"{name}-success").arn
        error = self.topics.create(f"{name}-error").arn
        queue = self.queues.create(f"{name}-notifications")
        policy = _allowing(queue.arn, [success, error])
        queue.change(self.queues.settings(queue.settings, {"Policy": policy}))
        for topic in (success, error):
            self.topics.subscribe(topic, queue.arn, raw_delivery=raw_delivery)
        return success, error, queue.url(self.url)


def _allowing(queue_arn: str, topic_arns: list[str]) -> str:
    """The queue policy that lets these topics deliver, one statement for each."""
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
        }
        for topic_arn in topic_arns
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
