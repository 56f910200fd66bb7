"""Signed calls."""

from __future__ import annotations

import logging

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from aio_sm_async.errors import CredentialsError, NotSentError
from aio_sm_async.wire.transport import Response
from tests.wire.conftest import NewWire
from tests.wire.servers import Request, Server, always


def _authorization(request: Request, url: str, service: str) -> str:
    """What botocore would have signed, had it sent what came in."""
    signed = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: request.headers[name] for name in signed if name not in {"x-amz-date", "host"}}
    theirs = AWSRequest(request.method, url + request.target, headers=headers, data=request.body)
    theirs.context["timestamp"] = request.headers["x-amz-date"]
    theirs.headers["X-Amz-Date"] = request.headers["x-amz-date"]
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    signer = kind(BotoCredentials("AKIAIOSFODNN7EXAMPLE", "not-a-secret"), service, "eu-west-1")
    canonical = signer.canonical_request(theirs)
    return str(signer.signature(signer.string_to_sign(theirs, canonical), theirs))


@pytest.mark.parametrize("size", [0, 10, 600_000])
@pytest.mark.parametrize("service", ["sagemaker", "s3"])
async def test_what_arrives_is_signed_as_botocore_would_sign_it(
    new_wire: NewWire, service: str, size: int
) -> None:
    """Path, query, headers and body, as the server saw them."""
    async with Server(always()) as server:
        wire = await new_wire(server.url)
        await wire.calls.send(
            "Something",
            service,
            "eu-west-1",
            "POST",
            f"{server.url}/a//b%20c/../%E2%82%AC?x=1&a=%2F&y",
            headers={"X-Amz-Thing": "two  spaces", "Content-Type": "text/plain"},
            body=b"x" * size,
        )
    (request,) = server.requests

    assert request.headers["authorization"].endswith(
        f"Signature={_authorization(request, server.url, service)}"
    )
    assert request.headers["x-amz-date"] == wire.clock.utc_now().strftime("%Y%m%dT%H%M%SZ")
    assert request.signed_for == ("eu-west-1", service)


async def test_each_call_is_counted_as_it_is_sent(new_wire: NewWire) -> None:
    """Also those that fail; a stream is a call like another."""
    async with Server(always(body=b"all of it")) as server:
        wire = await new_wire(server.url)
        await wire.calls.send("One", "s3", "eu-west-1", "GET", server.url)
        async with wire.calls.stream("Two", "s3", "eu-west-1", "GET", server.url) as answer:
            body = await answer.read()
    nobody = server.url.replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(NotSentError):
        await wire.calls.send("One", "s3", "eu-west-1", "GET", nobody, timeout_seconds=1)
    with pytest.raises(NotSentError):
        async with wire.calls.stream("Two", "s3", "eu-west-1", "GET", nobody, timeout_seconds=1):
            pass

    assert body == b"all of it"
    assert wire.counted == {"One": 2, "Two": 2}


async def test_a_failure_measures_the_clock(new_wire: NewWire) -> None:
    """The virtual clock stands at the first of January."""
    wire = await new_wire("http://127.0.0.1:1")
    headers = {"x-amzn-ErrorType": "InvalidSignatureException", "Date": "Thu, 01 Jan 2026 00:20:00 GMT"}
    error = wire.calls.failure("InvokeEndpointAsync", Response(403, headers, b""), "eu-west-1")

    assert isinstance(error, CredentialsError)
    assert "clock is 1200 seconds behind AWS's" in str(error)


async def test_no_secret_and_no_payload_shows(
    new_wire: NewWire, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a log at any level nor in a repr, whatever the answer."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sentinel-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "sentinel-token")
    async with Server(always(200, b"sentinel-answer")) as server:
        wire = await new_wire(server.url)
        response = await wire.calls.send(
            "One", "s3", "eu-west-1", "PUT", server.url, body=b"sentinel-payload"
        )

    assert response.body == b"sentinel-answer"
    assert "sentinel" not in repr(response)
    assert "sentinel" not in caplog.text
    assert "Signature=" not in caplog.text
