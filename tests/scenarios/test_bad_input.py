"""What is refused: before anything is sent, wherever that is possible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import AioSession

from aio_sm_async import (
    AccessDeniedError,
    AsyncInferenceClient,
    ConfigurationError,
    InvalidRequestError,
    S3Polling,
    S3Uploads,
    SqsNotifications,
    ValidationError,
)
from aio_sm_async.emulator import Emulator
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.model import echo
from aio_sm_async.emulator.rule import Rule
from aio_sm_async.errors import CredentialsError
from tests.scenarios.stage import Clients

REFUSED = [
    pytest.param(b"x" * 128_001, {}, "payload", "128,001 bytes", "uploads=", id="too long for a request"),
    pytest.param(b"", {}, "payload", "empty", "uploads=", id="empty"),
    pytest.param(Path("a.png"), {"content_type": "image/png"}, "payload", "streamed", "uploads=", id="path"),
    pytest.param(Path("a.png"), {}, "content_type", "does not tell", "Name its type", id="path without type"),
    pytest.param(b"x", {"input_location": "s3://b/k"}, "payload", "exactly one", "one of them", id="both"),
    pytest.param(b"x", {"inference_id": "a" * 65}, "inference_id", "64", "Shorten", id="long id"),
    pytest.param(b"x", {"inference_id": " a"}, "inference_id", "white space", "Encode", id="blank before id"),
    pytest.param(b"x", {"filename": "a.b.c"}, "filename", "one dot", "extension", id="two dots"),
    pytest.param(b"x", {"filename": "a" * 33}, "filename", "32", "Shorten", id="long filename"),
    pytest.param(
        b"x", {"s3_output_path_extension": "../a"}, "s3_output_path_extension", "..", "Leave out", id=".."
    ),
    pytest.param(
        b"x", {"s3_output_path_extension": "/a"}, "s3_output_path_extension", "slash", "Leave", id="slash"
    ),
    pytest.param(
        b"x",
        {"custom_attributes": "a\r\nX-Evil: 1"},
        "custom_attributes",
        "printable ASCII",
        "base64",
        id="CR LF",
    ),
    pytest.param(
        b"x", {"custom_attributes": "é"}, "custom_attributes", "printable ASCII", "base64", id="not ASCII"
    ),
    pytest.param(b"x", {"accept": "a" * 1025}, "accept", "1024", "Shorten", id="long accept"),
    pytest.param(b"x", {"request_ttl_seconds": 10}, "request_ttl_seconds", "60", "60 or more", id="TTL"),
    pytest.param(
        b"x", {"request_ttl_seconds": 60.5}, "request_ttl_seconds", "whole number", "int", id="half a second"
    ),
    pytest.param(
        b"x",
        {"invocation_timeout_seconds": 3601},
        "invocation_timeout_seconds",
        "3600",
        "3600 or less",
        id="hour",
    ),
    pytest.param(b"x", {"endpoint_name": "a_b"}, "endpoint_name", "hyphens", "not its ARN", id="name"),
    pytest.param(b"x", {"timeout": 0}, "timeout", "above 0", "Leave it out", id="no time"),
    pytest.param(b"x", {"timeout": float("nan")}, "timeout", "above 0", "Leave it out", id="NaN seconds"),
    pytest.param(b"x", {"timeout": float("inf")}, "timeout", "a number of", "Leave it out", id="endless"),
    pytest.param({"a": float("nan")}, {}, "payload", "", "", id="NaN"),
]


@pytest.mark.parametrize(("payload", "options", "field", "limit", "remedy"), REFUSED)
async def test_refused_before_anything_is_sent(
    aws: Emulator,
    clients: Clients,
    payload: object,
    options: dict[str, Any],
    field: str,
    limit: str,
    remedy: str,
) -> None:
    """The error names the parameter, its limit and the way out, and AWS has heard of nothing."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)

    with pytest.raises(InvalidRequestError) as caught:
        await client.invoke(payload, **options)

    assert field == caught.value.field
    assert limit in caught.value.limit
    assert remedy in caught.value.remedy
    assert {} == aws.calls
    assert (0, 0) == (client.statistics().submitted, client.statistics().in_flight)


async def test_neither_payload_nor_location(aws: Emulator, clients: Clients) -> None:
    """Nothing to send is an error, not an empty request."""
    client = await clients.open("e", polling=S3Polling())

    with pytest.raises(InvalidRequestError, match="exactly one of payload and input_location"):
        await client.submit()

    assert {} == aws.calls


async def test_no_endpoint(aws: Emulator, clients: Clients) -> None:
    """A client without an endpoint wants one with each call."""
    client = await clients.open()

    with pytest.raises(InvalidRequestError, match="no endpoint was named"):
        await client.submit("x")

    assert {} == aws.calls


async def test_payload_of_a_kind_that_no_codec_takes(aws: Emulator, clients: Clients) -> None:
    """An object of some unknown class is a TypeError that names the class."""
    client = await clients.open("e")

    with pytest.raises(TypeError, match="complex"):
        await client.submit(1j)

    assert {} == aws.calls


async def test_unknown_endpoint(aws: Emulator, clients: Clients) -> None:
    """SageMaker's own refusal is passed on, once, with what to check."""
    client = await clients.open("nowhere", uploads=S3Uploads("s3://inputs/in/"))

    with pytest.raises(ValidationError, match="Endpoint nowhere") as caught:
        await client.submit("x")

    assert 1 == aws.calls["InvokeEndpointAsync"]
    assert "region" in str(caught.value)
    assert (1, 0) == (client.statistics().rejected, client.statistics().in_flight)


async def test_missing_permission(aws: Emulator, clients: Clients) -> None:
    """A denied request names the permission that is missing."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)
    denied = Fault("status", status=403, code="AccessDeniedException", message="Denied.")
    aws.trouble.add(Rule("sagemaker", "InvokeEndpointAsync", denied))

    with pytest.raises(AccessDeniedError, match="sagemaker:InvokeEndpointAsync"):
        await client.submit("x")

    assert [] == endpoint.invocations


async def test_wrong_credentials(aws: Emulator, clients: Clients) -> None:
    """A key that AWS does not know is an error of its own, and not retried."""
    endpoint = await aws.create_endpoint("e", echo)
    stranger = clients.session()
    stranger.set_credentials("AKIASTRANGER00000000", "not-a-secret")
    client = await clients.open(endpoint, session=stranger)

    with pytest.raises(CredentialsError):
        await client.submit("x")

    assert [] == endpoint.invocations


async def test_missing_credentials(aws: Emulator, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without credentials does not even open, and says where they may come from."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(ConfigurationError, match="No AWS credentials were found"):
        await clients.open("e", session=AioSession())

    assert {} == aws.calls


async def test_missing_region(aws: Emulator, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without a region does not open, and says where one may come from."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    with pytest.raises(ConfigurationError, match="No AWS region is set"):
        await clients.open("e", region_name=None)

    assert {} == aws.calls


async def test_wrong_region(aws: Emulator, clients: Clients) -> None:
    """An endpoint of another region is not found, and the error says to check the region."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, region_name="eu-west-1")

    with pytest.raises(ValidationError, match="region"):
        await client.submit("x")

    assert [] == endpoint.invocations


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"polling": None}, "no completion would ever be noticed"),
        ({"on_ambiguous": "retry"}, "on_ambiguous='retry'"),
        ({"max_in_flight": 0}, "max_in_flight=0"),
        ({"max_concurrent_requests": -1}, "max_concurrent_requests=-1"),
        ({"client_id": "a.b"}, "client_id"),
        ({"session": object()}, "not object"),
        ({"endpoint_urls": {"s4": "http://127.0.0.1:1"}}, "s4"),
        ({"notifications": SqsNotifications(["https://sqs.us-east-1.amazonaws.com/1/a.fifo"])}, "FIFO"),
        ({"notifications": SqsNotifications(["a"])}, "The queue URL"),
    ],
)
async def test_settings_that_cannot_work(
    aws: Emulator, clients: Clients, settings: dict[str, Any], words: str
) -> None:
    """What cannot work is refused when the client is made or opened, in words that name it."""
    with pytest.raises(ValueError, match=words):
        await clients.open("e", **settings)

    assert {} == aws.calls


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SqsNotifications("https://sqs.us-east-1.amazonaws.com/1/a"), "a list of queue URLs"),
        (lambda: SqsNotifications([]), "a list of queue URLs"),
        (lambda: SqsNotifications(["https://x"], clients_per_queue=0), "clients_per_queue"),
        (lambda: SqsNotifications(["https://x"], max_pollers=0), "max_pollers"),
        (lambda: S3Polling(growth=0.5), "growth"),
        (lambda: S3Polling(first_seconds=0), "first_seconds"),
        (lambda: S3Polling(max_requests_per_second=0), "max_requests_per_second"),
        (lambda: AsyncInferenceClient("e", polling=None), "polling=None"),
    ],
)
def test_sources_that_cannot_work(make: Any, words: str) -> None:
    """A source whose settings contradict themselves is not even made."""
    with pytest.raises(ConfigurationError, match=words):
        make()


async def test_region_that_takes_no_inline_payloads(aws: Emulator, clients: Clients) -> None:
    """Where SageMaker misses an InputLocation the payload is uploaded, and from then on at once."""
    aws.objects.create_bucket("inputs")
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint, uploads=S3Uploads("s3://inputs/in/"))
    inline = Fault(
        "status", status=400, code="ValidationError", message="1 validation error: InputLocation is missing"
    )
    aws.trouble.add(
        Rule("sagemaker", "InvokeEndpointAsync", inline, when=lambda each: bool(each.call and each.call.body))
    )

    values = [(await client.invoke(text)).value for text in ("x", "y")]

    assert ["x", "y"] == values
    assert 1 == aws.trouble.injected["status"]
    assert 2 == aws.calls["PutObject"]


async def test_region_that_takes_no_inline_payloads_without_uploads(aws: Emulator, clients: Clients) -> None:
    """Without a place to upload to, SageMaker's refusal is passed on."""
    endpoint = await aws.create_endpoint("e", echo)
    client = await clients.open(endpoint)
    inline = Fault("status", status=400, code="ValidationError", message="InputLocation is missing")
    aws.trouble.add(Rule("sagemaker", "InvokeEndpointAsync", inline))

    with pytest.raises(ValidationError, match="InputLocation is missing"):
        await client.submit("x")


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), -1])
async def test_drain_for_no_time(clients: Clients, timeout: float) -> None:
    """What is no number of seconds is refused, and not waited for."""
    client = await clients.open("e")

    with pytest.raises(InvalidRequestError, match="timeout: must be a number of seconds"):
        await client.drain(timeout)


async def test_id_that_is_pending_already(aws: Emulator, clients: Clients) -> None:
    """Two invocations of one id cannot be told apart, so the second waits until the first has ended."""
    endpoint = await aws.create_endpoint("e", echo, instances=0)
    client = await clients.open(endpoint)
    first = await client.submit("x", inference_id="mine")

    with pytest.raises(InvalidRequestError, match="pending already") as caught:
        await client.submit("y", inference_id="mine")

    assert isinstance(caught.value, ValueError)
    assert ("inference_id", "Choose another, or leave it out to have one made.") == (
        caught.value.field,
        caught.value.remedy,
    )
    endpoint.set_instances(1)
    assert "x" == (await first).value
    assert "z" == (await client.invoke("z", inference_id="mine")).value


async def test_misspelt_options_of_a_call(clients: Clients) -> None:
    """An option that there is not is a TypeError, which names the call and what may have been meant."""
    client = await clients.open("e")
    misspelt: dict[str, Any] = {"request_ttl": 60}
    calls = {
        "submit": client.submit,
        "invoke": client.invoke,
        "with_options": client.with_options,
        "map": client.map,
        "as_completed": client.as_completed,
    }
    told = {}
    for name, call in calls.items():
        with pytest.raises(TypeError) as caught:
            await call(**misspelt) if name in ("submit", "invoke") else call(  # type: ignore[operator]
                *([[]] if name in ("map", "as_completed") else []), **misspelt
            )
        told[name] = str(caught.value)

    assert {
        name: f"{name}() got an unknown option 'request_ttl'. Did you mean 'request_ttl_seconds'?"
        for name in calls
    } == told


@pytest.mark.parametrize(
    ("option", "meant"),
    [("max_inflight", "max_in_flight"), ("region", "region_name"), ("contenttype", "content_type")],
)
def test_misspelt_options_of_the_client(option: str, meant: str) -> None:
    """So is one of the client: no setting is dropped in silence."""
    misspelt: dict[str, Any] = {option: 5}

    with pytest.raises(TypeError, match=rf"AsyncInferenceClient\(\) .*{option!r}. Did you mean {meant!r}\?"):
        AsyncInferenceClient("e", **misspelt)


def test_options_like_no_other() -> None:
    """One that resembles none gets the list of all."""
    bogus: dict[str, Any] = {"bogus": 1}

    with pytest.raises(TypeError, match=r"unknown option 'bogus'\. There are: accept, .*uploads"):
        AsyncInferenceClient("e", **bogus)
