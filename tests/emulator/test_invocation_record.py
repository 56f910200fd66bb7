"""What an emulator that runs for long forgets, and what it never does."""

from __future__ import annotations

import pytest

from aio_sm_async.emulator import Emulator, ModelError, ModelRequest
from aio_sm_async.emulator.endpoint import Endpoint
from aio_sm_async.emulator.invoke_request import InvokeRequest

BUCKET = "sagemaker-us-east-1-000000000000"


async def picky(request: ModelRequest) -> bytes:
    if request.body == b"bad":
        raise ModelError(400, "no")
    return request.body


async def run(endpoint: Endpoint, *bodies: bytes, inference_id: str | None = None) -> None:
    for body in bodies:
        request = InvokeRequest(endpoint.name, inference_id=inference_id or body.decode())
        endpoint.accept_nowait(request, body)
        await endpoint.wait_idle()


async def test_nothing_is_forgotten_unless_told() -> None:
    """A test finds every record and every object, however many there are."""
    async with Emulator() as aws:
        endpoint = await aws.create_endpoint("e", picky)
        await run(endpoint, b"1", b"2", b"3")

        assert ["1", "2", "3"] == [each.inference_id for each in endpoint.invocations]
        assert 3 == len(aws.objects.keys(BUCKET))


async def test_only_the_latest_are_remembered() -> None:
    """What ended before the latest two is gone, its record and its objects."""
    async with Emulator(remembered=2) as aws:
        endpoint = await aws.create_endpoint("e", picky)
        await run(endpoint, b"1", b"bad", b"3", b"4")

        assert ["3", "4"] == [each.inference_id for each in endpoint.invocations]
        assert [] == endpoint.runs_of("1") == endpoint.runs_of("bad")
        assert 1 == len(endpoint.runs_of("3"))
        assert 2 == len(aws.objects.keys(BUCKET))


async def test_what_has_not_ended_is_never_forgotten() -> None:
    """A backlog of any length is kept; only the ended ones are counted."""
    async with Emulator(remembered=0) as aws:
        endpoint = await aws.create_endpoint("e", picky, instances=0)
        for number in range(3):
            endpoint.accept_nowait(InvokeRequest("e", inference_id=str(number)), b"x")

        assert 3 == len(endpoint.invocations)

        endpoint.set_instances(1)
        await endpoint.wait_idle()

        assert [] == endpoint.invocations


async def test_one_of_two_runs_is_forgotten() -> None:
    """An id that was sent twice is known until its second run is forgotten, too."""
    async with Emulator(remembered=1) as aws:
        endpoint = await aws.create_endpoint("e", picky)
        await run(endpoint, b"1", b"2", inference_id="same")

        assert 1 == len(endpoint.runs_of("same"))


async def test_a_bucket_that_is_gone_hinders_nobody() -> None:
    """Whose output could not be stored is forgotten like all others."""
    async with Emulator(remembered=0) as aws:
        endpoint = await aws.create_endpoint("e", picky)
        aws.objects.buckets.clear()
        await run(endpoint, b"1")

        assert [] == endpoint.invocations


def test_a_number_below_zero_is_refused() -> None:
    """It would mean nothing."""
    with pytest.raises(ValueError, match="remembered"):
        Emulator(remembered=-1)
