"""Tokens: an invocation that one process sent is looked up, or waited for, in another."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aio_sm_async import (
    AccessDeniedError,
    AmbiguousError,
    BodyTooLargeError,
    ClientClosedError,
    ConfigurationError,
    DeadlinePassedError,
    InferenceFailedError,
    InvalidRequestError,
    ValidationError,
    WaitTimeoutError,
)
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, mishaps
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import ModelError, echo
from aio_sm_async.emulator.rule import Rule
from aio_sm_async.protocol.token import decode_token
from tests.scenarios.stage import FAST_POLLING, Clients, pass_time, until

DENIED = Fault("status", status=400, code="AccessDeniedException", message="User is not authorized")
NO_DESCRIBE = Rule("sagemaker", "DescribeEndpoint", DENIED)
HIDDEN = Fault("status", status=403, code="AccessDenied", message="Access Denied")
NO_LIST = Rule("s3", "ListObjectsV2", HIDDEN)
NO_GET = Rule("s3", "GetObject", HIDDEN)


def refuse(request: Any) -> Any:
    raise ModelError(418, "I am a teapot")


async def token_of_sent(clients: Clients, endpoint: Endpoint, payload: str = "x", **options: Any) -> str:
    """The token of an invocation whose process is gone."""
    async with clients.new(endpoint, notifications=(), **options) as sender:
        future = await sender.submit(payload)
        return future.token


def changed(token: str, **members: object) -> str:
    """The token with other members; those of None are left out."""
    merged = json.loads(token) | members
    return json.dumps({name: value for name, value in merged.items() if value is not None})


class TestLookup:
    async def test_before_and_after(self, aws: Emulator, clients: Clients) -> None:
        """An invocation is pending until its result lies in S3, and costs one or two reads each time."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(clients, endpoint, "hello")
        client = await clients.open(endpoint)

        before = await client.lookup(token)
        endpoint.set_instances(1)
        await endpoint.wait_idle()
        after = await client.lookup(token)

        assert ("pending", None, None) == (before.state, before.result, before.error)
        assert endpoint.invocations[0].inference_id == before.inference_id == after.inference_id
        assert ("completed", "hello", "lookup") == (after.state, after.unwrap().value, after.unwrap().source)
        assert "e" == after.endpoint_name
        assert 2 + 1 == aws.calls["GetObject"]
        with pytest.raises(asyncio.InvalidStateError, match="has no outcome yet"):
            before.unwrap()

    async def test_failure(self, aws: Emulator, clients: Clients) -> None:
        """A failure is told in the container's own words."""
        endpoint = await aws.create_endpoint("e", refuse)
        token = await token_of_sent(clients, endpoint)
        await endpoint.wait_idle()
        client = await clients.open(endpoint)

        status = await client.lookup(token)

        assert "failed" == status.state
        with pytest.raises(InferenceFailedError, match="teapot"):
            status.unwrap()

    async def test_deadline(self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
        """Past its deadline it still looks: what S3 has counts, and only nothing is "deadline passed"."""
        endpoint = await slow_aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(slow_clients, endpoint, clock=clock)
        client = await slow_clients.open(endpoint, clock=clock)
        await clock.advance(22_900)
        status = await client.lookup(token)
        bucket, _, key = json.loads(token)["output"].removeprefix("s3://").partition("/")
        slow_aws.objects.put(bucket, key, b"late")

        found = await client.lookup(token)

        assert "deadline_passed" == status.state
        with pytest.raises(DeadlinePassedError, match="neither a result nor a failure"):
            status.unwrap()
        assert b"late" == found.unwrap().body

    async def test_large_result_stays_in_s3(self, aws: Emulator, clients: Clients) -> None:
        """What is larger than ``max_body_bytes`` is streamed from where it lies."""
        endpoint = await aws.create_endpoint("e", echo)
        token = await token_of_sent(clients, endpoint, "0123456789")
        await endpoint.wait_idle()
        client = await clients.open(endpoint, max_body_bytes=5)

        result = (await client.lookup(token)).unwrap()

        assert 10 == result.size_bytes
        with pytest.raises(BodyTooLargeError):
            _ = result.body
        assert b"0123456789" == b"".join([chunk async for chunk in result.iter_bytes()])

    async def test_without_permission_to_list(self, aws: Emulator, clients: Clients) -> None:
        """Without s3:ListBucket a 403 is "pending"; with it, it is an error that names s3:GetObject."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)
        aws.trouble.add(NO_LIST, NO_GET)

        status = await client.lookup(token)
        aws.trouble.remove(NO_LIST)
        other = await clients.open(endpoint)

        assert "pending" == status.state
        with pytest.raises(AccessDeniedError, match="s3:GetObject"):
            await other.lookup(token)

    async def test_without_location(self, aws: Emulator, clients: Clients) -> None:
        """A token that was made before SageMaker told a place cannot be looked up, and says so."""
        endpoint = await aws.create_endpoint("e", echo)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)

        with pytest.raises(InvalidRequestError, match="does not say where its result will lie"):
            await client.lookup(changed(token, output=None, failure=None))


class TestAttach:
    async def test_another_process_waits(self, aws: Emulator, clients: Clients) -> None:
        """An invocation of a process that is gone is settled by its notification, where one comes."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(clients, endpoint, "hello")
        client = await clients.open(endpoint)
        future = await client.attach(token)
        in_flight = client.statistics().in_flight
        await until(lambda: aws.calls["GetObject"] >= 2)  # that it has not ended yet was seen

        endpoint.set_instances(1)
        result = await future

        assert (1, 0) == (in_flight, client.statistics().in_flight)
        assert ("hello", "sqs") == (result.value, result.source)
        assert future.accepted
        assert json.loads(token)["output"] == json.loads(future.token)["output"]

    async def test_by_polling(self, aws: Emulator, clients: Clients) -> None:
        """Without notifications S3 is asked until the result lies there."""
        endpoint = await aws.create_endpoint("e", echo, instances=0, notifications=False)
        token = await token_of_sent(clients, endpoint, "hello")
        client = await clients.open(endpoint, polling=FAST_POLLING)
        future = await client.attach(token)
        await until(lambda: aws.calls["GetObject"] >= 3)

        endpoint.set_instances(1)

        assert ("hello", "polling") == ((await future).value, (await future).source)

    async def test_what_has_ended_is_found_at_once(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """Whoever attaches to what has ended waits for no poll: time stands still here."""
        endpoint = await slow_aws.create_endpoint("e", echo)
        token = await token_of_sent(slow_clients, endpoint, "hello", clock=clock)
        await endpoint.wait_idle()
        client = await slow_clients.open(endpoint, clock=clock, notifications=())

        assert "hello" == (await (await client.attach(token))).value

    async def test_failure(self, aws: Emulator, clients: Clients) -> None:
        """A failure is raised by the future."""
        endpoint = await aws.create_endpoint("e", refuse, notifications=False)
        token = await token_of_sent(clients, endpoint)
        await endpoint.wait_idle()
        client = await clients.open(endpoint)

        with pytest.raises(InferenceFailedError, match="teapot"):
            await (await client.attach(token))

    async def test_twice(self, aws: Emulator, clients: Clients) -> None:
        """Whoever attaches to what is waited for already gets the same future; once dropped, a new one."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        client = await clients.open(endpoint)
        sent = await client.submit("hello")
        token = sent.token

        assert sent is await client.attach(token)
        with pytest.raises(InvalidRequestError, match="another place or endpoint"):
            await client.attach(changed(token, output=json.loads(token)["output"] + "x"))
        del sent
        endpoint.set_instances(1)
        assert "hello" == (await (await client.attach(token))).value

    async def test_past_its_deadline(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """A token past its deadline is looked for once, and then given up."""
        endpoint = await slow_aws.create_endpoint("e", echo, instances=0, notifications=False)
        token = await token_of_sent(slow_clients, endpoint, clock=clock)
        client = await slow_clients.open(endpoint, clock=clock)
        await clock.advance(22_900)

        future = await client.attach(token)
        with pytest.raises(DeadlinePassedError, match="S3 holds neither"):
            await future

        assert 2 == slow_aws.calls["GetObject"]

    async def test_its_deadline_passes_here(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """The deadline is the token's, not one that begins anew."""
        endpoint = await slow_aws.create_endpoint("e", echo, instances=0, notifications=False)
        token = await token_of_sent(slow_clients, endpoint, clock=clock, request_ttl_seconds=60)
        await clock.advance(1200)
        client = await slow_clients.open(endpoint, clock=clock)
        future = await client.attach(token)

        await pass_time(clock, future.done, at_most=120)

        assert isinstance(future.exception(), DeadlinePassedError)

    async def test_without_location(self, aws: Emulator, clients: Clients) -> None:
        """A token that says no place is waited for by notification, and nobody knows if it was accepted."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = changed(await token_of_sent(clients, endpoint, "hello"), output=None, failure=None)
        client = await clients.open(endpoint)

        future = await client.attach(token)
        assert future.accepted is None
        endpoint.set_instances(1)

        assert "hello" == (await future).value
        assert 0 == aws.calls["DescribeEndpoint"]

    async def test_deadline_that_no_request_can_have(self, aws: Emulator, clients: Clients) -> None:
        """A token that claims years is waited for no longer than SageMaker can take, and closing is safe."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(clients, endpoint)
        async with clients.new(endpoint) as client:
            future = await client.attach(changed(token, deadline="9999-12-31T23:59:59.999999+00:00"))
            deadline = decode_token(future.token).deadline

        assert timedelta(hours=7) < deadline - datetime.now(UTC) < timedelta(hours=7, minutes=6)
        assert isinstance(future.exception(), ClientClosedError)


class TestWhoseTokens:
    async def test_timeout(self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
        """The token of a `WaitTimeoutError` finds what comes later, in the same client as well."""
        endpoint = await slow_aws.create_endpoint("e", echo, instances=0, notifications=False)
        client = await slow_clients.open(endpoint, clock=clock)
        invoking = asyncio.create_task(client.invoke("late", timeout=5))
        await until(lambda: "{'accepted': 1}" in repr(client))
        await clock.advance(5)
        with pytest.raises(WaitTimeoutError) as caught:
            await invoking

        future = await client.attach(caught.value.token or "")
        endpoint.set_instances(1)
        await pass_time(clock, future.done, at_most=60)

        assert "late" == future.result().value

    async def test_closed_client(self, aws: Emulator, clients: Clients) -> None:
        """So does that of a `ClientClosedError`."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        async with clients.new(endpoint) as first:
            future = await first.submit("kept")
        with pytest.raises(ClientClosedError) as caught:
            await future
        client = await clients.open(endpoint)
        endpoint.set_instances(1)

        assert "kept" == (await (await client.attach(caught.value.token or ""))).value

    async def test_ambiguity(self, aws: Emulator, clients: Clients) -> None:
        """So does that of an `AmbiguousError`, by S3 if an earlier answer told where outputs lie."""
        endpoint = await aws.create_endpoint("e", echo, notifications=False)
        client = await clients.open(endpoint, on_ambiguous="raise", polling=FAST_POLLING)
        await client.invoke("first")
        aws.trouble.add(mishaps.answer_lost(times=1))
        with pytest.raises(AmbiguousError) as caught:
            await client.submit("lost")
        await endpoint.wait_idle()

        assert "lost" == (await client.lookup(caught.value.token or "")).unwrap().value
        assert "lost" == (await (await client.attach(caught.value.token or ""))).value


class TestStrangeTokens:
    @pytest.mark.parametrize(
        ("members", "words"),
        [
            ({"v": 2}, "version"),
            ({"endpoint": "a/b"}, "endpoint_name must be letters"),
            ({"id": "x" * 65}, "inference_id"),
            ({"region": "eu-west-1"}, "of region 'eu-west-1', and this client is in 'us-east-1'"),
            ({"output": "s3://elsewhere/x.out"}, "does not lie under the output path of e; nothing was read"),
            ({"output": "s3://{bucket}/async-endpoint-outputs/e2/x.out"}, "nothing was read"),
            ({"output": "s3://{bucket}/async-endpoint-outputs/e/../secret"}, "nothing was read"),
            ({"output": "s3://{bucket}x/async-endpoint-outputs/e/x.out"}, "nothing was read"),
        ],
    )
    @pytest.mark.parametrize("method", ["lookup", "attach"])
    async def test_refused_unread(
        self, aws: Emulator, clients: Clients, members: dict[str, Any], words: str, method: str
    ) -> None:
        """What was tampered with is refused, and nothing is read from S3."""
        endpoint = await aws.create_endpoint("e", echo)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)
        bucket = json.loads(token)["output"].split("/")[2]
        told = {
            name: each.format(bucket=bucket) if isinstance(each, str) else each
            for name, each in members.items()
        }

        with pytest.raises(InvalidRequestError, match=words) as caught:
            await getattr(client, method)(changed(token, **told))

        assert "token" == caught.value.field
        assert (0, 0) == (aws.calls["GetObject"], aws.calls["ListObjectsV2"])

    @pytest.mark.parametrize("text", ["", "{}", "nonsense", None])
    async def test_no_token(self, clients: Clients, text: Any) -> None:
        """What is no token is refused with what to pass instead."""
        client = await clients.open("e")

        with pytest.raises(InvalidRequestError, match=r"Pass future\.token"):
            await client.lookup(text)

    async def test_failure_elsewhere(self, aws: Emulator, clients: Clients) -> None:
        """A failure location that is not the endpoint's is not read."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)

        status = await client.lookup(changed(token, failure="s3://elsewhere/words"))

        assert "pending" == status.state
        assert 1 == aws.calls["GetObject"]


class TestWhereabouts:
    async def test_asked_once(self, aws: Emulator, clients: Clients) -> None:
        """However many ask at the same time, SageMaker is asked once."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)

        await asyncio.gather(*[client.lookup(token) for _ in range(5)])

        assert 1 == aws.calls["DescribeEndpoint"]
        assert 1 == client.statistics().calls["DescribeEndpoint"]

    async def test_answers_tell(self, aws: Emulator, clients: Clients) -> None:
        """A client that sends to the endpoint has been told by the answers, and needs not ask."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)
        future = await client.submit("x")

        status = await client.lookup(token)

        assert "pending" == status.state
        assert (0, 2) == (aws.calls["DescribeEndpoint"], aws.calls["GetObject"])
        with pytest.raises(InvalidRequestError, match="nothing was read"):
            await client.lookup(changed(token, output="s3://elsewhere/x.out"))
        assert not future.done()

    async def test_guessed_root_does_not_refuse(self, aws: Emulator, clients: Clients) -> None:
        """Where answers showed no names of ours, SageMaker is asked before a token is refused."""
        endpoint = await aws.create_endpoint("e", echo, instances=0)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint, polling=FAST_POLLING.__class__(own_prefix=False))
        future = await client.submit("x", s3_output_path_extension="deep")
        place = json.loads(token)["output"]

        with pytest.raises(InvalidRequestError, match="nothing was read"):
            await client.lookup(changed(token, output=place.replace("/e/", "/f/")))

        assert 1 == aws.calls["DescribeEndpoint"]
        assert not future.done()

    async def test_caller_says(self, aws: Emulator, clients: Clients) -> None:
        """``output_path`` and ``failure_path`` make the question needless."""
        endpoint = await aws.create_endpoint("e", refuse)
        token = await token_of_sent(clients, endpoint)
        await endpoint.wait_idle()
        config = endpoint.config.async_config
        aws.trouble.add(NO_DESCRIBE)
        client = await clients.open(
            endpoint, output_path=config.output_path, failure_path=config.failure_path
        )

        assert "failed" == (await client.lookup(token)).state
        assert 0 == aws.calls["DescribeEndpoint"]

    async def test_may_not_ask(self, aws: Emulator, clients: Clients) -> None:
        """Without the permission to ask, the error names it and the setting that does without."""
        endpoint = await aws.create_endpoint("e", echo)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)
        aws.trouble.add(NO_DESCRIBE)

        with pytest.raises(ConfigurationError, match=r"sagemaker:DescribeEndpointConfig, or .* output_path="):
            await client.lookup(token)

        assert 0 == aws.calls["GetObject"]

    async def test_failures_that_cannot_be_told(
        self, aws: Emulator, clients: Clients, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With ``output_path`` alone and no permission to ask, failures are not read; it is said once."""
        endpoint = await aws.create_endpoint("e", refuse)
        token = await token_of_sent(clients, endpoint)
        await endpoint.wait_idle()
        aws.trouble.add(NO_DESCRIBE)
        client = await clients.open(endpoint, output_path=endpoint.config.async_config.output_path)

        states = [(await client.lookup(token)).state for _ in range(2)]

        assert ["pending", "pending"] == states
        assert 1 == sum("failures of e are not looked for" in record.message for record in caplog.records)

    async def test_endpoint_that_is_gone(self, aws: Emulator, clients: Clients) -> None:
        """An endpoint that was deleted is told as such."""
        endpoint = await aws.create_endpoint("e", echo)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)

        with pytest.raises(ValidationError, match="Could not find endpoint"):
            await client.lookup(changed(token, endpoint="gone"))

    async def test_endpoint_that_only_notifies(self, aws: Emulator, clients: Clients) -> None:
        """An endpoint without an output path writes nowhere: no place may be read in its name."""
        endpoint = await aws.create_endpoint("e", echo)
        await aws.create_endpoint("mute", echo, output=None)
        token = await token_of_sent(clients, endpoint)
        client = await clients.open(endpoint)

        with pytest.raises(InvalidRequestError, match="output path of mute"):
            await client.lookup(changed(token, endpoint="mute"))
