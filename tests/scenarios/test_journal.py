"""A process ends, and the next goes on with its journal."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aio_sm_async import (
    AsyncInferenceClient,
    ConfigurationError,
    InferenceFailedError,
    InferenceOutcome,
    InferenceRequest,
    InferenceResult,
    InvalidRequestError,
    JournalError,
    JSONLines,
    Pack,
    RetryFailed,
    S3Uploads,
    ValidationError,
    WaitTimeoutError,
)
from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator import Emulator, ModelError, ModelRequest, mishaps
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import Answer, echo
from aio_sm_async.emulator.rule import Rule
from tests.fanout.stage import take_all
from tests.scenarios.stage import FAST_POLLING, Clients, left_in, queue_of, until

ROWS = [{"id": number} for number in range(8)]


async def picky(request: ModelRequest) -> Answer:
    """Echoes rows, and refuses number 3."""
    if request.json() == {"id": 3}:
        raise ModelError(400, "unlucky")
    return request.json()


def row_id(row: dict[str, int]) -> int:
    return row["id"]


def times_sent(endpoint: Endpoint) -> Counter[str]:
    return Counter(invocation.inference_id for invocation in endpoint.invocations)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.sqlite"


async def test_the_next_process_does_only_what_is_left(
    aws: Emulator, clients: Clients, journal: Path
) -> None:
    """Consumed is skipped, settled is handed out again, in flight is waited for, and the rest is sent."""
    endpoint = await aws.create_endpoint("e", echo)
    async with clients.new(endpoint, journal=journal) as first:
        results = first.map(ROWS[:4], key=row_id)
        taken = [(await anext(results)).value for _ in range(3)]  # two are consumed, the third is not
        endpoint.set_instances(0)
        in_flight = await first.submit(ROWS[4])
        del in_flight
        waiting = first.map(ROWS[5:6], key=row_id)
        asking = asyncio.create_task(anext(waiting))
        await until(lambda: len(endpoint.invocations) == 6)
        asking.cancel()
    endpoint.set_instances(1)
    second = await clients.open(endpoint, journal=journal)
    run = second.map(ROWS, key=row_id)
    values = [result.value async for result in run]

    assert ROWS[:3] == taken
    assert ROWS[2:] == values
    assert (2, 6) == (run.progress.skipped, run.progress.done)
    # Row 4 had no key at first, so that the second process could not know it.
    assert 9 == len(endpoint.invocations)
    assert {1} == set(times_sent(endpoint).values())


async def test_a_third_process_finds_nothing_to_do(aws: Emulator, clients: Clients, journal: Path) -> None:
    """Once all is consumed nothing is sent, nothing is handed out, and nothing is left in the queue."""
    endpoint = await aws.create_endpoint("e", echo)
    for _ in range(2):
        async with clients.new(endpoint, journal=journal) as client:
            values = [outcome.result async for outcome in client.as_completed(ROWS, key=row_id)]

    assert [] == values
    assert len(ROWS) == len(endpoint.invocations)
    assert 0 == left_in(queue_of(aws, endpoint))


async def test_the_client_keeps_its_name(aws: Emulator, clients: Clients, journal: Path) -> None:
    """The next process has the same client id, unless it is given another."""
    endpoint = await aws.create_endpoint("e", echo)
    names = []
    for settings in ({}, {}, {"client_id": "other"}, {}):
        async with clients.new(endpoint, journal=journal, **settings) as client:
            future = await client.submit(1)
            names.append(future.inference_id.partition(".")[0])
            await future

    assert names[0] == names[1]
    assert ["other", "other"] == names[2:]


async def test_a_failure_is_told_again(aws: Emulator, clients: Clients, journal: Path) -> None:
    """With its reason and the container's words, until it was consumed; it is not sent again."""
    endpoint = await aws.create_endpoint("e", picky)
    async with clients.new(endpoint, journal=journal) as first:
        outcome = await anext(first.as_completed([{"id": 3}], key=row_id))
    second = await clients.open(endpoint, journal=journal)
    again = [each async for each in second.as_completed([{"id": 3}], key=row_id)]
    third = [each async for each in second.as_completed([{"id": 3}], key=row_id)]

    assert isinstance(outcome.error, InferenceFailedError)
    assert [str(outcome.error)] == [str(each.error) for each in again]
    assert [] == third
    assert 1 == len(endpoint.invocations)


async def test_a_failure_that_was_raised_is_taken(aws: Emulator, clients: Clients, journal: Path) -> None:
    """`map` ends with it, and the next run goes on behind it."""
    endpoint = await aws.create_endpoint("e", picky)
    async with clients.new(endpoint, journal=journal) as first:
        with pytest.raises(InferenceFailedError):
            await take(first, ROWS[2:6])
    second = await clients.open(endpoint, journal=journal)
    values = [result.value async for result in second.map(ROWS[2:6], key=row_id)]

    assert ROWS[4:6] == values


async def test_a_second_try_takes_the_place_of_the_first(
    aws: Emulator, clients: Clients, journal: Path
) -> None:
    """The journal keeps one line for an item, that of its last attempt."""
    answers = [ModelError(500, "busy"), ModelError(500, "busy"), ModelError(500, "busy")]

    async def flaky(request: ModelRequest) -> Answer:
        if answers:
            raise answers.pop()
        return request.body

    endpoint = await aws.create_endpoint("e", flaky)
    client = await clients.open(endpoint, journal=journal)
    again = RetryFailed(attempts=2, base_seconds=0.01)
    run = client.as_completed(ROWS[:1], key=row_id, retry_failed=again)
    first = await anext(run)
    await run.aclose()
    del run  # the failure of the second attempt was not taken
    await asyncio.sleep(0)
    second = [each async for each in client.as_completed(ROWS[:1], key=row_id, retry_failed=again)]
    third = [each async for each in client.as_completed(ROWS[:1], key=row_id, retry_failed=again)]

    assert [InferenceFailedError] * 2 == [type(attempt.error) for attempt in first.attempts]
    # What was known of the second attempt is told again, and is worth another one.
    assert [[InferenceFailedError, InferenceFailedError]] == [
        [type(attempt.error) for attempt in each.attempts] for each in second
    ]
    assert [] == third
    assert 3 == len(endpoint.invocations)


async def test_packs_are_remembered_by_their_rows(aws: Emulator, clients: Clients, journal: Path) -> None:
    """A pack of which one row was not taken is told again, whole; those before it are left out."""
    endpoint = await aws.create_endpoint("e", echo)
    async with clients.new(endpoint, journal=journal) as first:
        rows = first.map(ROWS, key=row_id, pack=Pack(max_rows=3), codec=JSONLines())
        taken = [(await anext(rows)).value for _ in range(4)]
    second = await clients.open(endpoint, journal=journal)
    rows = second.map(ROWS, key=row_id, pack=Pack(max_rows=3), codec=JSONLines())
    values = [row.value async for row in rows]

    assert ROWS[:4] == taken
    assert ROWS[3:] == values
    assert (3, 5) == (rows.progress.skipped, rows.progress.done)
    assert 3 == len(endpoint.invocations)


async def test_another_version_takes_no_old_answers(aws: Emulator, clients: Clients, journal: Path) -> None:
    """The keys of one version say nothing of another's, and each is remembered."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, journal=journal)
    counts = []
    for version in ("a", "b", "a", 1):
        run = client.as_completed(ROWS[:2], key=row_id, version=version)
        counts.append(len([each async for each in run]))

    assert [2, 2, 0, 2] == counts
    assert 6 == len(endpoint.invocations)


async def test_a_known_key_with_another_payload(aws: Emulator, clients: Clients, journal: Path) -> None:
    """It is that item's error, whatever became of the first; options and endpoint count too."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, journal=journal)
    items = [
        InferenceRequest({"id": 1, "more": True}, key="1"),
        InferenceRequest({"id": 1}, key="1", accept="text/csv"),
        InferenceRequest(input_location="s3://bucket/key", key="1"),
    ]
    await take(client, [{"id": 1}])
    errors = [
        error
        for item in items
        for error in [each async for each in client.map([item], return_exceptions=True)]
    ]

    assert ["key"] * 3 == [error.field for error in errors if isinstance(error, InvalidRequestError)]
    assert "'1' was used before with another payload" in str(errors[0])
    assert 1 == len(endpoint.invocations)


async def test_a_known_key_at_another_endpoint(
    aws: Emulator, clients: Clients, journal: Path, tmp_path: Path
) -> None:
    """Of a file only its endpoint can be compared: the answer of one is never taken for the other's."""
    aws.objects.create_bucket("inputs")
    first, second = [await aws.create_endpoint(name, echo) for name in "ab"]
    (tmp_path / "in.txt").write_text("x")
    item = InferenceRequest(tmp_path / "in.txt", key="1", content_type="text/plain")
    client = await clients.open(first, journal=journal, uploads=S3Uploads("s3://inputs/"))
    run = client.as_completed([item])
    taken = await anext(run)
    await run.aclose()
    del run
    await asyncio.sleep(0)
    view = client.with_options(endpoint_name=second.name)
    (refused,) = [each.error async for each in view.as_completed([item])]

    assert taken.error is None
    assert isinstance(refused, InvalidRequestError)
    assert "another endpoint" in str(refused)
    assert [] == second.invocations


async def test_who_leaves_takes_nothing_from_who_stays(
    aws: Emulator, clients: Clients, journal: Path
) -> None:
    """Two fan-outs share what is in flight, and one is left: the other gets its outcome."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint, journal=journal)
    runs = [client.map(ROWS[:1], key=row_id) for _ in range(2)]
    asking = [asyncio.create_task(anext(run)) for run in runs]
    await until(lambda: [1, 1] == [run.progress.in_flight for run in runs])
    await runs[0].aclose()
    endpoint.set_instances(1)
    (left, stayed) = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(left, StopAsyncIteration)
    assert isinstance(stayed, InferenceResult)
    assert ROWS[0] == stayed.value


async def test_an_id_of_the_callers_own_is_no_key(aws: Emulator, clients: Clients, journal: Path) -> None:
    """A request that has the id of an item which was left is not that item: its answer is its own."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint, journal=journal)
    item = InferenceRequest("item", key="1", inference_id="mine")
    run = client.as_completed([item])
    asking = asyncio.create_task(anext(run))
    await until(lambda: run.progress.in_flight == 1)
    asking.cancel()
    await run.aclose()
    other = await client.submit("other", inference_id="mine")
    async with asyncio.timeout(5):
        outcome = await anext(client.as_completed([item]))
    endpoint.set_instances(1)

    assert "other" == (await other).value
    assert isinstance(outcome.error, InvalidRequestError)


async def test_an_id_of_the_callers_own_is_used_again(aws: Emulator, clients: Clients, journal: Path) -> None:
    """What an earlier invocation of that id left unclaimed takes no message from the new one."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint, journal=journal, polling=None)
    earlier = await client.submit("old", inference_id="mine")
    del earlier
    await asyncio.sleep(0)
    later = await client.submit("new", inference_id="mine")
    endpoint.set_instances(1)
    async with asyncio.timeout(5):
        result = await later

    assert "new" == result.value


async def test_a_message_before_the_answer_outlives_who_leaves(
    aws: Emulator, clients: Clients, journal: Path
) -> None:
    """It is the only copy, and the journal knows no end: whoever leaves must not have it deleted."""
    endpoint = await aws.create_endpoint("e", echo, output=None, include_response=True)
    aws.trouble.add(mishaps.slow_answer(20.0))
    async with clients.new(endpoint, journal=journal) as client:
        submitting = asyncio.create_task(client.submit("only"))
        await until(lambda: client.statistics().notifications["early"] == 1)
        submitting.cancel()
        await asyncio.wait([submitting])

    assert 1 == left_in(queue_of(aws, endpoint))


async def test_who_was_too_late_is_not_remembered(aws: Emulator, clients: Clients, journal: Path) -> None:
    """An `invoke` that times out gives its request up, wherever it was: nothing is kept of it."""
    endpoint = await aws.create_endpoint("e", echo)
    aws.trouble.add(Rule("sagemaker", "InvokeEndpointAsync", Fault("hang"), times=1, label="hangs"))
    client = await clients.open(endpoint, journal=journal)
    with pytest.raises(WaitTimeoutError):
        await client.invoke("x", timeout=0.2)

    assert [] == [future async for future in client.recover()]


async def test_two_items_with_one_key(aws: Emulator, clients: Clients, journal: Path) -> None:
    """The second is refused: which of the two would be skipped next time?"""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, journal=journal)
    outcomes = [each async for each in client.as_completed([ROWS[1], ROWS[1]], key=row_id)]

    assert ["key"] == [each.error.field for each in outcomes if isinstance(each.error, InvalidRequestError)]
    assert 1 == len(endpoint.invocations)


async def test_two_fan_outs_share_what_is_in_flight(aws: Emulator, clients: Clients, journal: Path) -> None:
    """An item that another fan-out of the client has sent is not sent again: both get its outcome."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint, journal=journal)
    asking = [asyncio.create_task(anext(client.map(ROWS[:1], key=row_id))) for _ in range(2)]
    await until(lambda: len(endpoint.invocations) == 1)
    endpoint.set_instances(1)
    results = await asyncio.gather(*asking)

    assert [ROWS[0]] * 2 == [result.value for result in results]
    assert 1 == len(endpoint.invocations)


async def test_what_was_refused_is_sent_again(aws: Emulator, clients: Clients, journal: Path) -> None:
    """SageMaker never accepted it, so the next process sends it."""
    endpoint = await aws.create_endpoint("e", echo)
    aws.trouble.add(Rule("sagemaker", "InvokeEndpointAsync", refusal(), times=1, label="refused"))
    client = await clients.open(endpoint, journal=journal)
    first = [each.error async for each in client.as_completed(ROWS[:1], key=row_id)]
    second = [each.result async for each in client.as_completed(ROWS[:1], key=row_id)]

    assert [ValidationError] == [type(error) for error in first]
    assert [ROWS[0]] == [result.value for result in second if result]


@pytest.mark.parametrize("fault", ["reset", "reset_after"])
@pytest.mark.parametrize("payload", [{"id": 1}, {"id": 1, "pad": "x" * 200_000}], ids=["inline", "uploaded"])
async def test_a_request_without_an_answer(
    aws: Emulator, clients: Clients, journal: Path, fault: str, payload: dict[str, int]
) -> None:
    """It is looked for, and sent again under the same names only if nothing is found."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)
    settings = {
        "journal": journal,
        "resend_after_seconds": 1.0,
        "polling": FAST_POLLING,
        "uploads": S3Uploads("s3://inputs/here/"),
    }
    async with clients.new(endpoint, **settings) as first:
        await take(first, [{"id": 0}])  # tells where outputs lie
        aws.trouble.add(Rule("sagemaker", "InvokeEndpointAsync", Fault(fault), times=1, label="lost"))
        endpoint.set_instances(0)
        run = first.map([payload], key=row_id)
        asking = asyncio.create_task(anext(run))
        await until(lambda: run.progress.submitted == 1)
        asking.cancel()
    endpoint.set_instances(1)
    await endpoint.wait_idle()
    second = await clients.open(endpoint, **settings)
    values = [result.value async for result in second.map([payload], key=row_id)]

    assert [payload] == values
    assert 2 == len(endpoint.invocations)


async def test_recover_gives_what_nobody_has_taken(aws: Emulator, clients: Clients, journal: Path) -> None:
    """Results and failures, by their keys, once; then there is nothing left."""
    endpoint = await aws.create_endpoint("e", picky)
    async with clients.new(endpoint, journal=journal) as first:
        await first.invoke({"id": 9})
        endpoint.set_instances(0)
        run = first.as_completed(ROWS[2:4], key=row_id)
        asking = asyncio.create_task(anext(run))
        unkeyed = await first.submit({"id": 7})
        abandoned = await first.submit({"id": 8})
        abandoned.abandon()
        await until(lambda: len(endpoint.invocations) == 5)
        asking.cancel()
        del unkeyed
    endpoint.set_instances(1)
    await endpoint.wait_idle()
    second = await clients.open(endpoint, journal=journal)
    futures = [future async for future in second.recover()]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    nothing = [future async for future in second.recover()]

    assert {"2", "3", None} == {future.key for future in futures}
    by_key = {future.key: outcome for future, outcome in zip(futures, outcomes, strict=True)}
    assert isinstance(by_key["3"], InferenceFailedError)
    assert not isinstance(by_key["2"], BaseException)
    assert not isinstance(by_key[None], BaseException)
    assert ({"id": 2}, {"id": 7}) == (by_key["2"].value, by_key[None].value)
    assert [] == nothing
    assert [] == [each async for each in second.as_completed(ROWS[2:4], key=row_id)]


async def test_recover_takes_up_what_this_process_let_go(
    aws: Emulator, clients: Clients, journal: Path
) -> None:
    """A fan-out that was left is no reason to lose what it had sent."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, journal=journal)
    async with client.as_completed(ROWS, key=row_id) as run:
        async for _ in run:
            await until(lambda: len(endpoint.invocations) == len(ROWS))
            break
    del run
    await asyncio.sleep(0)
    values = [(await future).value async for future in client.recover()]

    assert len(ROWS) - 1 <= len(values) <= len(ROWS)
    assert len(ROWS) == len(endpoint.invocations)


async def test_a_message_that_is_the_only_copy_outlives_the_process(
    slow_aws: Emulator, slow_clients: Clients, clock: VirtualClock, journal: Path
) -> None:
    """Without an output path in S3 the result stays in the queue until somebody has taken it."""
    endpoint = await slow_aws.create_endpoint("e", echo, output=None, include_response=True)
    async with slow_clients.new(endpoint, clock=clock, journal=journal) as first:
        run = first.map(ROWS[:1], key=row_id)
        await anext(run)  # not consumed: nobody asked for the next
    left = left_in(queue_of(slow_aws, endpoint))
    await clock.advance(21)  # by then the poll that closing dropped cannot swallow it
    async with slow_clients.new(endpoint, clock=clock, journal=journal) as second:
        values = [result.value async for result in second.map(ROWS[:1], key=row_id)]

    assert (1, ROWS[:1]) == (left, values)
    assert 0 == left_in(queue_of(slow_aws, endpoint))
    assert 1 == len(endpoint.invocations)


async def test_one_process_at_a_time(aws: Emulator, clients: Clients, journal: Path) -> None:
    """A second client is told who has the journal; it may have it once the first is closed."""
    endpoint = await aws.create_endpoint("e", echo)
    first = await clients.open(endpoint, journal=journal)
    second = clients.new(endpoint, journal=journal)
    with pytest.raises(JournalError, match=r"run\.sqlite"):
        await second.open()
    await first.aclose()

    async with second:
        assert 1 == (await second.invoke(1)).value


async def test_a_journal_that_cannot_be_written_stops_the_intake(
    aws: Emulator, clients: Clients, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is in flight comes back, nothing more is sent, and no message is deleted."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    outcomes: list[InferenceOutcome[InferenceResult[object]]] = []

    def delete() -> None:
        for each in journal.parent.glob("run.sqlite*"):
            each.unlink()

    async def rows() -> AsyncIterator[dict[str, int]]:
        for row in ROWS[:4]:
            yield row
        await until(lambda: len(endpoint.invocations) == 4)
        await asyncio.to_thread(delete)
        endpoint.set_instances(1)
        for number in range(4, 100_000):
            yield {"id": number}
            await asyncio.sleep(0)

    async with clients.new(endpoint, journal=journal, close_timeout_seconds=0.5) as client:
        with pytest.raises(JournalError):
            await take_all(client.as_completed(rows(), key=row_id), outcomes)

    results = [outcome.result.value for outcome in outcomes if outcome.result]
    assert ROWS[:4] == sorted(results, key=row_id)
    assert {JournalError} == {type(outcome.error) for outcome in outcomes if outcome.error}
    assert 4 == len(endpoint.invocations)
    assert 4 == left_in(queue_of(aws, endpoint))
    assert "aio_sm_async.journal" in {record.name for record in caplog.records}


async def test_recover_needs_a_journal(aws: Emulator, clients: Clients) -> None:
    """Without one, the error says how to have one."""
    client = await clients.open("e")
    with pytest.raises(ConfigurationError, match="journal="):
        await anext(client.recover())


async def test_messages_are_deleted_only_once_the_journal_knows(
    aws: Emulator, clients: Clients, journal: Path
) -> None:
    """At the end the queue is empty and the journal full."""
    endpoint = await aws.create_endpoint("e", echo)
    aws.trouble.add(mishaps.duplicate_notification(probability=0.5), mishaps.early_notification(every=3))
    async with clients.new(endpoint, journal=journal) as client:
        assert len(ROWS) == len([each async for each in client.map(ROWS, key=row_id)])

    assert 0 == left_in(queue_of(aws, endpoint))


async def take(client: AsyncInferenceClient, rows: list[dict[str, int]]) -> None:
    async for _ in client.map(rows, key=row_id):
        pass


def refusal() -> Fault:
    return Fault("status", status=400, code="ValidationError", message="no such endpoint")
