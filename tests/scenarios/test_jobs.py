"""Jobs: the bucket tells which items are finished, on any machine and without a disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from aio_sm_async import (
    AccessDeniedError,
    AsyncInferenceClient,
    ClientClosedError,
    ConfigurationError,
    DeadlinePassedError,
    InferenceRequest,
    InvalidRequestError,
    Pack,
    RetryFailed,
    S3Polling,
)
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, mishaps
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import ModelError, echo
from aio_sm_async.emulator.object_store import StoredObject
from aio_sm_async.emulator.rule import Rule
from aio_sm_async.protocol.job import Job
from aio_sm_async.protocol.location import S3Location, parse_location
from tests.scenarios.stage import FAST_POLLING, Clients, pass_time, until

FINISHED = int(os.environ.get("FINISHED_ITEMS", "5000"))
"""How many finished items to plan around; docs/legs.md tells of a million."""

JOB: dict[str, Any] = {"job": "run", "key": str}
DENIED = Fault("status", status=403, code="AccessDenied", message="Access Denied")


async def values(client: AsyncInferenceClient, rows: Any, **options: Any) -> list[object]:
    return [result.value async for result in client.map(rows, **(JOB | options))]


def root(endpoint: Endpoint) -> S3Location:
    return parse_location(endpoint.config.async_config.output_path or "")


def outputs(aws: Emulator, endpoint: Endpoint, below: str = "") -> list[str]:
    """The keys of the endpoint's outputs, below its output path."""
    path = root(endpoint)
    return [key.removeprefix(f"{path.key}/") for key in aws.objects.keys(path.bucket, f"{path.key}/{below}")]


def fill(aws: Emulator, endpoint: Endpoint, job: Job, count: int) -> None:
    """Let so many items of the job be finished, keys ``"0"`` and on."""
    path = root(endpoint)
    bucket, done = aws.objects.bucket(path.bucket), StoredObject(b"done", "etag", aws.objects.now(), {})
    for number in range(count):
        bucket.put(job.location(path, number // 1000, job.digest(str(number))).key, done)


class TestResume:
    async def test_names(self, aws: Emulator, clients: Clients) -> None:
        """Outputs lie under the job's name, called after the items' keys."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint)
        job = Job("run")

        assert ["a", "b"] == await values(client, ["a", "b"])

        expected = sorted(f"run/0/{job.filename(job.digest(key))}" for key in "ab")
        assert expected == outputs(aws, endpoint)

    async def test_only_what_is_missing_is_sent(self, aws: Emulator, clients: Clients) -> None:
        """Another machine lists the job once, takes what is there, and sends the rest."""
        endpoint = await aws.create_endpoint("e", echo)
        async with clients.new(endpoint) as first:
            await values(first, ["a", "b", "c"])
        second = await clients.open(endpoint)
        aws.calls.clear()

        results = [result async for result in second.map(["z", "c", "b", "a"], **JOB)]

        assert ["z", "c", "b", "a"] == [result.value for result in results]
        assert ["job", "job", "job"] == [result.source for result in results[1:]]
        assert (1, 1) == (aws.calls["InvokeEndpointAsync"], aws.calls["ListObjectsV2"])
        assert 4 == len(endpoint.invocations)

    async def test_finished_may_be_left_out(self, aws: Emulator, clients: Clients) -> None:
        """With ``finished="skip"`` only what is new is handed out, and nothing finished is read."""
        endpoint = await aws.create_endpoint("e", echo)
        async with clients.new(endpoint) as first:
            await values(first, ["a", "b"])
        second = await clients.open(endpoint)

        done = [
            (outcome.index, outcome.key, outcome.unwrap().value)
            async for outcome in second.as_completed(["a", "n", "b"], **JOB, finished="skip")
        ]

        assert [(1, "n", "n")] == done
        assert 0 == aws.calls["GetObject"]

    async def test_new_version(self, aws: Emulator, clients: Clients) -> None:
        """Answers of another version are not taken; those of the same still are."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint)
        await values(client, ["a"], version=1)

        await values(client, ["a"], version=2)
        await values(client, ["a"], version="1")
        await values(client, ["a"])

        assert 3 == len(endpoint.invocations)
        assert 3 == len(outputs(aws, endpoint, "run/0/"))

    async def test_what_failed_is_sent_again(self, aws: Emulator, clients: Clients) -> None:
        """A failure leaves no output, so that the next run tries it anew."""
        is_broken = True

        def model(request: Any) -> str:
            if is_broken:
                raise ModelError(500, "broken")
            return "mended"

        endpoint = await aws.create_endpoint("e", model)
        client = await clients.open(endpoint)
        failed = [each async for each in client.map(["a"], return_exceptions=True, **JOB)]
        is_broken = False

        assert isinstance(failed[0], Exception)
        assert ["mended"] == await values(client, ["a"])

    async def test_what_was_queued_is_sent_again(self, aws: Emulator, clients: Clients) -> None:
        """What an earlier process left in the queue is sent again under the same name: one object."""
        endpoint = await aws.create_endpoint("e", echo, instances=0, notifications=False)
        async with clients.new(endpoint) as first:
            running = asyncio.ensure_future(values(first, ["a"]))
            await until(lambda: len(endpoint.invocations) == 1)
        with pytest.raises(ClientClosedError):
            await running
        second = await clients.open(endpoint, polling=FAST_POLLING)
        running = asyncio.ensure_future(values(second, ["a"]))
        await until(lambda: len(endpoint.invocations) == 2)

        endpoint.set_instances(1)

        assert ["a"] == await running
        await endpoint.wait_idle()
        assert 2 == len(endpoint.invocations)
        assert 1 == len(outputs(aws, endpoint))

    async def test_second_try_in_the_same_place(self, aws: Emulator, clients: Clients) -> None:
        """An item that is sent again within a run keeps its name."""
        tries = 0

        def model(request: Any) -> str:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise ModelError(500, "once")
            return "then"

        endpoint = await aws.create_endpoint("e", model)
        client = await clients.open(endpoint)

        assert ["then"] == await values(client, ["a"], retry_failed=RetryFailed(attempts=2))

        job = Job("run")
        assert [f"run/0/{job.filename(job.digest('a'))}"] == outputs(aws, endpoint)

    async def test_below_an_extension(self, aws: Emulator, clients: Clients) -> None:
        """The caller's own extension comes before the job's name, and is listed like that."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint, s3_output_path_extension="mine")
        await values(client, ["a"])

        await values(client, ["a"])

        assert 1 == len(endpoint.invocations)
        assert 1 == len(outputs(aws, endpoint, "mine/run/0/"))

    async def test_large_output_stays_in_s3(self, aws: Emulator, clients: Clients) -> None:
        """A finished output that is too large for memory is streamed, as any other."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint, max_body_bytes=4)
        fill(aws, endpoint, Job("run"), 1)
        path, job = root(endpoint), Job("run")
        aws.objects.put(path.bucket, job.location(path, 0, job.digest("0")).key, b"0123456789")

        (result,) = [result async for result in client.map(["0"], **JOB)]

        assert b"0123456789" == b"".join([chunk async for chunk in result.iter_bytes()])

    async def test_each_is_read_once(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """One GET for each finished item that is handed out: polling does not ask for it, too."""
        endpoint = await slow_aws.create_endpoint("e", echo, notifications=False)
        fill(slow_aws, endpoint, Job("run"), 100)
        client = await slow_clients.open(endpoint, clock=clock)
        running = asyncio.ensure_future(values(client, [str(number) for number in range(100)]))
        await until(lambda: slow_aws.calls["GetObject"] >= 20)

        await clock.advance(5)

        assert 100 == len(await running)
        assert 100 == slow_aws.calls["GetObject"]

    async def test_output_that_was_deleted(
        self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock
    ) -> None:
        """An output that vanishes after the LIST is looked for in vain, and its item fails."""
        endpoint = await slow_aws.create_endpoint("e", echo, notifications=False)
        fill(slow_aws, endpoint, Job("run"), 1)
        client = await slow_clients.open(endpoint, clock=clock)

        def rows() -> Iterator[str]:
            path, job = root(endpoint), Job("run")
            slow_aws.objects.bucket(path.bucket).delete(job.location(path, 0, job.digest("0")).key)
            yield "0"

        running = asyncio.ensure_future(values(client, rows()))
        await pass_time(clock, running.done, at_most=400)

        assert isinstance(running.exception(), DeadlinePassedError)

    async def test_objects_of_others_do_not_matter(self, aws: Emulator, clients: Clients) -> None:
        """What lies below the job's prefix and was not named by it is passed over."""
        endpoint = await aws.create_endpoint("e", echo)
        path = root(endpoint)
        aws.objects.put(path.bucket, f"{path.key}/run/readme.txt", b"")
        aws.objects.put(path.bucket, f"{path.key}/run/0/{'0' * 24}.out.tmp", b"")
        client = await clients.open(endpoint)

        assert ["a"] == await values(client, ["a"])


class TestPlanning:
    async def test_calls(self, slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock) -> None:
        """One LIST a thousand finished items plans the job, and nothing that is finished is sent or read."""
        finished = FINISHED
        endpoint = await slow_aws.create_endpoint("e", echo)
        fill(slow_aws, endpoint, Job("run"), finished)
        client = await slow_clients.open(endpoint, clock=clock)
        rows = (str(number) for number in range(finished + 1))  # the whole source

        assert [str(finished)] == await values(client, rows, finished="skip")

        calls = slow_aws.calls
        assert finished / 1000 <= calls["ListObjectsV2"] <= finished / 1000 + 1
        assert 1 == calls["InvokeEndpointAsync"]
        assert 0 == calls["GetObject"]

    async def test_listing_that_breaks_off(self, aws: Emulator, clients: Clients) -> None:
        """A LIST that is refused for a moment goes on where it was."""
        endpoint = await aws.create_endpoint("e", echo)
        fill(aws, endpoint, Job("run"), 2500)
        aws.trouble.add(mishaps.slow_down("ListObjectsV2", nth=2), mishaps.slow_down("ListObjectsV2", nth=4))
        client = await clients.open(endpoint)

        assert [] == await values(client, ["0", "2499"], finished="skip")

        assert 3 + 2 == aws.calls["ListObjectsV2"]

    async def test_listing_that_is_denied(self, aws: Emulator, clients: Clients) -> None:
        """Without s3:ListBucket nothing is pulled and nothing sent; the error names the permission."""
        endpoint = await aws.create_endpoint("e", echo)
        aws.trouble.add(Rule("s3", "ListObjectsV2", DENIED))
        client = await clients.open(endpoint)
        pulled = iter("abc")

        with pytest.raises(AccessDeniedError, match="s3:ListBucket"):
            await values(client, pulled)

        assert "a" == next(pulled)
        assert 0 == len(endpoint.invocations)


class TestItems:
    async def test_key_that_comes_twice(self, aws: Emulator, clients: Clients) -> None:
        """The second item of a key is an error, however much later it comes."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint)

        outcomes = [outcome async for outcome in client.as_completed([*"abcdefgh", "a"], **JOB, window=1)]

        assert isinstance(outcomes[-1].error, InvalidRequestError)
        assert "'a' is the key of two items" in str(outcomes[-1].error)
        assert 8 == len(endpoint.invocations)

    async def test_item_without_key(self, aws: Emulator, clients: Clients) -> None:
        """An item without a key is an error that says how to give one; others go on."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint)
        rows = ["a", InferenceRequest("b", key="b")]

        first, second = [each async for each in client.map(rows, job="run", return_exceptions=True)]

        assert isinstance(first, InvalidRequestError)
        assert "key: every item of a job needs one" in str(first)
        assert not isinstance(second, Exception)

    @pytest.mark.parametrize("option", ["endpoint_name", "filename", "s3_output_path_extension"])
    async def test_option_that_the_job_decides(self, aws: Emulator, clients: Clients, option: str) -> None:
        """An item cannot have a place of its own."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint)
        row = InferenceRequest("a", key="a", **{option: "e"})

        with pytest.raises(InvalidRequestError, match=f"{option}: is the same for all items of a job"):
            await values(client, [row], key=None)


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "options", "words"),
        [
            ({}, {"job": "a/b"}, "job: must be 1 to 64"),
            ({}, {"job": ""}, "job: must be 1 to 64"),
            ({}, {"finished": "maybe"}, "finished: is 'maybe'"),
            ({}, {"version": 1.5}, "version: must be a str or an int"),
            ({}, {"job": None, "version": "1"}, "version: is of no use without a job"),
            ({}, {"job": None, "finished": "skip"}, "finished: is of no use without a job"),
            ({"polling": S3Polling(own_prefix=False)}, {}, r"job: needs output names .*own_prefix=True"),
        ],
    )
    async def test_refused_at_once(
        self, clients: Clients, settings: dict[str, Any], options: dict[str, Any], words: str
    ) -> None:
        """What cannot be a job is refused by the call."""
        client = await clients.open("e", **settings)

        with pytest.raises(InvalidRequestError, match=words):
            client.map(["a"], **(JOB | options))

    async def test_beside_a_journal(self, clients: Clients, tmp_path: Any) -> None:
        """Two records of one run could not agree, so that there is one."""
        client = await clients.open("e", journal=tmp_path / "run.sqlite")

        with pytest.raises(InvalidRequestError, match="job: keeps its own record in S3"):
            client.map(["a"], **JOB)

    async def test_rows_that_are_packed(self, clients: Clients) -> None:
        """A pack has no key that its output could be called after."""
        client = await clients.open("e")

        with pytest.raises(InvalidRequestError, match="job: names outputs after single items"):
            client.map(["a"], pack=Pack(), **JOB)

    async def test_without_an_endpoint(self, clients: Clients) -> None:
        """A job needs to know where it runs."""
        client = await clients.open()

        with pytest.raises(InvalidRequestError, match="endpoint_name: no endpoint was named"):
            client.map(["a"], **JOB)

    async def test_endpoint_that_only_notifies(self, aws: Emulator, clients: Clients) -> None:
        """An endpoint without an output path keeps nothing to go on from."""
        endpoint = await aws.create_endpoint("e", echo, output=None)
        client = await clients.open(endpoint)

        with pytest.raises(ConfigurationError, match="e has no S3OutputPath"):
            await values(client, ["a"])

    async def test_names_that_are_not_honoured(
        self, aws: Emulator, clients: Clients, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where SageMaker chooses names, one warning says that the job cannot be resumed."""
        endpoint = await aws.create_endpoint("e", echo)
        client = await clients.open(endpoint, output_path="s3://bucket/elsewhere", polling=FAST_POLLING)
        aws.objects.create_bucket("bucket", aws.region)

        assert ["a", "b"] == await values(client, ["a", "b"])

        assert 1 == sum("job 'run' cannot be resumed" in record.message for record in caplog.records)
