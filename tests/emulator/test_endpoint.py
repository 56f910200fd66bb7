"""The life of an invocation behind an endpoint, on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from aio_sm_async.emulator.endpoint_config import ERROR_TOPIC, SUCCESS_TOPIC
from aio_sm_async.emulator.model import ModelError, ModelRequest, ModelResponse, echo
from tests.emulator.stage import ERROR, SUCCESS, open_stage, submit

BOTH = frozenset({SUCCESS_TOPIC, ERROR_TOPIC})


async def test_a_request_is_accepted_before_it_is_worked_on() -> None:
    """Accepting waits for nothing; the record tells the rest."""
    async with open_stage() as stage:
        endpoint = stage.endpoint()
        invocation = submit(endpoint, b"hello", content_type="text/plain")

        assert (invocation.status, invocation.finished) == ("Queued", False)

        await endpoint.wait_idle()

        assert (invocation.status, invocation.finished) == ("Completed", True)
        assert invocation.finished_time == stage.clock.utc_now()
        assert invocation.finished_at == invocation.accepted_at == stage.clock.monotonic()


async def test_the_object_is_there_when_the_notification_is_sent() -> None:
    """Whoever hears of a result can read it."""
    async with open_stage() as stage:
        seen: list[object] = []
        publish = stage.inbox.publish

        class Witness:
            def publish(self, topic_arn: str, message: str) -> str:
                seen.append(stage.objects.keys("bucket"))
                return publish(topic_arn, message)

        endpoint = stage.endpoint()
        stage.notifier._topics = Witness()
        submit(endpoint)
        await endpoint.wait_idle()

        assert seen == [["out/uuid-2.out"]]


async def test_the_output_key_is_a_uuid_that_is_not_the_inference_id() -> None:
    """Neither for generated ids nor for the caller's own."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(failure_path="s3://bucket/bad/")
        generated = submit(endpoint)
        own = submit(endpoint, inference_id="mine")

        assert generated.inference_id == "uuid-1"
        assert generated.output_location == "s3://bucket/out/uuid-2.out"
        assert generated.failure_location == "s3://bucket/bad/uuid-3-error.out"
        assert (own.inference_id, own.output_location) == ("mine", "s3://bucket/out/uuid-4.out")


async def test_extension_and_filename_shape_the_output_key() -> None:
    """They lie below the output path, the extension first."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(output_path="s3://bucket/out/")
        invocation = submit(endpoint, b"hi", s3outputpathextension="/a/b/", filename="x.json")
        await endpoint.wait_idle()
        stored = stage.objects.get("bucket", "out/a/b/x.json")

        assert invocation.output_location == "s3://bucket/out/a/b/x.json"
        assert stored is not None
        assert (stored.body, stored.content_type) == (b"hi", "application/octet-stream")


async def test_an_https_output_path_is_written_and_told_in_its_own_form() -> None:
    """Some endpoints are configured so, and their notifications follow."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(output_path="https://bucket.s3.eu-west-2.amazonaws.com/out")
        invocation = submit(endpoint, filename="x")
        await endpoint.wait_idle()

        assert invocation.output_location == "https://bucket.s3.eu-west-2.amazonaws.com/out/x"
        assert stage.objects.keys("bucket") == ["out/x"]


async def test_input_in_s3_is_read_when_its_turn_comes() -> None:
    """It may be put after the request was accepted; its type stands in for one that was not told."""
    async with open_stage() as stage:
        asked: list[ModelRequest] = []

        async def model(request: ModelRequest) -> bytes:
            asked.append(request)
            return b""

        endpoint = stage.endpoint(model, instances=0)
        submit(endpoint, b"", inputlocation="s3://bucket/in.csv", accept="a/b", custom_attributes="c")
        submit(endpoint, b"", inputlocation="s3://bucket/in.csv", content_type="text/plain")
        stage.objects.put("bucket", "in.csv", b"1,2", content_type="text/csv")
        endpoint.set_instances(1)
        await endpoint.wait_idle()

        assert asked[0] == ModelRequest(b"1,2", "text/csv", "a/b", "c", "uuid-1", "digits")
        assert asked[1].content_type == "text/plain"


@pytest.mark.parametrize("location", ["s3://bucket/missing", "s3://other/x", "https://example.org/x"])
async def test_input_that_cannot_be_read_is_a_failure_not_a_refusal(location: str) -> None:
    """The request is accepted; the reason names the location, and no object is left."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(failure_path="s3://bucket/bad")
        invocation = submit(endpoint, b"", inputlocation=location)
        await endpoint.wait_idle()

        assert invocation.status == "Failed"
        assert location in (invocation.failure_reason or "")
        assert "responseParameters" not in stage.inbox.results()[0]
        assert stage.objects.keys("bucket") == []


async def test_results_come_in_the_order_in_which_they_get_done() -> None:
    """A slow first request does not hold up a quick second."""
    async with open_stage() as stage:
        gate = asyncio.Event()

        async def model(request: ModelRequest) -> bytes:
            if request.body == b"slow":
                await gate.wait()
            return request.body

        endpoint = stage.endpoint(model)
        submit(endpoint, b"slow", inference_id="first")
        quick = submit(endpoint, b"quick", inference_id="second")
        await quick.when_told()
        gate.set()
        await endpoint.wait_idle()

        assert stage.inbox.ids() == ["second", "first"]


async def test_no_more_is_in_progress_than_the_instances_carry() -> None:
    """Capacity is instances times concurrency; the rest is backlog."""
    async with open_stage() as stage:
        gate = asyncio.Event()

        async def model(_request: ModelRequest) -> bytes:
            await gate.wait()
            return b""

        endpoint = stage.endpoint(model, concurrency=2)
        for _ in range(7):
            submit(endpoint)

        assert (endpoint.in_progress, endpoint.backlog) == (2, 5)

        endpoint.set_instances(3)

        assert (endpoint.in_progress, endpoint.backlog) == (6, 1)
        assert repr(endpoint) == "<Endpoint digits 3 instances, 1 queued, 6 in progress, 7 accepted>"

        endpoint.set_instances(0)
        gate.set()
        await asyncio.gather(*(each.when_told() for each in endpoint.invocations[:6]))

        assert endpoint.backlog == 1

        endpoint.set_instances(1)
        await endpoint.wait_idle()

        assert [each.status for each in endpoint.invocations] == ["Completed"] * 7


async def test_a_lone_worker_takes_requests_in_their_order_of_arrival() -> None:
    """The queue itself is first in, first out."""
    async with open_stage() as stage:

        async def model(request: ModelRequest) -> bytes:
            await asyncio.sleep(0)
            return request.body

        endpoint = stage.endpoint(model, concurrency=1)
        for name in "abc":
            submit(endpoint, inference_id=name)
        await endpoint.wait_idle()

        assert stage.inbox.ids() == ["a", "b", "c"]


async def test_an_endpoint_cannot_have_fewer_than_no_instances() -> None:
    """Scaling below zero is the caller's mistake."""
    async with open_stage() as stage:
        endpoint = stage.endpoint()
        with pytest.raises(ValueError, match="-1 instances"):
            endpoint.set_instances(-1)


async def test_without_instances_requests_wait_until_their_ttl_is_over() -> None:
    """An expired request is told as failed, with a reason that says so, and leaves no object."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(instances=0, failure_path="s3://bucket/bad")
        short = submit(endpoint, requestttlseconds="60", inference_id="short")
        long = submit(endpoint, inference_id="long")
        await stage.clock.advance(59)

        assert stage.inbox.results() == []

        await stage.clock.advance(1)

        assert (short.status, long.status, endpoint.backlog) == ("Expired", "Queued", 1)

        result = stage.inbox.results()[0]

        assert (result["inferenceId"], result["invocationStatus"]) == ("short", "Failed")
        assert "expired" in str(result["failureReason"])
        assert stage.objects.keys("bucket") == []

        await stage.clock.advance(21_540)
        await endpoint.wait_idle()

        assert stage.inbox.ids() == ["short", "long"]


async def test_the_ttl_ends_when_the_model_begins() -> None:
    """What is being worked on does not expire by its time in the queue."""
    async with open_stage() as stage:
        gate = asyncio.Event()

        async def model(_request: ModelRequest) -> bytes:
            await gate.wait()
            return b""

        endpoint = stage.endpoint(model)
        invocation = submit(endpoint, requestttlseconds="60", invocationtimeoutseconds="3600")
        await stage.clock.advance(61)
        gate.set()
        await endpoint.wait_idle()

        assert invocation.status == "Completed"


async def test_a_model_that_takes_too_long_is_cut_off() -> None:
    """It is cancelled, the invocation expires, and the worker takes the next request."""
    async with open_stage() as stage:

        async def model(request: ModelRequest) -> bytes:
            if request.body == b"hang":
                await asyncio.get_running_loop().create_future()
            return b"ok"

        endpoint = stage.endpoint(model, concurrency=1)
        hanging = submit(endpoint, b"hang", invocationtimeoutseconds="5")
        following = submit(endpoint, b"next")
        await stage.clock.advance(4)

        assert hanging.status == "InProgress"

        await stage.clock.advance(1)
        await endpoint.wait_idle()

        assert (hanging.status, following.status) == ("Expired", "Completed")
        assert "5 seconds" in (hanging.failure_reason or "")
        assert "expired" in (hanging.failure_reason or "")


@pytest.mark.parametrize(
    ("error", "reason", "body"),
    [
        (
            ModelError(400, '{"code":400}'),
            "ClientError: Received client error (400) from model. ",
            b'{"code":400}',
        ),
        (ModelError(503, b"busy"), "ServerError: Received server error (503) from model. ", b"busy"),
        (
            ZeroDivisionError("x"),
            "ServerError: Received server error (500) from model. ",
            b'{"code": 500, "type": "InternalServerException", "message": "ZeroDivisionError: x"}',
        ),
        (
            TimeoutError("its own"),
            "ServerError: Received server error (500) from model. ",
            b'{"code": 500, "type": "InternalServerException", "message": "TimeoutError: its own"}',
        ),
    ],
)
async def test_a_model_that_raises_fails_with_its_words_kept(
    error: Exception, reason: str, body: bytes
) -> None:
    """The failure object holds the container's answer, and the notification names it."""
    async with open_stage() as stage:

        async def model(_request: ModelRequest) -> bytes:
            raise error

        endpoint = stage.endpoint(model, failure_path="s3://bucket/bad", include_response_in=BOTH)
        invocation = submit(endpoint)
        await endpoint.wait_idle()
        topic, _ = stage.inbox.published[-1]
        result = stage.inbox.results()[0]
        stored = stage.objects.get("bucket", "bad/uuid-3-error.out")

        assert invocation.status == "Failed"
        assert topic == ERROR
        assert str(result["failureReason"]).startswith(reason)
        assert result["responseParameters"] == {"failureLocation": invocation.failure_location}
        assert stored is not None
        assert stored.body == body


async def test_a_container_that_gives_no_answer_leaves_no_failure_object() -> None:
    """A model that cancels itself is such a container; status 0 says so too."""
    async with open_stage() as stage:

        async def model(request: ModelRequest) -> bytes:
            if request.body == b"cancel":
                raise asyncio.CancelledError
            raise ModelError(0, b"unheard")

        endpoint = stage.endpoint(model, failure_path="s3://bucket/bad")
        submit(endpoint, b"cancel")
        submit(endpoint, b"raise")
        await endpoint.wait_idle()
        reasons = [str(each["failureReason"]) for each in stage.inbox.results()]

        assert [reason.partition(" See")[0] for reason in reasons] == [
            "ServerError: Received server error (0) from model."
        ] * 2
        assert stage.objects.keys("bucket") == []


async def test_without_a_failure_path_a_failure_is_only_told() -> None:
    """No location in the record, none in the message."""
    async with open_stage() as stage:

        def model(_request: ModelRequest) -> bytes:
            raise ModelError(400)

        endpoint = stage.endpoint(model)
        invocation = submit(endpoint)
        await endpoint.wait_idle()

        assert invocation.failure_location is None
        assert "responseParameters" not in stage.inbox.results()[0]


async def test_a_response_that_cannot_be_stored_is_a_failure() -> None:
    """A missing output bucket ends the invocation on the error topic."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(output_path="s3://missing/out")
        invocation = submit(endpoint)
        await endpoint.wait_idle()

        assert invocation.status == "Failed"
        assert "Unable to upload" in (invocation.failure_reason or "")
        assert stage.inbox.published[-1][0] == ERROR


async def test_an_endpoint_without_output_path_answers_by_message_alone() -> None:
    """There is no location to tell, and no object."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(output_path=None, include_response_in=BOTH)
        invocation = submit(endpoint, b"hi", filename="ignored")
        await endpoint.wait_idle()
        result = stage.inbox.results()[0]

        assert invocation.output_location is None
        assert result["responseParameters"] == {"contentType": "application/octet-stream"}
        assert "responseBody" in result


async def test_without_topics_nothing_is_told() -> None:
    """Success and failure end in silence, and the object is still written."""
    async with open_stage() as stage:

        async def model(request: ModelRequest) -> bytes:
            if request.body == b"bad":
                raise ModelError(400)
            return b"ok"

        endpoint = stage.endpoint(model, success_topic=None, error_topic=None)
        submit(endpoint, b"good")
        submit(endpoint, b"bad")
        await endpoint.wait_idle()

        assert stage.inbox.published == []
        assert len(stage.objects.keys("bucket")) == 1
        assert [each.status for each in endpoint.invocations] == ["Completed", "Failed"]


async def test_success_goes_to_one_topic_and_failure_to_the_other() -> None:
    """One notification for each invocation."""
    async with open_stage() as stage:

        async def model(request: ModelRequest) -> bytes:
            if request.body == b"bad":
                raise ModelError(400)
            return b"ok"

        endpoint = stage.endpoint(model)
        stage.inbox.published.clear()
        submit(endpoint, b"good")
        submit(endpoint, b"bad")
        await endpoint.wait_idle()

        assert [topic for topic, _ in stage.inbox.published] == [SUCCESS, ERROR]


async def test_one_inference_id_sent_twice_is_two_runs() -> None:
    """SageMaker deduplicates nothing."""
    async with open_stage() as stage:
        endpoint = stage.endpoint()
        submit(endpoint, inference_id="same")
        submit(endpoint, inference_id="same")
        await endpoint.wait_idle()
        first, second = endpoint.runs_of("same")

        assert stage.inbox.ids() == ["same", "same"]
        assert first.output_location != second.output_location
        assert endpoint.runs_of("unknown") == []


async def test_the_payload_is_dropped_when_the_invocation_has_ended() -> None:
    """The account of a long run costs no payloads."""
    async with open_stage() as stage:
        endpoint = stage.endpoint()
        invocation = submit(endpoint, b"large")

        assert invocation.body == b"large"

        await endpoint.wait_idle()

        assert invocation.body == b""


async def test_when_told_is_done_for_those_who_come_late_and_those_who_gave_up() -> None:
    """Asking after the end is answered at once; a waiter that was cancelled does no harm."""
    async with open_stage() as stage:
        endpoint = stage.endpoint()
        late, given_up = submit(endpoint), submit(endpoint)
        given_up.when_told().cancel()
        await endpoint.wait_idle()

        assert late.when_told().done()
        assert late.when_told() is late.when_told()
        assert given_up.status == "Completed"


async def test_closing_drops_the_queue_and_cancels_the_model() -> None:
    """Nothing is written or told any more."""
    async with open_stage() as stage:
        cancelled: list[bool] = []

        async def model(_request: ModelRequest) -> bytes:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise
            return b""

        endpoint = stage.endpoint(model, concurrency=1)
        running, queued = submit(endpoint), submit(endpoint)
        await asyncio.sleep(0)
        await stage.endpoints.delete("digits")
        await endpoint.wait_idle()
        await stage.clock.advance(30_000)

        assert cancelled == [True]
        assert (running.status, queued.status) == ("InProgress", "Queued")
        assert stage.inbox.results() == []


async def test_a_new_configuration_serves_what_was_queued_before() -> None:
    """The queue outlives an update; model, capacity and topics are the new ones."""
    async with open_stage() as stage:
        endpoint = stage.endpoint(instances=0)
        invocation = submit(endpoint, b"x")
        other = stage.endpoint(lambda _request: "new", name="other", success_topic=None)
        await stage.clock.advance(1)
        stage.endpoints.update("digits", "other")
        await endpoint.wait_idle()
        stored = stage.objects.get("bucket", "out/uuid-2.out")

        assert invocation.status == "Completed"
        assert stored is not None
        assert stored.body == b"new"
        assert endpoint.success_topic_arn is None
        assert endpoint.modified_time > other.modified_time


async def test_echo_answers_with_the_requests_own_type() -> None:
    """The model of endpoints that were given none."""
    assert await echo(ModelRequest(b"x", "text/csv")) == ModelResponse(b"x", "text/csv")
