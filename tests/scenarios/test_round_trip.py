"""From a payload to its result, by every way there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aio_sm_async import (
    DeadlinePassedError,
    ExpiredError,
    InferenceFailedError,
    ResultError,
    S3Polling,
    S3Uploads,
    SqsNotifications,
)
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, ModelError, ModelRequest, ModelResponse, mishaps
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import echo
from aio_sm_async.emulator.rule import Rule
from tests.scenarios.stage import FAST_POLLING, Clients, left_in, pass_time, queue_of, until

MEBIBYTE = 1024 * 1024


async def measure(request: ModelRequest) -> dict[str, object]:
    return {"bytes": len(request.body), "type": request.content_type}


async def complain(request: ModelRequest) -> str:
    raise ModelError(400, '{"message":"the digit is smudged"}')


class TestWaysBack:
    async def test_response_comes_with_the_notification(self, aws: Emulator, clients: Clients) -> None:
        """An endpoint that includes responses costs no call to S3."""
        endpoint = await aws.create_endpoint("e", measure)
        client = await clients.open(endpoint)

        result = await client.invoke({"a": 1})

        assert ({"bytes": 7, "type": "application/json"}, "sqs") == (result.value, result.source)
        assert 0 == aws.calls["GetObject"]

    async def test_response_is_fetched_where_the_notification_lacks_it(
        self, aws: Emulator, clients: Clients
    ) -> None:
        """One GET of the output location brings what the notification did not."""
        endpoint = await aws.create_endpoint("e", measure, include_response=False)
        client = await clients.open(endpoint)

        result = await client.invoke({"a": 1})

        assert ({"bytes": 7, "type": "application/json"}, "sqs") == (result.value, result.source)
        assert 1 == aws.calls["GetObject"]

    async def test_response_too_long_for_a_notification_is_fetched(
        self, aws: Emulator, clients: Clients
    ) -> None:
        """What SageMaker leaves out of a notification, S3 has."""
        endpoint = await aws.create_endpoint("e", lambda _: b"x" * 128_001)
        client = await clients.open(endpoint)

        result = await client.invoke(b"?")

        assert 128_001 == len(result.body)
        assert "application/octet-stream" == result.content_type

    @pytest.mark.parametrize("include_response", [True, False])
    async def test_raw_delivery(self, aws: Emulator, clients: Clients, include_response: bool) -> None:
        """A subscription with raw delivery is read like one with SNS's envelope."""
        endpoint = await aws.create_endpoint("e", echo, raw_delivery=True, include_response=include_response)
        client = await clients.open(endpoint)

        result = await client.invoke("hello")

        assert ("hello", "sqs") == (result.value, result.source)

    async def test_polling_alone(self, aws: Emulator, clients: Clients) -> None:
        """Without notifications S3 is asked, and tells body and type alike."""
        endpoint = await aws.create_endpoint("e", measure, notifications=False)
        client = await clients.open(endpoint, polling=FAST_POLLING)

        result = await client.invoke({"a": 1})

        assert ({"bytes": 7, "type": "application/json"}, "polling") == (result.value, result.source)
        assert 0 == aws.calls["ReceiveMessage"]

    async def test_polling_lists_where_many_are_due(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """Many results of one prefix are found by listing it."""
        endpoint = await slow_aws.create_endpoint("e", echo, notifications=False)
        client = await slow_clients.open(endpoint, clock=clock)
        futures = [await client.submit(str(number)) for number in range(12)]
        await endpoint.wait_idle()
        await pass_time(clock, lambda: all(future.done() for future in futures), at_most=30, step=1.0)

        assert [str(number) for number in range(12)] == [future.result().value for future in futures]
        assert 1 == slow_aws.calls["ListObjectsV2"]

    async def test_polling_without_names_of_ours(self, aws: Emulator, clients: Clients) -> None:
        """``own_prefix=False`` sends no names, and asks for each key that SageMaker told."""
        endpoint = await aws.create_endpoint("e", echo, notifications=False)
        polling = S3Polling(first_seconds=0.04, own_prefix=False)
        client = await clients.open(endpoint, polling=polling)

        result = await client.invoke("hello")

        sent = endpoint.invocations[0].request
        assert "hello" == result.value
        assert (None, None) == (sent.output_path_extension, sent.filename)
        assert 0 == aws.calls["ListObjectsV2"]

    async def test_notifications_alone(self, aws: Emulator, clients: Clients) -> None:
        """``polling=None`` relies on notifications, and sends no names of ours."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint, polling=None)

        result = await client.invoke("hello")

        sent = endpoint.invocations[0].request
        assert ("hello", None) == (result.value, sent.filename)

    async def test_result_reads_like_a_response(self, aws: Emulator, clients: Clients) -> None:
        """A result knows its invocation, its location and its times."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint)
        future = await client.submit('{"n":1}', accept="application/json")

        result = await future

        record = endpoint.invocations[0]
        assert ({"n": 1}, {"n": 1}, '{"n":1}') == (result.value, result.json(), result.text)
        assert (record.inference_id, "e") == (result.inference_id, result.endpoint_name)
        assert record.output_location == str(result.output_location) == str(future.output_location)
        assert record.failure_location == str(future.failure_location)
        assert result.received_time is not None
        assert result.finished_time is not None
        assert result.received_time <= result.finished_time


class TestPayloads:
    @pytest.mark.parametrize(
        ("payload", "content_type"),
        [
            (b"\x00\xff", "application/octet-stream"),
            ("é", "text/plain; charset=utf-8"),
            ({"a": [1, None, "é"]}, "application/json"),
            ([1.5, True], "application/json"),
            (None, "application/json"),
            (7, "application/json"),
        ],
    )
    async def test_kinds(self, aws: Emulator, clients: Clients, payload: object, content_type: str) -> None:
        """Bytes, text and JSON values travel inline, each by its own type, and come back as they were."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint)

        result = await client.invoke(payload)

        assert payload == result.value
        assert content_type == endpoint.invocations[0].request.content_type
        assert 0 == aws.calls["PutObject"]

    async def test_accept_decides_how_the_value_is_read(self, aws: Emulator, clients: Clients) -> None:
        """An ``accept`` that a codec knows goes before the container's own Content-Type."""
        endpoint = await aws.create_endpoint("e", lambda _: ModelResponse(b'{"n":1}', "text/html"))
        client = await clients.open(endpoint, accept="application/json")

        as_json = await client.invoke(b"?")
        as_text = await client.invoke(b"?", accept=None)

        assert ({"n": 1}, '{"n":1}') == (as_json.value, as_text.text)
        assert ["application/json", None] == [each.request.accept for each in endpoint.invocations]

    async def test_large_bytes_are_uploaded(self, aws: Emulator, clients: Clients) -> None:
        """What does not fit into the request goes through S3, under a name that is never used twice."""
        aws.objects.create_bucket("inputs")
        endpoint = await aws.create_endpoint("e", measure)
        client = await clients.open(endpoint, uploads=S3Uploads("s3://inputs/in/"))

        result = await client.invoke(b"x" * 128_001, inference_id="job-1")

        assert {"bytes": 128_001, "type": "application/octet-stream"} == result.value
        [key] = aws.objects.keys("inputs")
        assert key.startswith("in/")
        assert f"s3://inputs/{key}" == endpoint.invocations[0].request.input_location

    async def test_path_is_streamed(self, aws: Emulator, clients: Clients, tmp_path: Path) -> None:
        """A path is read while it is uploaded."""
        (tmp_path / "image.png").write_bytes(b"pixels")
        aws.objects.create_bucket("inputs")
        endpoint = await aws.create_endpoint("e", measure)
        client = await clients.open(endpoint, uploads=S3Uploads("s3://inputs/in/"))

        result = await client.invoke(tmp_path / "image.png", content_type="image/png")

        assert {"bytes": 6, "type": "image/png"} == result.value

    async def test_async_iterator_goes_up_in_parts(self, aws: Emulator, clients: Clients) -> None:
        """A stream larger than a part goes up in parts."""

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(6):
                yield b"x" * MEBIBYTE

        aws.objects.create_bucket("inputs")
        endpoint = await aws.create_endpoint("e", measure)
        client = await clients.open(endpoint, uploads=S3Uploads("s3://inputs/in/", part_bytes=5 * MEBIBYTE))

        result = await client.invoke(pieces(), content_type="video/mp4")

        assert {"bytes": 6 * MEBIBYTE, "type": "video/mp4"} == result.value
        assert 2 == aws.calls["UploadPart"]

    @pytest.mark.parametrize(
        ("delete", "fails", "is_left"),
        [
            ("never", False, True),
            ("on_success", False, False),
            ("on_success", True, True),
            ("always", True, False),
        ],
    )
    async def test_uploaded_input_is_deleted_as_told(
        self, aws: Emulator, clients: Clients, delete: str, fails: bool, is_left: bool
    ) -> None:
        """``S3Uploads(delete=…)`` decides whether the input stays once its inference has ended."""
        aws.objects.create_bucket("inputs")
        endpoint = await aws.create_endpoint("e", complain if fails else measure)
        uploads = S3Uploads("s3://inputs/in/", delete=delete)  # type: ignore[arg-type]
        client = await clients.open(endpoint, uploads=uploads)

        future = await client.submit(b"x" * 128_001)
        await asyncio.wait([future.as_asyncio()])
        await until(lambda: bool(aws.objects.keys("inputs")) is is_left)

        assert (0 if is_left else 1) == aws.calls["DeleteObject"]

    async def test_input_that_cannot_be_deleted_does_no_harm(self, aws: Emulator, clients: Clients) -> None:
        """A denied delete of the input leaves the result untouched."""
        aws.objects.create_bucket("inputs")
        endpoint = await aws.create_endpoint("e", measure)
        client = await clients.open(endpoint, uploads=S3Uploads("s3://inputs/in/", delete="always"))
        aws.trouble.add(mishaps.access_denied("DeleteObject"))

        result = await client.invoke(b"x" * 128_001)
        await until(lambda: aws.calls["DeleteObject"] == 1)

        assert 128_001 == result.json()["bytes"]

    async def test_input_location(self, aws: Emulator, clients: Clients) -> None:
        """An input that is in S3 already is only named."""
        aws.objects.create_bucket("inputs")
        aws.objects.put("inputs", "there.csv", b"1,2,3")
        endpoint = await aws.create_endpoint("e", measure)
        client = await clients.open(endpoint)

        result = await client.invoke(input_location="s3://inputs/there.csv", content_type="text/csv")

        assert {"bytes": 5, "type": "text/csv"} == result.value
        assert 0 == aws.calls["PutObject"]

    async def test_missing_input_fails_the_invocation(self, aws: Emulator, clients: Clients) -> None:
        """SageMaker notices a missing input only when its turn has come; no object of it is waited for."""
        endpoint = await aws.create_endpoint("e", measure)
        client = await clients.open(endpoint)

        with pytest.raises(InferenceFailedError, match="Unable to download"):
            await client.invoke(input_location="s3://nowhere/there.csv")

        assert 1 == aws.calls["GetObject"]


class TestNames:
    async def test_own_inference_id_extension_and_filename(self, aws: Emulator, clients: Clients) -> None:
        """The caller's id and filename are sent verbatim, its extension stands before ours."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint, client_id="me")

        result = await client.invoke(
            "x", inference_id="order 42", s3_output_path_extension="2026/a", filename="42.txt"
        )

        sent = endpoint.invocations[0].request
        assert ("order 42", "order 42") == (result.inference_id, sent.inference_id)
        assert sent.output_path_extension is not None
        assert sent.output_path_extension.startswith("2026/a/me/")
        assert str(result.output_location).endswith(f"/{sent.output_path_extension}/42.txt")

    async def test_second_delivery_of_an_own_id_is_a_duplicate(self, aws: Emulator, clients: Clients) -> None:
        """Settled ids of the caller's choice are remembered, so that a second message of one is deleted."""
        endpoint = await aws.create_endpoint("e", echo)
        queue = queue_of(aws, endpoint)
        aws.trouble.add(mishaps.duplicate_notification(nth=1))
        async with clients.new(endpoint) as client:
            await client.invoke("x", inference_id="order-42")
            await client.invoke("y")

        assert 0 == left_in(queue)

    async def test_id_that_is_pending_already_is_refused(self, aws: Emulator, clients: Clients) -> None:
        """Two invocations of one id cannot be told apart, so the second is refused unsent."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        client = await clients.open(endpoint)
        first = await client.submit("x", inference_id="twice")

        with pytest.raises(ValueError, match="pending already"):
            await client.submit("y", inference_id="twice")

        assert 1 == len(endpoint.invocations)
        assert not first.done()
        assert 1 == client.statistics().submitted

    async def test_views_share_one_client(self, aws: Emulator, clients: Clients) -> None:
        """``with_options`` changes defaults for a view, and nothing for the client it was made of."""
        one = await aws.create_endpoint("one", lambda request: "one " + (request.custom_attributes or ""))
        two = await aws.create_endpoint("two", lambda request: "two " + (request.custom_attributes or ""))
        assert one.queue_url is not None
        assert two.queue_url is not None
        client = await clients.open("one", notifications=SqsNotifications([one.queue_url, two.queue_url]))
        view = client.with_options(endpoint_name="two", custom_attributes="traced")

        results = await asyncio.gather(
            client.invoke("x"), view.invoke("x"), view.invoke("x", endpoint_name="one")
        )

        assert ["one ", "two traced", "one traced"] == [result.value for result in results]
        assert ["sqs", "sqs", "sqs"] == [result.source for result in results]
        assert client.statistics() == view.statistics()
        assert 3 == client.statistics().completed


class TestEndpointsWithLess:
    async def test_without_failure_path(self, aws: Emulator, clients: Clients) -> None:
        """An endpoint without S3FailurePath tells no failure location, and works all the same."""
        endpoint = await aws.create_endpoint("e", echo, failures=None)
        client = await clients.open(endpoint)

        future = await client.submit("x")

        assert "x" == (await future).value
        assert future.failure_location is None

    async def test_without_output_path_the_message_waits_for_its_consumer(
        self, aws: Emulator, clients: Clients
    ) -> None:
        """The only copy of a result is deleted once the caller has taken it, and not before."""
        endpoint = await aws.create_endpoint("e", echo, output=None, failures=None)
        queue = queue_of(aws, endpoint)
        queue.purge()  # of test notifications
        async with clients.new(endpoint) as client:
            taken, left = await client.submit("taken"), await client.submit("left")
            await until(lambda: taken.done() and left.done())
            value = (await taken).value

        assert "taken" == value
        assert taken.output_location is None
        assert (1, 1) == (queue.statistics().deleted, queue.statistics().in_flight)
        assert left.done()

    async def test_without_output_path_a_long_response_is_lost(self, aws: Emulator, clients: Clients) -> None:
        """A response that no notification carries and no bucket holds is an error that says so."""
        endpoint = await aws.create_endpoint("e", lambda _: b"x" * 128_001, output=None, failures=None)
        client = await clients.open(endpoint)

        with pytest.raises(ResultError, match="no S3OutputPath"):
            await client.invoke("x")

    async def test_without_output_path_even_an_ambiguous_request_ends(
        self, aws: Emulator, clients: Clients
    ) -> None:
        """A lost 202 and a notification that names neither body nor place end in an error, not in silence."""
        endpoint = await aws.create_endpoint("e", lambda _: b"x" * 128_001, output=None, failures=None)
        client = await clients.open(endpoint, on_ambiguous="wait")
        aws.trouble.add(mishaps.answer_lost())

        with pytest.raises(ResultError, match="response is lost"):
            await client.invoke("x")


class TestFailures:
    @pytest.mark.parametrize("include_response", [True, False])
    @pytest.mark.parametrize("failures", ["s3://failures/{name}", None])
    async def test_error_notification(
        self, aws: Emulator, clients: Clients, failures: str | None, include_response: bool
    ) -> None:
        """A failure carries SageMaker's reason, and the container's words wherever anyone kept them."""
        endpoint = await aws.create_endpoint(
            "e", complain, failures=failures, include_response=include_response
        )
        client = await clients.open(endpoint)

        with pytest.raises(InferenceFailedError) as caught:
            await client.invoke("x")

        kept = b'{"message":"the digit is smudged"}' if failures or include_response else None
        assert kept == caught.value.response
        assert "Received client error (400) from model" in caught.value.reason
        assert endpoint.invocations[0].inference_id == caught.value.inference_id
        assert ("the digit is smudged" in str(caught.value)) is (kept is not None)

    async def test_without_error_topic(self, aws: Emulator, clients: Clients) -> None:
        """Where nobody tells of a failure, polling finds the failure object."""
        endpoint = await aws.create_endpoint("e", complain, notifications=False)
        client = await clients.open(endpoint, polling=FAST_POLLING)

        with pytest.raises(InferenceFailedError, match="the digit is smudged"):
            await client.invoke("x")

    async def test_failures_among_many_are_found_by_polling(self, aws: Emulator, clients: Clients) -> None:
        """Failures of a listed block are asked for in turn, until each is found."""
        endpoint = await aws.create_endpoint(
            "e", complain, notifications=False, max_concurrent_invocations_per_instance=20
        )
        polling = S3Polling(
            first_seconds=0.04, growth=1.0, failures_per_second=1000, max_requests_per_second=5000
        )
        client = await clients.open(endpoint, polling=polling)
        futures = [await client.submit("x") for _ in range(20)]

        outcomes = await asyncio.gather(*futures, return_exceptions=True)

        assert 20 == sum(isinstance(outcome, InferenceFailedError) for outcome in outcomes)
        assert 20 == client.statistics().failed

    async def test_expired_in_the_queue(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """A request that SageMaker drops from its queue is told as expired."""
        endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
        client = await slow_clients.open(endpoint, clock=clock)
        future = await client.submit("x", request_ttl_seconds=60)

        await pass_time(clock, future.done, at_most=90)

        assert isinstance(future.exception(), ExpiredError)
        assert 1 == client.statistics().expired

    async def test_nothing_ever_heard(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """A request that leaves no trace fails once SageMaker must be done with it, after a last look."""
        endpoint = await slow_aws.create_endpoint("e", echo, instances=0, notifications=False)
        client = await slow_clients.open(endpoint, clock=clock)
        future = await client.submit("x", request_ttl_seconds=60, invocation_timeout_seconds=100)

        await clock.advance(459)
        assert not future.done()
        await pass_time(clock, future.done, at_most=10)

        assert isinstance(future.exception(), DeadlinePassedError)
        assert (1, 0) == (client.statistics().deadline_passed, client.statistics().abandoned)

    async def test_nothing_ever_heard_without_polling(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """The deadline holds also where S3 is never asked."""
        endpoint = await slow_aws.create_endpoint("e", echo)
        slow_aws.trouble.add(mishaps.dropped_notification())
        client = await slow_clients.open(endpoint, clock=clock, polling=None)
        future = await client.submit("x", request_ttl_seconds=60, invocation_timeout_seconds=1)

        await clock.advance(360)
        await pass_time(clock, future.done, at_most=10)

        assert isinstance(future.exception(), DeadlinePassedError)

    async def test_last_look_finds_what_nobody_told(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """Even where polling is rare, S3 is asked before an invocation is given up."""
        endpoint = await slow_aws.create_endpoint("e", echo, notifications=False)
        client = await slow_clients.open(
            endpoint, clock=clock, polling=S3Polling(first_seconds=1e6, max_interval_seconds=1e6)
        )
        future = await client.submit("x", request_ttl_seconds=60, invocation_timeout_seconds=1)
        await endpoint.wait_idle()

        await clock.advance(360)
        assert not future.done()
        await pass_time(clock, future.done, at_most=10)

        assert "x" == future.result().value

    async def test_deadline_holds_though_s3_cannot_be_read(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """A last look that fails again and again ends the invocation nonetheless."""
        endpoint = await slow_aws.create_endpoint("e", echo, notifications=False)
        client = await slow_clients.open(endpoint, clock=clock)
        slow_aws.trouble.add(mishaps.slow_down())
        future = await client.submit("x", request_ttl_seconds=60, invocation_timeout_seconds=1)

        await clock.advance(360)
        await pass_time(clock, future.done, at_most=600)

        assert isinstance(future.exception(), DeadlinePassedError)

    async def test_result_that_may_not_be_read(self, aws: Emulator, clients: Clients) -> None:
        """A result that S3 refuses to hand out is an error that names the permission."""
        endpoint = await aws.create_endpoint("e", echo, include_response=False)
        client = await clients.open(endpoint)
        aws.trouble.add(mishaps.access_denied("GetObject"))

        with pytest.raises(Exception, match="s3:GetObject"):
            await client.invoke("x")

    async def test_result_that_appears_late(self, aws: Emulator, clients: Clients) -> None:
        """A result that S3 does not show yet is asked for again."""
        endpoint = await aws.create_endpoint("e", echo, include_response=False)
        client = await clients.open(endpoint)
        missing = Fault("status", status=404, code="NoSuchKey", message="The specified key does not exist.")
        aws.trouble.add(Rule("s3", "GetObject", missing, times=1))

        result = await client.invoke("x")

        assert ("x", "sqs") == (result.value, result.source)
