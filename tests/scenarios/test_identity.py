"""Invocations that share an id or a file name, and never an answer."""

from __future__ import annotations

import asyncio

import pytest

from aio_sm_async import InvalidRequestError, S3Polling, SqsNotifications
from aio_sm_async.emulator import Emulator, ModelRequest
from aio_sm_async.emulator.model import echo
from tests.scenarios.stage import FAST_POLLING, Clients


@pytest.mark.parametrize("notifications", [True, False], ids=["notified", "polled"])
async def test_an_id_used_again_has_its_own_answer(
    aws: Emulator, clients: Clients, notifications: bool
) -> None:
    """The result of an earlier run of the same id is never taken for the later one's."""
    endpoint = await aws.create_endpoint("e", echo, notifications=notifications)
    client = await clients.open(endpoint, polling=FAST_POLLING)
    answers = [(await client.invoke(text, inference_id="job-1")).text for text in ("first", "second")]

    assert ["first", "second"] == answers


async def test_an_id_that_is_pending_is_refused(aws: Emulator, clients: Clients) -> None:
    """Two pending invocations of one id could not be told apart; the slot of the refused one is free."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint, max_in_flight=2)
    first = await client.submit("x", inference_id="job-1")

    for _ in range(3):
        with pytest.raises(InvalidRequestError, match="inference_id"):
            await client.submit("x", inference_id="job-1")
    second = await client.submit("x")

    assert not first.done()
    assert not second.done()


async def test_a_file_name_for_all_mixes_no_answers(aws: Emulator, clients: Clients) -> None:
    """A file name that is the default of a client names many outputs, each in a folder of its own."""
    endpoint = await aws.create_endpoint("e", echo, notifications=False)
    client = await clients.open(endpoint, polling=FAST_POLLING, filename="answer.out")
    texts = [f"{number}" for number in range(12)]
    results = await asyncio.gather(*map(client.invoke, texts))

    assert texts == [result.text for result in results]
    assert all(result.output_location.key.endswith("/answer.out") for result in results)


async def test_a_callers_own_prefix_is_not_listed(aws: Emulator, clients: Clients) -> None:
    """Without a prefix of our own each key is asked for by itself, however many share the caller's."""
    endpoint = await aws.create_endpoint("e", echo, notifications=False)
    polling = S3Polling(first_seconds=0.05, growth=1, own_prefix=False)
    client = await clients.open(endpoint, polling=polling, s3_output_path_extension="reports")
    await asyncio.gather(*(client.invoke("x") for _ in range(20)))

    assert 0 == aws.calls["ListObjectsV2"]


class BreakableCredentials:
    """Credentials that work until they are broken."""

    is_broken = False

    def __init__(self, aws: Emulator) -> None:
        self._frozen = (aws.access_key_id, aws.secret_access_key, None)

    async def get_frozen_credentials(self) -> tuple[str, str, None]:
        if self.is_broken:
            raise RuntimeError("the credentials provider broke")
        return self._frozen


async def test_a_defect_while_fetching_reaches_the_caller(
    aws: Emulator, clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever breaks while a result is fetched ends the future with that cause, not in silence."""
    endpoint = await aws.create_endpoint("e", echo, include_response=False, instances=0)
    credentials, session = BreakableCredentials(aws), clients.session()

    async def get_credentials() -> BreakableCredentials:
        return credentials

    session.get_credentials = get_credentials
    queue = SqsNotifications([endpoint.queue_url or ""], session=clients.session())
    client = await clients.open(endpoint, session=session, notifications=queue, polling=None)
    future = await client.submit("x")
    credentials.is_broken = True
    endpoint.set_instances(1)

    with pytest.raises(RuntimeError, match="the credentials provider broke"):
        async with asyncio.timeout(5):
            await future
    assert "could not fetch the outcome" in caplog.text


async def test_models_see_the_callers_own_id(aws: Emulator, clients: Clients) -> None:
    """What names objects is ours; the id that SageMaker and the model see is the caller's."""
    seen: list[str] = []

    def note(request: ModelRequest) -> str:
        seen.append(request.inference_id)
        return "ok"

    endpoint = await aws.create_endpoint("e", note)
    client = await clients.open(endpoint)
    await client.invoke("x", inference_id="job-1")

    assert ["job-1"] == seen
