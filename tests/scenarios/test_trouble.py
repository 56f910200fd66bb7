"""What AWS is known for: lost, late, doubled and strange messages, and services that refuse for a while."""

from __future__ import annotations

import asyncio
import json
import warnings

import pytest

from aio_sm_async import NotSentError, S3Polling
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, mishaps
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import echo
from aio_sm_async.emulator.rule import Rule
from tests.scenarios.stage import FAST_POLLING, Clients, left_in, pass_time, queue_of, until

NO_LIST = Rule("s3", "ListObjectsV2", Fault("status", status=403, code="AccessDenied"))
MISSING_AS_403 = Fault("status", status=403, code="AccessDenied", message="Access Denied")


def message_about(endpoint: Endpoint, inference_id: str, **changes: object) -> str:
    """A success notification as SageMaker words it, with some parts of it changed."""
    message: dict[str, object] = {
        "awsRegion": "us-east-1",
        "eventTime": "2026-01-25T22:46:00.608Z",
        "receivedTime": "2026-01-25T22:46:00.455Z",
        "invocationStatus": "Completed",
        "requestParameters": {"contentType": "text/plain", "endpointName": endpoint.name},
        "responseParameters": {
            "contentType": "text/plain",
            "outputLocation": next(
                (run.output_location for run in endpoint.runs_of(inference_id)), "s3://elsewhere/x.out"
            ),
        },
        "responseBody": {"content": "Zm9yZ2Vk", "message": "", "encoding": "BASE64"},
        "inferenceId": inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    return json.dumps(message | changes)


class TestNotifications:
    async def test_early(self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
        """A notification that overtakes the 202 is held until it, and settles the invocation then."""
        endpoint = await slow_aws.create_endpoint("e", echo)
        client = await slow_clients.open(endpoint, clock=clock, polling=None)
        slow_aws.trouble.add(mishaps.slow_answer(5.0))

        submit = asyncio.ensure_future(client.submit("x"))
        await until(lambda: client.statistics().notifications["early"] == 1)
        assert not submit.done()
        await clock.advance(5.0)
        result = await (await submit)

        assert ("x", "sqs") == (result.value, result.source)

    async def test_duplicate(self, aws: Emulator, clients: Clients) -> None:
        """A second delivery of the same notification settles nothing, and is deleted."""
        endpoint = await aws.create_endpoint("e", echo)
        queue = queue_of(aws, endpoint)
        aws.trouble.add(mishaps.duplicate_notification(copies=3))
        async with clients.new(endpoint) as client:
            for _ in range(3):
                await client.invoke("x")
            await until(lambda: client.statistics().notifications["duplicates"] == 6)
            statistics = client.statistics()

        assert (3, 0) == (statistics.completed, statistics.failed)
        assert 0 == left_in(queue)

    async def test_dropped(self, aws: Emulator, clients: Clients) -> None:
        """A notification that never comes is made up for by polling."""
        endpoint = await aws.create_endpoint("e", echo)
        aws.trouble.add(mishaps.dropped_notification())
        client = await clients.open(endpoint, polling=FAST_POLLING)

        result = await client.invoke("x")

        assert ("x", "polling") == (result.value, result.source)

    async def test_polling_quickens_when_notifications_cease(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """While notifications flow S3 is asked rarely; once three are missed, as often as without any."""
        endpoint = await slow_aws.create_endpoint("e", echo)
        polling = S3Polling(first_seconds=2.0, notified_interval_seconds=600.0)
        client = await slow_clients.open(endpoint, clock=clock, polling=polling)
        await client.invoke("x")
        assert client.statistics().notifications_flow
        slow_aws.trouble.add(mishaps.dropped_notification())
        missed = [await client.submit("x") for _ in range(3)]

        await clock.advance(590)
        assert [False] * 3 == [each.done() for each in missed]
        await pass_time(clock, lambda: all(each.done() for each in missed), at_most=100)

        assert not client.statistics().notifications_flow
        quick = await client.submit("x")
        await pass_time(clock, quick.done, at_most=10, step=1.0)

    async def test_reordered_and_delayed(self, aws: Emulator, clients: Clients) -> None:
        """Each result goes to its own invocation, in whatever order messages come."""
        endpoint = await aws.create_endpoint("e", echo)
        aws.trouble.add(
            mishaps.reordered_notification(behind=2, at_most_seconds=0.2, every=2),
            mishaps.delayed_notification(0.05, every=3),
        )
        client = await clients.open(endpoint)
        futures = [await client.submit(str(number)) for number in range(8)]

        results = await asyncio.gather(*futures)

        assert [str(number) for number in range(8)] == [result.value for result in results]


class TestServices:
    async def test_queue_that_cannot_be_read(self, aws: Emulator, clients: Clients) -> None:
        """While SQS fails S3 is polled, and the poller survives."""
        endpoint = await aws.create_endpoint("e", echo)
        aws.trouble.add(mishaps.queue_error())
        client = await clients.open(endpoint, polling=FAST_POLLING)

        result = await client.invoke("x")

        assert ("x", "polling") == (result.value, result.source)
        assert client.statistics().notifications["sqs_errors"] > 0
        assert 0 == client.statistics().pumps_restarted

    async def test_queue_that_recovers(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """The poller tries again by itself, and notifications flow as before."""
        endpoint = await slow_aws.create_endpoint("e", echo)
        slow_aws.trouble.add(mishaps.queue_error(times=3))
        client = await slow_clients.open(endpoint, clock=clock, polling=None)
        future = await client.submit("x")

        await pass_time(clock, future.done, at_most=20, step=0.5)

        assert ("x", "sqs") == (future.result().value, future.result().source)
        assert 3 == client.statistics().notifications["sqs_errors"]
        assert client.statistics().notifications_flow

    async def test_helper_that_cannot_read(self, aws: Emulator, clients: Clients) -> None:
        """A poll beside the first that fails is given up; the first goes on."""
        endpoint = await aws.create_endpoint(
            "e", echo, max_concurrent_invocations_per_instance=12, instances=0
        )
        client = await clients.open(endpoint, polling=None)
        futures = [await client.submit(str(number)) for number in range(12)]
        short = Fault("status", status=500, code="InternalError")
        aws.trouble.add(
            Rule(
                "sqs",
                "ReceiveMessage",
                short,
                when=lambda each: each.call is not None and b'"WaitTimeSeconds": 0' in each.call.body,
            )
        )
        endpoint.set_instances(1)

        results = await asyncio.gather(*futures)
        await until(lambda: aws.trouble.injected["status"] > 0)

        assert [str(number) for number in range(12)] == [result.value for result in results]
        assert 0 == client.statistics().notifications["sqs_errors"]

    async def test_deletes_that_fail_are_repeated(self, aws: Emulator, clients: Clients) -> None:
        """A message whose delete SQS refused is deleted by the next batch."""
        endpoint = await aws.create_endpoint("e", echo)
        queue = queue_of(aws, endpoint)
        async with clients.new(endpoint) as client:
            queue.deletes_to_fail = 1
            await client.invoke("x")
            await until(lambda: left_in(queue) == 0)

        assert 0 == left_in(queue)

    async def test_full_batches_call_for_more_pollers(self, aws: Emulator, clients: Clients) -> None:
        """A backlog of messages is taken by several polls side by side."""
        endpoint = await aws.create_endpoint(
            "e", echo, max_concurrent_invocations_per_instance=40, instances=0
        )
        queue = queue_of(aws, endpoint)
        async with clients.new(endpoint) as client:
            futures = [await client.submit(str(number)) for number in range(40)]
            endpoint.set_instances(1)

            results = await asyncio.gather(*futures)

        assert [str(number) for number in range(40)] == [result.value for result in results]
        assert 0 == left_in(queue)
        assert aws.calls["ReceiveMessage"] < 20

    async def test_slow_down(self, aws: Emulator, clients: Clients) -> None:
        """A result that S3 is too busy to hand out is asked for again."""
        endpoint = await aws.create_endpoint("e", echo, include_response=False)
        client = await clients.open(endpoint)
        aws.trouble.add(mishaps.slow_down(times=2))

        result = await client.invoke("x")

        assert "x" == result.value
        assert 3 == aws.calls["GetObject"]

    async def test_s3_that_is_out_for_longer(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """A believed notification whose body cannot be had is handed back, and the result is found later."""
        endpoint = await slow_aws.create_endpoint("e", echo, include_response=False)
        queue = queue_of(slow_aws, endpoint)
        async with slow_clients.new(endpoint, clock=clock) as client:
            slow_aws.trouble.add(mishaps.slow_down())
            future = await client.submit("x")
            await pass_time(clock, lambda: slow_aws.trouble.injected["slow_down"] >= 4, at_most=100)
            assert not future.done()

            slow_aws.trouble.clear()
            await pass_time(clock, future.done, at_most=100)

        assert "x" == future.result().value
        assert 0 == left_in(queue)

    async def test_polling_through_trouble(self, aws: Emulator, clients: Clients) -> None:
        """A look into S3 that fails is repeated at the next look."""
        endpoint = await aws.create_endpoint("e", echo, notifications=False)
        client = await clients.open(endpoint, polling=FAST_POLLING)
        aws.trouble.add(mishaps.slow_down(times=3))

        assert "x" == (await client.invoke("x")).value

    async def test_server_that_is_not_there(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock, unused_tcp_port: int
    ) -> None:
        """A refused connection is tried again, then raised as certainly not accepted."""
        nowhere = f"http://127.0.0.1:{unused_tcp_port}"
        urls = {"sagemaker-runtime": nowhere, "s3": slow_aws.url}
        client = await slow_clients.open("e", clock=clock, endpoint_urls=urls)
        submit = asyncio.ensure_future(client.submit("x"))

        await pass_time(clock, submit.done, at_most=600)

        assert isinstance(submit.exception(), NotSentError)
        assert client.statistics().calls["InvokeEndpointAsync"] > 1
        assert (1, 0) == (client.statistics().rejected, client.statistics().in_flight)

    async def test_permission_to_list_is_missing(
        self, aws: Emulator, clients: Clients, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Without s3:ListBucket a 403 is "not yet": keys are asked one by one, and one warning says so."""
        endpoint = await aws.create_endpoint("e", echo, notifications=False, instances=0)
        polling = S3Polling(first_seconds=0.04, growth=1.0)
        client = await clients.open(endpoint, polling=polling)
        aws.trouble.add(
            NO_LIST, Rule("s3", "GetObject", MISSING_AS_403, when=lambda _: endpoint.instances == 0)
        )
        futures = [await client.submit(str(number)) for number in range(9)]
        await until(lambda: aws.calls["ListObjectsV2"] >= 3)

        endpoint.set_instances(1)
        results = await asyncio.gather(*futures)

        assert [str(number) for number in range(9)] == [result.value for result in results]
        assert 1 == sum("s3:ListBucket" in record.message for record in caplog.records)

    async def test_permission_to_read_is_missing(self, aws: Emulator, clients: Clients) -> None:
        """Where listing is allowed a 403 is no "not yet", but an error that names the permission."""
        endpoint = await aws.create_endpoint("e", echo, notifications=False)
        client = await clients.open(endpoint, polling=FAST_POLLING)
        aws.trouble.add(mishaps.access_denied("GetObject"))

        with pytest.raises(Exception, match="s3:GetObject"):
            await client.invoke("x")


class TestStrangeMessages:
    async def test_forged_place(self, aws: Emulator, clients: Clients) -> None:
        """A message of the right id that names another place is not believed; S3 is asked instead."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        queue = queue_of(aws, endpoint)
        client = await clients.open(endpoint)
        future = await client.submit("x")
        elsewhere = {"contentType": "text/plain", "outputLocation": "s3://elsewhere/x.out"}

        queue.send(message_about(endpoint, future.inference_id, responseParameters=elsewhere))
        await until(lambda: client.statistics().notifications["mismatched"] == 1)
        assert not future.done()
        endpoint.set_instances(1)

        assert "x" == (await future).value

    async def test_forged_endpoint(self, aws: Emulator, clients: Clients) -> None:
        """A message of the right id from another endpoint is not believed."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        queue = queue_of(aws, endpoint)
        client = await clients.open(endpoint)
        future = await client.submit("x")

        queue.send(message_about(endpoint, future.inference_id, requestParameters={"endpointName": "f"}))
        await until(lambda: client.statistics().notifications["mismatched"] == 1)
        assert not future.done()
        endpoint.set_instances(1)

        assert "x" == (await future).value

    async def test_forged_before_the_answer(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """A wrong message that comes before the 202 does not keep the right one from being believed."""
        endpoint = await slow_aws.create_endpoint("e", echo)
        queue = queue_of(slow_aws, endpoint)
        client = await slow_clients.open(endpoint, clock=clock, polling=None)
        slow_aws.trouble.add(mishaps.slow_answer(5.0))
        elsewhere = {"contentType": "text/plain", "outputLocation": "s3://elsewhere/x.out"}
        queue.send(message_about(endpoint, "known-to-all", responseParameters=elsewhere))

        submit = asyncio.ensure_future(client.submit("x", inference_id="known-to-all"))
        await until(lambda: client.statistics().notifications["duplicates"] == 1)
        await clock.advance(5.0)

        assert "x" == (await (await submit)).value

    async def test_strangers_are_handed_back(self, aws: Emulator, clients: Clients) -> None:
        """Messages of other clients are released and never deleted, and one warning names the remedy."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        queue = queue_of(aws, endpoint)
        queue.purge()  # of test notifications
        async with clients.new(endpoint) as client:
            future = await client.submit("x")
            for _ in range(2):
                queue.send(message_about(endpoint, "another client's"))
            with pytest.warns(RuntimeWarning, match="shared=True") as caught:
                await until(lambda: client.statistics().notifications["strangers"] == 2)
            endpoint.set_instances(1)
            await future

        assert 1 == len(caught)
        assert 1 == queue.statistics().deleted
        assert 2 == left_in(queue)

    async def test_what_an_earlier_run_left_is_no_reason_to_warn(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """Strangers' messages that were there before the client are handed back without a word."""
        endpoint = await slow_aws.create_endpoint("e", echo)
        queue = queue_of(slow_aws, endpoint)
        queue.purge()
        queue.send(message_about(endpoint, "an earlier run's"))
        await clock.advance(1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            async with slow_clients.new(endpoint, clock=clock) as client:
                await client.invoke("x")
                await until(lambda: client.statistics().notifications["strangers"] == 1)

        assert [] == caught
        assert 1 == left_in(queue)

    async def test_strangers_come_back_ever_later(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """Each time a stranger's message is handed back it stays away for twice as long."""
        endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
        queue = queue_of(slow_aws, endpoint)
        client = await slow_clients.open(endpoint, clock=clock)
        future = await client.submit("x")

        with warnings.catch_warnings(action="ignore"):
            queue.send(message_about(endpoint, "another client's"))
            await pass_time(
                clock, lambda: client.statistics().notifications["strangers"] == 5, at_most=60, step=0.25
            )

        assert 15 <= clock.monotonic() - 1000
        assert not future.done()

    async def test_garbage(self, aws: Emulator, clients: Clients) -> None:
        """What is no notification is handed back, and the poller goes on."""
        endpoint = await aws.create_endpoint("e", echo)
        queue = queue_of(aws, endpoint)
        queue.purge()
        for garbage in ("no JSON", "[]", '{"Type":"Notification"}', '{"invocationStatus":"Completed"}'):
            queue.send(garbage)
        with warnings.catch_warnings(action="ignore"):
            async with clients.new(endpoint) as client:
                result = await client.invoke("x")
                statistics = client.statistics()

        assert "x" == result.value
        assert (4, 0) == (statistics.notifications["unreadable"], statistics.pumps_restarted)
        assert 1 == queue.statistics().deleted

    async def test_test_notification(self, aws: Emulator, clients: Clients) -> None:
        """SageMaker's test notifications are deleted."""
        endpoint = await aws.create_endpoint("e", echo)
        queue = queue_of(aws, endpoint)
        assert 2 == queue.depth
        async with clients.new(endpoint) as client:
            await client.invoke("x")

        assert 0 == left_in(queue)

    async def test_left_behind_by_an_earlier_process(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """What another process of the same client id left is spared while young, and deleted once old."""
        endpoint = await slow_aws.create_endpoint("e", echo)
        queue = queue_of(slow_aws, endpoint)
        queue.purge()
        queue.send(message_about(endpoint, "me.Abcdefgh.somebodyelses"))
        client = await slow_clients.open(endpoint, clock=clock, client_id="me")
        await client.invoke("x")
        await until(lambda: client.statistics().notifications["strangers"] == 1)
        assert 0 == queue.statistics().deleted
        endpoint.set_instances(0)
        future = await client.submit("y")

        await pass_time(clock, lambda: queue.statistics().deleted == 2, at_most=2000, step=50.0)

        assert 900 <= clock.monotonic() - 1000
        assert not future.done()
