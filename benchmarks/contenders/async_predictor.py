"""The SageMaker Python SDK's own AsyncPredictor, version 2, on threads, polling as fast as it goes."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from sagemaker.async_inference.waiter_config import WaiterConfig
from sagemaker.deserializers import BytesDeserializer
from sagemaker.predictor import Predictor
from sagemaker.predictor_async import AsyncPredictor
from sagemaker.serializers import IdentitySerializer
from sagemaker.session import Session

from benchmarks.work import Contender, Place, Run, Settings, Work

# It tells of its defaults, again and again.
logging.getLogger("sagemaker.config").setLevel(logging.ERROR)


async def open_predictor(place: Place, settings: Settings) -> AsyncIterator[Run]:
    """One predictor that all threads share."""
    config = Config(max_pool_connections=settings["threads"])
    boto_session = boto3.Session(region_name="us-east-1")

    def client(service: str) -> object:
        return boto_session.client(service, endpoint_url=place.url, config=config)

    session = Session(
        boto_session=boto_session,
        sagemaker_client=client("sagemaker"),
        sagemaker_runtime_client=client("sagemaker-runtime"),
    )
    session.s3_client = client("s3")
    predictor = AsyncPredictor(
        Predictor(place.owner, session, serializer=IdentitySerializer(), deserializer=BytesDeserializer())
    )
    waiter = WaiterConfig(max_attempts=10_000, delay=0)

    def take(work: Work) -> None:
        while (item := work.take()) is not None:
            number, payload = item
            input_path = f"s3://{place.owner}/in/{uuid.uuid4().hex}"
            work.check(number, predictor.predict(payload, input_path=input_path, waiter_config=waiter))

    def run(work: Work) -> None:
        list(pool.map(take, [work] * settings["threads"]))

    with ThreadPoolExecutor(settings["threads"]) as pool:
        yield lambda work: asyncio.to_thread(run, work)


CONTENDERS = {"async-predictor": Contender(open_predictor)}
