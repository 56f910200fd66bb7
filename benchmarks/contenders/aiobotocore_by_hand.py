"""What a good engineer writes in an afternoon with aiobotocore: an SQS loop, futures by inference id."""

from __future__ import annotations

import asyncio
import json
import uuid
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from benchmarks.work import Contender, Place, Run, Settings, Work


async def open_by_hand(place: Place, settings: Settings, *, through_s3: bool) -> AsyncIterator[Run]:
    """Three clients, and pollers that run until the block is left."""
    config = AioConfig(max_pool_connections=settings["requests"])
    async with AsyncExitStack() as stack:
        session: Any = get_session()

        async def client(service: str) -> Any:
            made = session.create_client(
                service, region_name="us-east-1", endpoint_url=place.url, config=config
            )
            return await stack.enter_async_context(made)

        hand = ByHand(
            await client("sagemaker-runtime"),
            await client("sqs"),
            await client("s3") if through_s3 else None,
            place,
            settings["in_flight"],
        )
        pollers = [asyncio.create_task(hand.poll()) for _ in range(settings["pollers"])]
        yield hand.run
        for poller in pollers:
            poller.cancel()
        await asyncio.gather(*pollers, return_exceptions=True)


class ByHand:
    """Futures by inference id; the pollers resolve them."""

    def __init__(self, runtime: Any, sqs: Any, s3: Any, place: Place, in_flight: int) -> None:
        self._runtime, self._sqs, self._s3 = runtime, sqs, s3
        self._place = place
        self._in_flight = in_flight
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def run(self, work: Work) -> None:
        """So many callers side by side, each with one inference at a time."""

        async def call() -> None:
            for number, payload in work:
                work.check(number, await self._infer(payload))

        await asyncio.gather(*[call() for _ in range(self._in_flight)])

    async def _infer(self, payload: bytes) -> bytes:
        inference_id = uuid.uuid4().hex
        future = self._waiting[inference_id] = asyncio.get_running_loop().create_future()
        source: dict[str, Any] = {"Body": payload}
        if self._s3 is not None:
            key = f"in/{inference_id}"
            await self._s3.put_object(Bucket=self._place.owner, Key=key, Body=payload)
            source = {"InputLocation": f"s3://{self._place.owner}/{key}"}
        await self._runtime.invoke_endpoint_async(
            EndpointName=self._place.owner,
            InferenceId=inference_id,
            ContentType="application/octet-stream",
            **source,
        )
        notification = await future
        if self._s3 is None:
            return b64decode(notification["responseBody"]["content"])
        bucket, _, key = notification["responseParameters"]["outputLocation"][5:].partition("/")
        answer = await self._s3.get_object(Bucket=bucket, Key=key)
        async with answer["Body"] as body:
            return bytes(await body.read())

    async def poll(self) -> None:
        """Take messages ten at a time, resolve, delete."""
        url = self._place.queue_url
        while True:
            answer = await self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
            messages = answer.get("Messages", [])
            for message in messages:
                notification = json.loads(message["Body"])
                future = self._waiting.pop(notification["inferenceId"], None)
                if future is not None:
                    future.set_result(notification)
            if messages:
                entries = [
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(messages)
                ]
                await self._sqs.delete_message_batch(QueueUrl=url, Entries=entries)


CONTENDERS = {
    "aiobotocore-inline": Contender(partial(open_by_hand, through_s3=False)),
    "aiobotocore-s3": Contender(partial(open_by_hand, through_s3=True)),
}
