"""What InvokeEndpointAsync refuses before anything is queued."""

from __future__ import annotations

import pytest

from aio_sm_async.emulator.invoke_request import InvokeRequest, parse_invoke_request
from aio_sm_async.emulator.service import ServiceFault


def parse(body: bytes = b"x", name: str = "digits", **headers: str) -> InvokeRequest:
    sent = {f"x-amzn-sagemaker-{key.replace('_', '-')}": value for key, value in headers.items()}
    return parse_invoke_request(name, sent, body)


def test_every_member_is_read() -> None:
    """Each header arrives in the member that the service model names."""
    request = parse(
        b"",
        content_type="text/csv",
        accept="application/json",
        custom_attributes="trace=1",
        inference_id="id-1",
        inputlocation="s3://bucket/in.csv",
        s3outputpathextension="a/b",
        filename="x.json",
        requestttlseconds="60",
        invocationtimeoutseconds="3600",
    )

    assert request == InvokeRequest(
        "digits",
        "text/csv",
        "application/json",
        "trace=1",
        "id-1",
        "s3://bucket/in.csv",
        "a/b",
        "x.json",
        60,
        3600,
    )


def test_what_is_not_sent_has_the_services_defaults() -> None:
    """Six hours in the queue and fifteen minutes in the model; an empty text member counts as none."""
    request = parse(content_type="", accept="", custom_attributes="")

    assert request == InvokeRequest("digits", ttl_seconds=21_600, timeout_seconds=900)


@pytest.mark.parametrize(
    ("member", "headers"),
    [
        ("contentType", {"content_type": "a" * 1025}),
        ("accept", {"accept": "é"}),
        ("customAttributes", {"custom_attributes": "a" * 1025}),
        ("inferenceId", {"inference_id": ""}),
        ("inferenceId", {"inference_id": "a" * 65}),
        ("inferenceId", {"inference_id": " a"}),
        ("inferenceId", {"inference_id": "a\tb"}),
        ("inputLocation", {"inputlocation": "nonsense"}),
        ("inputLocation", {"inputlocation": "s3://b/" + "k" * 1024}),
        ("s3OutputPathExtension", {"s3outputpathextension": "s3://bucket"}),
        ("s3OutputPathExtension", {"s3outputpathextension": "a b"}),
        ("s3OutputPathExtension", {"s3outputpathextension": "a" * 513}),
        ("filename", {"filename": "a.b.c"}),
        ("filename", {"filename": "-a"}),
        ("filename", {"filename": "a" * 33}),
        ("requestTTLSeconds", {"requestttlseconds": "59"}),
        ("requestTTLSeconds", {"requestttlseconds": "21601"}),
        ("requestTTLSeconds", {"requestttlseconds": "soon"}),
        ("invocationTimeoutSeconds", {"invocationtimeoutseconds": "0"}),
        ("invocationTimeoutSeconds", {"invocationtimeoutseconds": "3601"}),
    ],
)
def test_a_member_beyond_the_model_is_a_validation_error(member: str, headers: dict[str, str]) -> None:
    """The error names the member at fault."""
    with pytest.raises(ServiceFault, match=f"at '{member}'") as caught:
        parse(**headers)

    assert (caught.value.code, caught.value.status) == ("ValidationError", 400)


def test_an_endpoint_name_must_be_one() -> None:
    """A name that no endpoint can have is refused as such."""
    with pytest.raises(ServiceFault, match="endpointName"):
        parse(name="under_score")


def test_a_payload_of_exactly_128000_bytes_is_taken_and_one_more_is_not() -> None:
    """The limit counts raw bytes."""
    parse(b"x" * 128_000)

    with pytest.raises(ServiceFault, match="128000 bytes"):
        parse(b"x" * 128_001)


@pytest.mark.parametrize(("body", "headers"), [(b"", {}), (b"x", {"inputlocation": "s3://b/k"})])
def test_body_and_input_location_exclude_and_need_each_other(body: bytes, headers: dict[str, str]) -> None:
    """Neither, or both, is a ValidationError at once."""
    with pytest.raises(ServiceFault, match="exactly one of Body and InputLocation"):
        parse(body, **headers)
