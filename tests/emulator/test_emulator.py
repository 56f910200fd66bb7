"""The whole emulator, spoken to by the SDKs that everybody uses, unchanged."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import boto3
import pytest
from aiobotocore.session import get_session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import (
    Emulator,
    Endpoint,
    ModelError,
    ModelRequest,
    ModelResponse,
    ServiceFault,
    mishaps,
)
from tests.emulator.stage import until

# One for all tests: it keeps the service models that it has read.
SESSION = get_session()
ONCE = Config(retries={"total_max_attempts": 1})

_INVOKE = (
    boto3.Session()
    .client("sagemaker-runtime", "us-east-1")
    .meta.service_model.operation_model("InvokeEndpointAsync")
)
sdk_knows_body = pytest.mark.skipif(
    "Body" not in _INVOKE.input_shape.members,
    reason="this botocore is older than the member Body, with which the test speaks to the emulator",
)


async def upper(request: ModelRequest) -> ModelResponse:
    if request.body == b"bad":
        raise ModelError(400, '{"code":400}')
    return ModelResponse(request.body.upper(), "text/plain")


@asynccontextmanager
async def clients(aws: Emulator, *names: str) -> AsyncIterator[list[Any]]:
    """Aiobotocore clients that make one attempt each."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                SESSION.create_client(
                    name,
                    endpoint_url=aws.url,
                    region_name=aws.region,
                    aws_access_key_id=aws.access_key_id,
                    aws_secret_access_key=aws.secret_access_key,
                    config=ONCE,
                )
            )
            for name in names
        ]


async def told(sqs: Any, endpoint: Endpoint) -> list[dict[str, Any]]:
    """The notifications in the endpoint's queue, out of their envelopes."""
    received = await sqs.receive_message(
        QueueUrl=endpoint.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
    )
    messages = [json.loads(json.loads(each["Body"])["Message"]) for each in received.get("Messages", [])]
    return [each for each in messages if each["eventName"] == "InferenceResult"]


async def test_aiobotocore_completes_the_round_trip() -> None:
    """Put, invoke, receive, get: each through its own service, and every location agrees."""
    async with Emulator() as aws, clients(aws, "s3", "sagemaker-runtime", "sqs") as (s3, runtime, sqs):
        endpoint = await aws.create_endpoint("upper", upper)
        aws.objects.create_bucket("inputs")
        await s3.put_object(Bucket="inputs", Key="a.txt", Body=b"hello", ContentType="text/plain")
        answer = await runtime.invoke_endpoint_async(
            EndpointName="upper", InputLocation="s3://inputs/a.txt", InferenceId="first"
        )
        await endpoint.wait_idle()
        (message,) = await told(sqs, endpoint)
        bucket, _, key = answer["OutputLocation"].removeprefix("s3://").partition("/")
        got = await s3.get_object(Bucket=bucket, Key=key)
        async with got["Body"] as body:
            result = await body.read()

        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
        assert (answer["InferenceId"], message["inferenceId"]) == ("first", "first")
        assert message["responseParameters"] == {
            "contentType": "text/plain",
            "outputLocation": answer["OutputLocation"],
        }
        assert (result, got["ContentType"]) == (b"HELLO", "text/plain")
        assert aws.errors == []
        assert aws.calls["InvokeEndpointAsync"] == 1


@sdk_knows_body
async def test_boto3_completes_the_round_trip_in_a_thread() -> None:
    """An unchanged program, pointed here by nothing but its environment."""
    async with Emulator() as aws:
        endpoint = await aws.create_endpoint("upper", upper)
        environment = aws.environment()

        def program() -> tuple[str, str]:
            session = boto3.Session(
                aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                region_name=environment["AWS_REGION"],
            )
            url = environment["AWS_ENDPOINT_URL"]
            runtime = session.client("sagemaker-runtime", endpoint_url=url)
            sqs = session.client("sqs", endpoint_url=url)
            accepted = runtime.invoke_endpoint_async(
                EndpointName="upper", Body=b"inline", ContentType="text/plain"
            )
            while True:
                received = sqs.receive_message(QueueUrl=endpoint.queue_url, WaitTimeSeconds=5)
                for each in received.get("Messages", []):
                    message = json.loads(json.loads(each["Body"])["Message"])
                    sqs.delete_message(QueueUrl=endpoint.queue_url, ReceiptHandle=each["ReceiptHandle"])
                    if message["eventName"] == "InferenceResult":
                        runtime.close()
                        sqs.close()
                        return accepted["InferenceId"], message["inferenceId"]

        accepted, finished = await asyncio.to_thread(program)

        assert accepted == finished
        assert environment["AWS_DEFAULT_REGION"] == "us-east-1"
        assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


@sdk_knows_body
async def test_a_failure_is_told_on_the_error_topic_and_kept_under_the_failure_path() -> None:
    """The queue hears both topics; the failure object is where the 202 said that it would be."""
    async with Emulator() as aws, clients(aws, "sagemaker-runtime", "sqs") as (runtime, sqs):
        endpoint = await aws.create_endpoint("upper", upper)
        accepted = await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"bad")
        await endpoint.wait_idle()
        (message,) = await told(sqs, endpoint)
        bucket, _, key = accepted["FailureLocation"].removeprefix("s3://").partition("/")
        stored = aws.objects.get(bucket, key)

        assert message["invocationStatus"] == "Failed"
        assert message["responseBody"]["content"] == '{"code":400}'
        assert stored is not None
        assert stored.body == b'{"code":400}'


async def test_the_control_plane_speaks_to_its_sdk() -> None:
    """Waiters, timestamps, ARNs and errors are read as from AWS."""
    async with Emulator() as aws, clients(aws, "sagemaker", "sns") as (sagemaker, sns):
        topic = (await sns.create_topic(Name="done"))["TopicArn"]
        await sagemaker.create_model(
            ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn="r" * 20
        )
        await sagemaker.create_endpoint_config(
            EndpointConfigName="c",
            ProductionVariants=[{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1}],
            AsyncInferenceConfig={
                "OutputConfig": {
                    "S3OutputPath": "s3://bucket/out",
                    "NotificationConfig": {"SuccessTopic": topic},
                }
            },
        )
        await sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
        await sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="e")
        described = await sagemaker.describe_endpoint(EndpointName="e")
        await sagemaker.delete_endpoint(EndpointName="e")
        with pytest.raises(ClientError, match="Could not find endpoint") as caught:
            await sagemaker.describe_endpoint(EndpointName="e")

        assert described["CreationTime"].tzinfo is not None
        assert described["AsyncInferenceConfig"]["OutputConfig"]["NotificationConfig"] == {
            "SuccessTopic": topic
        }
        assert caught.value.response["Error"]["Code"] == "ValidationException"


@sdk_knows_body
async def test_the_runtimes_errors_are_the_modelled_ones() -> None:
    """Botocore finds its own exception class for them."""
    async with Emulator() as aws, clients(aws, "sagemaker-runtime") as (runtime,):
        await aws.create_endpoint("upper", upper)
        with pytest.raises(runtime.exceptions.ValidationError, match="of account 000000000000 not found"):
            await runtime.invoke_endpoint_async(EndpointName="other", Body=b"x")
        with pytest.raises(runtime.exceptions.ValidationError, match="exactly one"):
            await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"x", InputLocation="s3://b/k")
        with pytest.raises(runtime.exceptions.ValidationError, match="asynchronous"):
            await runtime.invoke_endpoint(EndpointName="upper", Body=b"x")
        aws.trouble.add(mishaps.throttled(times=1), mishaps.unavailable(nth=2))
        with pytest.raises(ClientError, match="Rate exceeded") as caught:
            await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"x")
        with pytest.raises(runtime.exceptions.ServiceUnavailable):
            await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"x")

        assert caught.value.response["Error"]["Code"] == "ThrottlingException"
        assert aws.trouble.injected == {"throttled": 1, "unavailable": 1}


@sdk_knows_body
async def test_a_lost_answer_is_an_inference_all_the_same() -> None:
    """The caller's connection is reset, and the notification comes."""
    async with Emulator() as aws, clients(aws, "sagemaker-runtime", "sqs") as (runtime, sqs):
        endpoint = await aws.create_endpoint("upper", upper)
        aws.trouble.add(mishaps.answer_lost(times=1))
        with pytest.raises(BotoCoreError):
            await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"x", InferenceId="lost")
        await endpoint.wait_idle()

        assert [each["inferenceId"] for each in await told(sqs, endpoint)] == ["lost"]


async def test_an_endpoint_can_be_made_without_any_extras() -> None:
    """No topics, no queue, no failure path: results lie in S3 alone."""
    async with Emulator() as aws:
        endpoint = await aws.create_endpoint("bare", upper, notifications=False, failures=None)

        assert endpoint.queue_url is None
        assert endpoint.success_topic_arn is endpoint.error_topic_arn is endpoint.failure_path is None
        assert endpoint.output_path == "s3://sagemaker-us-east-1-000000000000/async-endpoint-outputs/bare"
        assert len(aws.queues) == 0


@sdk_knows_body
async def test_an_endpoint_can_answer_by_message_alone() -> None:
    """No output path: the 202 tells no location, and the queue holds the only copy, here without envelope."""
    async with Emulator() as aws, clients(aws, "sagemaker-runtime", "sqs") as (runtime, sqs):
        endpoint = await aws.create_endpoint("upper", upper, output=None, failures=None, raw_delivery=True)
        accepted = await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"x")
        await endpoint.wait_idle()
        received = await sqs.receive_message(QueueUrl=endpoint.queue_url, MaxNumberOfMessages=10)
        messages = [json.loads(each["Body"]) for each in received["Messages"]]

        assert "OutputLocation" not in accepted
        assert [each["eventName"] for each in messages] == [
            "TestNotification",
            "TestNotification",
            "InferenceResult",
        ]
        assert messages[2]["responseBody"]["content"] == "WA=="


async def test_a_location_that_is_none_is_refused() -> None:
    """Before the endpoint is made."""
    async with Emulator() as aws:
        with pytest.raises(ServiceFault, match="not an S3 location"):
            await aws.create_endpoint("upper", upper, output="bucket/out")

        assert aws.endpoints.endpoints == {}


async def test_a_registered_model_answers_for_its_name() -> None:
    """Also where the endpoint is made by calls."""
    async with Emulator() as aws:
        aws.register_model("m", upper)

        assert aws.endpoints.model("m").model is upper


@sdk_knows_body
async def test_queued_requests_expire_on_the_emulators_own_clock() -> None:
    """Minutes pass in no time."""
    clock = VirtualClock()
    async with Emulator(clock=clock) as aws, clients(aws, "sagemaker-runtime", "sqs") as (runtime, sqs):
        endpoint = await aws.create_endpoint("upper", upper, instances=0)
        await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"x", RequestTTLSeconds=60)
        await clock.advance(60)
        (message,) = await told(sqs, endpoint)

        assert message["invocationStatus"] == "Failed"
        assert "expired" in message["failureReason"]


@sdk_knows_body
async def test_leaving_ends_everything_that_is_still_going_on() -> None:
    """A model in a task is cancelled, one in a thread is left to itself, a long poll is cut off."""
    ended: list[str] = []
    release = threading.Event()

    async def endless(_request: ModelRequest) -> bytes:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return b""

    def stubborn(_request: ModelRequest) -> bytes:
        release.wait(10)
        return b""

    async with Emulator() as aws, clients(aws, "sagemaker-runtime") as (runtime,):
        tasks = await aws.create_endpoint("endless", endless)
        threads = await aws.create_endpoint("stubborn", stubborn)
        await runtime.invoke_endpoint_async(EndpointName="endless", Body=b"x")
        await runtime.invoke_endpoint_async(EndpointName="stubborn", Body=b"x")
        await until(lambda: tasks.in_progress + threads.in_progress == 2, lambda: asyncio.sleep(0))
    release.set()

    assert ended == ["cancelled"]
    assert repr(aws).endswith("endpoints none>")


async def test_the_emulator_shows_where_it_listens() -> None:
    """Before it is opened, it says so."""
    aws = Emulator()
    before = repr(aws)
    async with aws:
        await aws.create_endpoint("upper", upper)

        assert before == "<Emulator not open, endpoints none>"
        assert repr(aws) == f"<Emulator {aws.url}, endpoints upper>"


@sdk_knows_body
async def test_a_notification_without_a_topic_is_counted() -> None:
    """As SageMaker's metric NotificationFailures counts it."""
    async with Emulator() as aws, clients(aws, "sagemaker-runtime", "sns") as (runtime, sns):
        endpoint = await aws.create_endpoint("upper", upper)
        await sns.delete_topic(TopicArn=endpoint.success_topic_arn)
        await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"x")
        await endpoint.wait_idle()

        assert aws.notification_failures == 1


@sdk_knows_body
async def test_one_seed_makes_one_run() -> None:
    """Generated ids are the same in each run."""

    async def output(seed: int) -> str | None:
        async with Emulator(seed=seed) as aws, clients(aws, "sagemaker-runtime") as (runtime,):
            await aws.create_endpoint("upper", upper, notifications=False)
            accepted = await runtime.invoke_endpoint_async(EndpointName="upper", Body=b"x")
            return str(accepted["OutputLocation"])

    assert await output(1) == await output(1)
    assert await output(1) != await output(2)
