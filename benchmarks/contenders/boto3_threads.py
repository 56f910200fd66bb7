"""What most people have: boto3 on threads. Put the input, invoke, ask S3 until the result is there."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

from benchmarks.work import Contender, Place, Run, Settings, Work

POLL_SECONDS = 0.01


async def open_threads(place: Place, settings: Settings) -> AsyncIterator[Run]:
    """Two clients that all threads share, as boto3 allows."""
    config = Config(max_pool_connections=settings["threads"])
    session = boto3.Session(region_name="us-east-1")
    runtime = session.client("sagemaker-runtime", endpoint_url=place.url, config=config)
    s3 = session.client("s3", endpoint_url=place.url, config=config)

    def infer(number: int, payload: bytes, work: Work) -> None:
        key = f"in/{uuid.uuid4().hex}"
        s3.put_object(Bucket=place.owner, Key=key, Body=payload)
        accepted = runtime.invoke_endpoint_async(
            EndpointName=place.owner,
            ContentType="application/octet-stream",
            InputLocation=f"s3://{place.owner}/{key}",
        )
        bucket, _, key = accepted["OutputLocation"][5:].partition("/")
        while True:
            try:
                answer = s3.get_object(Bucket=bucket, Key=key)
                break
            except s3.exceptions.NoSuchKey:
                time.sleep(POLL_SECONDS)
        work.check(number, answer["Body"].read())

    def take(work: Work) -> None:
        while (item := work.take()) is not None:
            infer(*item, work)

    def run(work: Work) -> None:
        list(pool.map(take, [work] * settings["threads"]))

    with ThreadPoolExecutor(settings["threads"]) as pool:
        yield lambda work: asyncio.to_thread(run, work)


CONTENDERS = {"boto3-threads": Contender(open_threads)}
