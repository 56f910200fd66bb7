"""SageMaker's runtime calls, as its clients see them."""

from __future__ import annotations

import asyncio
import json

import pytest

from aio_sm_async.emulator import mishaps
from aio_sm_async.emulator.service import ServiceFault
from tests.emulator.stage import invoke_call, open_stage, runtime_call


async def test_an_invocation_is_answered_202_with_its_locations() -> None:
    """The id is in the body, the locations are in headers."""
    async with open_stage() as stage:
        stage.endpoint(failure_path="s3://bucket/bad")
        reply = await stage.ask(invoke_call())

        assert reply.status == 202
        assert json.loads(reply.body) == {"InferenceId": "uuid-1"}
        assert reply.headers == {
            "Content-Type": "application/json",
            "X-Amzn-SageMaker-OutputLocation": "s3://bucket/out/uuid-2.out",
            "X-Amzn-SageMaker-FailureLocation": "s3://bucket/bad/uuid-3-error.out",
        }


async def test_locations_that_are_not_configured_are_not_told() -> None:
    """Neither header is there, and the caller's own id comes back."""
    async with open_stage() as stage:
        stage.endpoint(output_path=None)
        reply = await stage.ask(invoke_call(inference_id="mine"))

        assert json.loads(reply.body) == {"InferenceId": "mine"}
        assert reply.headers == {"Content-Type": "application/json"}


async def test_a_wrong_request_is_a_validation_error_and_queues_nothing() -> None:
    """The code is in the header that the runtime's clients read, the message in ``Message``."""
    async with open_stage() as stage:
        endpoint = stage.endpoint()
        reply = await stage.ask(invoke_call(filename="a.b.c"))

        assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
        assert list(json.loads(reply.body)) == ["Message"]
        assert endpoint.invocations == []


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
async def test_an_endpoint_that_is_not_there_is_named_with_its_account(region: str) -> None:
    """Also where it is there, but in another region."""
    async with open_stage() as stage:
        if region != "us-east-1":
            stage.endpoint(name="nowhere")
        call = runtime_call("/endpoints/nowhere/async-invocations", b"x", region=region)
        reply = await stage.ask(call)

        assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
        assert json.loads(reply.body) == {"Message": "Endpoint nowhere of account 000000000000 not found."}


@pytest.mark.parametrize("verb", ["invocations", "invocations-response-stream"])
async def test_a_synchronous_invocation_is_refused(verb: str) -> None:
    """An asynchronous endpoint takes asynchronous invocations only."""
    async with open_stage() as stage:
        stage.endpoint()
        call = runtime_call(f"/endpoints/digits/{verb}", b"x")
        reply = await stage.ask(call)

        assert stage.service.operation(call).startswith("InvokeEndpoint")
        assert reply.headers["x-amzn-ErrorType"] == "ValidationError"
        assert b"asynchronous" in reply.body


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/endpoints/digits/async-invocations"), ("POST", "/"), ("POST", "/endpoints/digits/other")],
)
async def test_what_is_no_operation_is_refused_as_such(method: str, path: str) -> None:
    """With a code of the plain JSON form."""
    async with open_stage() as stage:
        call = runtime_call(path, method=method)
        reply = await stage.ask(call)

        assert stage.service.operation(call) == "Unknown"
        assert (reply.status, json.loads(reply.body)["__type"]) == (404, "UnknownOperationException")


async def test_an_error_after_accepting_leaves_the_request_queued() -> None:
    """The caller sees 500, and a retry runs it twice."""
    async with open_stage() as stage:
        endpoint = stage.endpoint()
        stage.trouble.add(mishaps.failed_after_accepting(times=1))
        first = await stage.ask(invoke_call(inference_id="same"))
        second = await stage.ask(invoke_call(inference_id="same"))
        await endpoint.wait_idle()

        assert (first.status, first.headers["x-amzn-ErrorType"]) == (500, "InternalFailure")
        assert second.status == 202
        assert stage.inbox.ids() == ["same", "same"]


async def test_an_early_notification_is_out_before_the_202() -> None:
    """The runtime holds the answer back until then."""
    async with open_stage() as stage:
        gate = asyncio.Event()

        async def model(_request: object) -> bytes:
            await gate.wait()
            return b""

        stage.endpoint(model)
        stage.trouble.add(mishaps.early_notification())
        asking = asyncio.create_task(stage.ask(invoke_call(inference_id="early")))
        await stage.clock.advance(1)

        assert not asking.done()

        gate.set()
        reply = await asking

        assert reply.status == 202
        assert stage.inbox.ids() == ["early"]


async def test_an_early_notification_does_not_hold_the_202_for_ever() -> None:
    """Without instances nothing would ever be told."""
    async with open_stage() as stage:
        stage.endpoint(instances=0)
        stage.trouble.add(mishaps.early_notification(at_most_seconds=5))
        asking = asyncio.create_task(stage.ask(invoke_call()))
        await stage.clock.advance(5)

        assert (await asking).status == 202


async def test_a_slow_answer_comes_after_its_time() -> None:
    """The inference does not wait for it."""
    async with open_stage() as stage:
        endpoint = stage.endpoint()
        stage.trouble.add(mishaps.slow_answer(seconds=2))
        asking = asyncio.create_task(stage.ask(invoke_call()))
        await stage.clock.advance(1)
        await endpoint.wait_idle()

        assert len(stage.inbox.ids()) == 1
        assert not asking.done()

        await stage.clock.advance(1)

        assert (await asking).status == 202


async def test_faults_of_other_makers_are_rendered_for_both_planes() -> None:
    """Throttling has its code in the header and in the body: either client finds it."""
    async with open_stage() as stage:
        reply = stage.service.render(ServiceFault("ThrottlingException", "Rate exceeded"))

        assert reply.headers["x-amzn-ErrorType"] == "ThrottlingException"
        assert json.loads(reply.body) == {"__type": "ThrottlingException", "message": "Rate exceeded"}
