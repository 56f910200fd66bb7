"""From a believed completion to its outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    AsyncInferenceError,
    InternalFailure,
    NotFoundError,
    NotSentError,
    ThrottledError,
)
from aio_sm_async.protocol.completion import Completed, Completion, Expired, Failed
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import Undeliverable
from aio_sm_async.resolution import KEPT_FAILURE_BYTES, LAG_SECONDS, Fetched, NotThere, Resolution
from aio_sm_async.results import Downloads, ResponseBody
from aio_sm_async.retries import Retries
from tests.bucket import Bucket, Stored

PLACE = S3Location("bucket", "out/1.out")
DENIED = AccessDeniedError("GetObject", "AccessDenied", "no", status=403)
PASSING = [
    NotSentError("refused"),
    AmbiguousError("reset"),
    ThrottledError("GetObject", "SlowDown", "slow down", status=503),
    InternalFailure("GetObject", "InternalError", "oops", status=500),
]


@dataclass
class Stage:
    """A resolution, its bucket and its clock."""

    bucket: Bucket = field(default_factory=Bucket)
    clock: VirtualClock = field(default_factory=VirtualClock)
    max_body_bytes: int = 100
    max_concurrent_fetches: int = 32
    resolution: Resolution = field(init=False)

    def __post_init__(self) -> None:
        downloads = Downloads(self.bucket, Retries(self.clock, dice=lambda: 0.0, tries=1))
        self.resolution = Resolution(
            downloads,
            self.clock,
            max_body_bytes=self.max_body_bytes,
            max_concurrent_fetches=self.max_concurrent_fetches,
        )

    def store(self, body: bytes, location: S3Location = PLACE) -> None:
        self.bucket.objects[location] = Stored(body, {"Content-Type": "application/json"}, len(body))

    async def fetch(self, completion: Completion) -> Fetched | NotThere:
        fetching = asyncio.create_task(self.resolution.fetch(completion, PLACE))
        await self.clock.advance(60)
        return await asyncio.wait_for(fetching, timeout=1)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_response_is_fetched(stage: Stage) -> None:
    """The outcome tells where it was found, and the body brings its type."""
    stage.store(b"[7]")
    fetched = await stage.fetch(Completed("id-1", "digits"))

    assert isinstance(fetched, Fetched)
    assert Completed("id-1", "digits", PLACE) == fetched.outcome
    assert fetched.body == ResponseBody(b"[7]", "application/json", 3, stage.bucket.objects[PLACE].etag)
    assert ["get"] == stage.bucket.calls


async def test_the_notifications_content_type_is_the_containers(stage: Stage) -> None:
    """S3's may be a default of who stored it."""
    stage.store(b"[7]")
    fetched = await stage.fetch(Completed("id-1", content_type="application/x-digits"))

    assert isinstance(fetched, Fetched)
    assert fetched.body is not None
    assert "application/x-digits" == fetched.body.content_type


async def test_a_large_response_stays_in_s3(stage: Stage) -> None:
    """All is known of it but the bytes."""
    stage.store(b"x" * 101)
    fetched = await stage.fetch(Completed("id-1"))

    assert isinstance(fetched, Fetched)
    assert fetched.body is not None
    assert (None, 101) == (fetched.body.data, fetched.body.size_bytes)


async def test_a_response_that_lags_is_waited_for(stage: Stage) -> None:
    """A notification may be quicker than the object."""
    fetching = asyncio.create_task(stage.resolution.fetch(Completed("id-1"), PLACE))
    await stage.clock.advance(LAG_SECONDS[0] * 0.9)
    seen_early = fetching.done()
    stage.store(b"[7]")
    await stage.clock.advance(LAG_SECONDS[0] * 0.1 + 1e-9)
    fetched = await fetching

    assert not seen_early
    assert isinstance(fetched, Fetched)
    assert ["get", "get"] == stage.bucket.calls


async def test_a_response_that_does_not_come_is_not_there(stage: Stage) -> None:
    """After a few looks the registry may decide what to do."""
    assert NotThere() == await stage.fetch(Completed("id-1"))
    assert ["get"] * (len(LAG_SECONDS) + 1) == stage.bucket.calls


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "completion", [Completed("id-1"), Failed("id-1", "boom")], ids=["completed", "failed"]
)
async def test_a_fault_that_may_pass_decides_nothing(
    stage: Stage, error: AsyncInferenceError, completion: Completion
) -> None:
    """S3 that cannot be read at the moment neither settles an invocation nor takes its words away."""
    stage.store(b"[7]")
    stage.bucket.trouble["get"] = [error]

    assert NotThere() == await stage.fetch(completion)


async def test_a_response_that_may_not_be_read_is_undeliverable(stage: Stage) -> None:
    """Waiting does not help where a permission is missing: the caller is told which."""
    stage.bucket.trouble["get"] = [DENIED]

    assert Fetched(Undeliverable("id-1", DENIED)) == await stage.fetch(Completed("id-1"))


async def test_a_failures_words_are_fetched(stage: Stage) -> None:
    """What the container said is part of the outcome."""
    stage.store(b"Traceback")
    failed = Failed("id-1", "boom", "digits")

    assert Fetched(replace(failed, failure_location=PLACE, body=b"Traceback")) == await stage.fetch(failed)


async def test_a_failure_without_words_is_a_failure(stage: Stage) -> None:
    """SageMaker need not have written any: one look is enough."""
    failed = Failed("id-1", "boom")

    assert Fetched(failed) == await stage.fetch(failed)
    assert ["get"] == stage.bucket.calls


async def test_words_that_the_message_names_are_waited_for(stage: Stage) -> None:
    """They were promised, and may lag as a response may; without them it is a failure all the same."""
    failed = Failed("id-1", "boom", failure_location=PLACE)

    assert Fetched(failed) == await stage.fetch(failed)
    assert len(LAG_SECONDS) + 1 == len(stage.bucket.calls)


@pytest.mark.parametrize(
    "error", [DENIED, NotFoundError("GetObject", "NoSuchBucket", "no such bucket", status=404)]
)
async def test_words_that_may_not_be_read_are_done_without(stage: Stage, error: AsyncInferenceError) -> None:
    """The failure is certain; its words would only explain it."""
    stage.bucket.trouble["get"] = [error] * 10
    failed = Failed("id-1", "boom")

    assert Fetched(failed) == await stage.fetch(failed)


async def test_words_that_s3_refuses_are_done_without(stage: Stage) -> None:
    """Whatever the refusal, it does not hide the failure."""
    failed = Failed("id-1", "boom")
    stage.bucket.trouble["get"] = [AsyncInferenceError("S3 Express is not supported. Use a plain bucket.")]

    assert Fetched(failed) == await stage.fetch(failed)


async def test_a_novel_of_a_failure_is_cut() -> None:
    """Its beginning is kept, which is enough for any traceback."""
    stage = Stage(max_body_bytes=10 * KEPT_FAILURE_BYTES)
    stage.store(b"x" * KEPT_FAILURE_BYTES + b"y")
    fetched = await stage.fetch(Failed("id-1", "boom"))

    assert isinstance(fetched, Fetched)
    assert isinstance(fetched.outcome, Failed)
    assert b"x" * KEPT_FAILURE_BYTES == fetched.outcome.body


async def test_words_too_large_for_memory_stay_in_s3(stage: Stage) -> None:
    """The failure tells where they lie."""
    stage.store(b"x" * (10 * KEPT_FAILURE_BYTES))
    failed = Failed("id-1", "boom")

    assert Fetched(replace(failed, failure_location=PLACE)) == await stage.fetch(failed)


async def test_an_expiry_has_nothing_to_fetch(stage: Stage) -> None:
    """It is settled without a call."""
    expired = Expired("id-1", "too long in the queue")

    assert Fetched(expired) == await stage.fetch(expired)
    assert [] == stage.bucket.calls


class SlowBucket(Bucket):
    """Answers when it is let go, and knows how many ask at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.inside = 0
        self.most_inside = 0

    async def get(self, location: S3Location, *, limit_bytes: int | None = None) -> Stored:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.go.wait()
            return await super().get(location, limit_bytes=limit_bytes)
        finally:
            self.inside -= 1


async def test_only_so_many_are_fetched_at_once() -> None:
    """A thousand completions do not open a thousand connections."""
    bucket = SlowBucket()
    stage = Stage(bucket, max_concurrent_fetches=3)
    stage.store(b"[7]")
    fetching = [
        asyncio.create_task(stage.resolution.fetch(Completed(f"id-{number}"), PLACE)) for number in range(10)
    ]
    await stage.clock.advance(0)
    bucket.go.set()
    fetched = await asyncio.gather(*fetching)

    assert 3 == bucket.most_inside
    assert [f"id-{number}" for number in range(10)] == [
        each.outcome.inference_id for each in fetched if isinstance(each, Fetched)
    ]


async def test_what_lags_holds_nobody_up() -> None:
    """While one is waited for, the place is another's."""
    stage = Stage(max_concurrent_fetches=1)
    lagging = asyncio.create_task(
        stage.resolution.fetch(Completed("id-1"), S3Location("bucket", "out/late.out"))
    )
    await stage.clock.advance(0)
    stage.store(b"[7]")
    fetched = await asyncio.wait_for(stage.resolution.fetch(Completed("id-2"), PLACE), timeout=1)
    is_lagging = not lagging.done()
    await stage.clock.advance(60)
    await lagging

    assert isinstance(fetched, Fetched)
    assert is_lagging


async def test_a_cancelled_fetch_gives_its_place_back() -> None:
    """Whether it was reading, waiting for its turn or waiting for what lags."""
    bucket = SlowBucket()
    stage = Stage(bucket, max_concurrent_fetches=1)
    stage.store(b"[7]")
    cancelled = [asyncio.create_task(stage.resolution.fetch(Completed("id-1"), PLACE)) for _ in range(3)]
    await stage.clock.advance(0)
    for task in cancelled:
        task.cancel()
    await asyncio.wait(cancelled)
    bucket.go.set()

    assert isinstance(await stage.fetch(Completed("id-2")), Fetched)
