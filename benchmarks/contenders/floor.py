"""The least that the same requests cost with aiohttp: unsigned, the answers read, nothing awaited by name.

It knows the order of its own requests only, so it sends a share, then reads what has come of it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from functools import partial

import aiohttp

from benchmarks.work import Contender, Place, Run, Settings, Work

RUNTIME_HEADERS = {"X-Amzn-SageMaker-Content-Type": "application/octet-stream"}
SQS_TYPE = "application/x-amz-json-1.0"


async def open_floor(place: Place, settings: Settings, *, through_s3: bool) -> AsyncIterator[Run]:
    """A session, and pollers that run until the block is left."""
    context = ssl.create_default_context(cafile=place.ca_file) if place.ca_file else True
    connector = aiohttp.TCPConnector(limit=0, ssl=context, keepalive_timeout=60)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        floor = Floor(session, place, settings["requests"], through_s3=through_s3)
        pollers = [asyncio.create_task(floor.poll()) for _ in range(settings["pollers"])]
        yield floor.run
        for poller in pollers:
            poller.cancel()
        await asyncio.gather(*pollers, return_exceptions=True)


class Floor:
    """Requests as they are, and no more."""

    def __init__(
        self, session: aiohttp.ClientSession, place: Place, requests: int, *, through_s3: bool
    ) -> None:
        self._session = session
        self._place = place
        self._requests = requests
        self._through_s3 = through_s3
        self._endpoint = f"{place.url}/endpoints/{place.owner}/async-invocations"
        self._bucket = f"{place.url}/{place.owner}"

    async def run(self, work: Work) -> None:
        """So many senders side by side, and then what the pollers have still to bring."""
        self._work = work
        self._returned = asyncio.get_running_loop().create_future()
        await asyncio.gather(*[self._send(work) for _ in range(self._requests)])
        await self._returned

    async def _send(self, work: Work) -> None:
        for number, payload in work:
            headers = {**RUNTIME_HEADERS, "X-Amzn-SageMaker-Inference-Id": f"floor-{number}"}
            body: bytes | None = payload
            if self._through_s3:
                async with self._session.put(f"{self._bucket}/in/{number}", data=payload) as answer:
                    await answer.read()
                headers["X-Amzn-SageMaker-InputLocation"] = f"s3://{self._place.owner}/in/{number}"
                body = None
            async with self._session.post(self._endpoint, data=body, headers=headers) as answer:
                assert answer.status == 202
                await answer.read()

    async def poll(self) -> None:
        """Take messages ten at a time, read results, delete."""
        try:
            while True:
                await self._poll_once()
        except Exception as error:  # noqa: BLE001 - `run` raises it
            self._returned.set_exception(error)

    async def _poll_once(self) -> None:
        wanted = {"QueueUrl": self._place.queue_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}
        messages = json.loads(await self._sqs("ReceiveMessage", wanted)).get("Messages", [])
        if not messages:
            return
        if self._through_s3:
            results = await asyncio.gather(*[self._fetch(message) for message in messages])
        else:
            results = [content_of(message) for message in messages]
        for result in results:
            self._work.check_any(result)
        entries = [
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
            for index, message in enumerate(messages)
        ]
        await self._sqs("DeleteMessageBatch", {"QueueUrl": self._place.queue_url, "Entries": entries})
        if self._work.is_done and not self._returned.done():
            self._returned.set_result(None)

    async def _fetch(self, message: dict[str, str]) -> bytes:
        notification = json.loads(message["Body"])
        location = notification["responseParameters"]["outputLocation"]
        async with self._session.get(f"{self._place.url}/{location.removeprefix('s3://')}") as answer:
            return await answer.read()

    async def _sqs(self, operation: str, document: object) -> bytes:
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": SQS_TYPE}
        async with self._session.post(
            self._place.url, data=json.dumps(document).encode(), headers=headers
        ) as answer:
            assert answer.status == 200
            return await answer.read()


def content_of(message: dict[str, str]) -> bytes:
    """The result that a notification carries."""
    return b64decode(json.loads(message["Body"])["responseBody"]["content"])


CONTENDERS = {
    "floor-inline": Contender(partial(open_floor, through_s3=False)),
    "floor-s3": Contender(partial(open_floor, through_s3=True)),
}
