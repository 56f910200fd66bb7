"""The other process of the demo: the emulator, with the endpoint of one scenario.

It prints what the client needs as one line of JSON, and when it reads a line, its account as another. It ends
when its input ends, and so never outlives the process that started it.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aio_sm_async.cli.demo.digits import Digits
from aio_sm_async.cli.demo.scenario import SCENARIOS, SEED, Scenario
from aio_sm_async.emulator import Emulator, Endpoint

ENDPOINT_NAME = "digits"
UPLOAD_BUCKET = "demo-uploads"


async def serve(scenario: Scenario) -> None:
    """Serve until the input ends."""
    digits = await asyncio.to_thread(Digits)
    async with Emulator(seed=SEED) as aws:
        aws.objects.create_bucket(UPLOAD_BUCKET, aws.region)
        endpoint = await aws.create_endpoint(
            ENDPOINT_NAME,
            digits.answer_or_fail if scenario.fails_some else digits.answer,
            notifications=scenario.has_topics,
            max_concurrent_invocations_per_instance=16,
        )
        aws.trouble.add(*scenario.trouble)
        _tell({"environment": aws.environment(), "queue_url": endpoint.queue_url})
        while await asyncio.to_thread(sys.stdin.readline):
            _tell(_account(aws, endpoint, scenario))


def _account(aws: Emulator, endpoint: Endpoint, scenario: Scenario) -> dict[str, object]:
    finished: dict[str, float] = {}
    for invocation in endpoint.invocations:
        if invocation.finished_time is not None:
            finished.setdefault(invocation.inference_id, invocation.finished_time.timestamp())
    return {
        "calls": dict(aws.calls),
        "injected": {rule.name: aws.trouble.injected[rule.name] for rule in scenario.trouble},
        "invocations": len(endpoint.invocations),
        "finished": finished,
        "errors": [repr(error) for error in aws.errors],
    }


def _tell(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(next(each for each in SCENARIOS if each.name == sys.argv[1])))
