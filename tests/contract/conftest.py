"""One suite, several servers: each test runs once for every server, with the same assertions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.quirks import quirk_of
from tests.contract.servers import Server, serving_emulator, serving_moto

_OURS = {"emulator": serving_emulator, "moto": serving_moto}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test for the server that the command line names, or for those that start by themselves."""
    if "server" in metafunc.fixturenames:
        option = metafunc.config.getoption
        names = [option("--contract-name")] if option("--contract-url") else list(_OURS)
        metafunc.parametrize("server", names, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A known quirk must still be there: the day a server mends it, the table is out of date."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        server = callspec and callspec.params.get("server")
        if not server:
            continue
        case = callspec.id.removeprefix(f"{server}-").removesuffix(f"-{server}")
        quirk = quirk_of(item.originalname, case, server)
        if quirk is not None:
            item.add_marker(pytest.mark.xfail(reason=f"{server}: {quirk.does}", strict=True))


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server that this run of the test speaks to."""
    option = request.config.getoption
    url = option("--contract-url")
    if url is None:
        with _OURS[request.param]() as ours:
            yield ours
        return
    yield Server(
        request.param,
        None if url == "aws" else url,
        option("--contract-access-key"),
        option("--contract-secret"),
        option("--contract-token"),
        option("--contract-region"),
        lasts=True,
    )


@pytest.fixture
async def s3(server: Server) -> AsyncIterator[Any]:
    """An S3 client."""
    async with server.client("s3") as client:
        yield client


@pytest.fixture
async def sqs(server: Server) -> AsyncIterator[Any]:
    """An SQS client."""
    async with server.client("sqs") as client:
        yield client


@pytest.fixture
async def sns(server: Server) -> AsyncIterator[Any]:
    """An SNS client."""
    async with server.client("sns") as client:
        yield client


def unique(kind: str) -> str:
    """A name that no other run uses: the server may be somebody's account."""
    return f"contract-{kind}-{uuid4().hex[:16]}"


@pytest.fixture
async def bucket(s3: Any, server: Server) -> AsyncIterator[str]:
    """An empty bucket, gone after the test where the server stays."""
    name = unique("bucket")
    # us-east-1 is the one region that must not be named.
    where = {} if server.region == "us-east-1" else {"LocationConstraint": server.region}
    await s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
    yield name
    if not server.lasts:
        return
    for entry in (await s3.list_objects_v2(Bucket=name)).get("Contents", []):
        await s3.delete_object(Bucket=name, Key=entry["Key"])
    for upload in (await s3.list_multipart_uploads(Bucket=name)).get("Uploads", []):
        await s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    await s3.delete_bucket(Bucket=name)


@dataclass(frozen=True)
class Queue:
    """A queue by both its names."""

    url: str
    arn: str


MakeQueue = Callable[..., Awaitable[Queue]]


@pytest.fixture
async def make_queue(sqs: Any, server: Server) -> AsyncIterator[MakeQueue]:
    """Makes queues, gone after the test where the server stays."""
    made: list[str] = []

    async def make(**attributes: str) -> Queue:
        url = (await sqs.create_queue(QueueName=unique("queue"), Attributes=attributes))["QueueUrl"]
        made.append(url)
        answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return Queue(url, answer["Attributes"]["QueueArn"])

    yield make
    for url in made if server.lasts else ():
        await sqs.delete_queue(QueueUrl=url)


@pytest.fixture
async def queue(make_queue: MakeQueue) -> Queue:
    """A queue as AWS makes it when nothing is asked for."""
    return await make_queue()


@pytest.fixture
async def topic(sns: Any, server: Server) -> AsyncIterator[str]:
    """A topic, by its ARN, gone after the test where the server stays."""
    arn = (await sns.create_topic(Name=unique("topic")))["TopicArn"]
    yield arn
    if server.lasts:
        await sns.delete_topic(TopicArn=arn)


Subscribe = Callable[..., Awaitable[tuple[Queue, str]]]


@pytest.fixture
async def subscribe(sqs: Any, sns: Any, topic: str, make_queue: MakeQueue) -> Subscribe:
    """Makes a queue that lets the topic in, and subscribes it; answers the queue and the subscription."""

    async def make(
        *, policy: bool = True, filtered_by: object = None, raw: bool = False
    ) -> tuple[Queue, str]:
        queue = await make_queue()
        if policy:
            await sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": _let_in(topic, queue)})
        attributes = {"RawMessageDelivery": "true"} if raw else {}
        if filtered_by is not None:
            attributes |= {"FilterPolicyScope": "MessageBody", "FilterPolicy": json.dumps(filtered_by)}
        answer = await sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue.arn,
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )
        return queue, answer["SubscriptionArn"]

    return make


def _let_in(topic: str, queue: Queue) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
