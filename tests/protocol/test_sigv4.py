"""Signatures equal to those of AWS's own signer."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.sigv4 import EMPTY_SHA256, UNSIGNED_PAYLOAD, Credentials, Signer, sha256_hex

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
ADDED = {"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-SHA256"}

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
tokens = st.text(alphabet=string.ascii_letters + string.digits + "+/=", min_size=1, max_size=40)
segments = st.sampled_from(["", ".", "..", "~x", "a.b", "endpoints"]) | texts.map(
    lambda text: quote(text, safe="~")
)
paths = st.lists(segments, min_size=1, max_size=6).map(lambda parts: "/" + "/".join(parts))
values = texts.map(lambda text: quote(text, safe="~"))
pairs = st.tuples(st.sampled_from(["a", "A", "a-b", "prefix", "uploads"]) | values, st.none() | values)
queries = st.lists(pairs, max_size=5).map(
    lambda found: "&".join(name if value is None else f"{name}={value}" for name, value in found)
)
hosts = st.sampled_from(
    [
        "runtime.sagemaker.us-east-1.amazonaws.com",
        "bucket.s3.eu-west-1.amazonaws.com",
        "localhost:4566",
        "[::1]:8080",
    ]
)
# Older versions of botocore sign some of what newer ones leave out, as we do.
NEVER_SIGNED = [
    name
    for name in ("Connection", "TE", "traceparent")
    if name.lower() in botocore.auth.SIGNED_HEADERS_BLACKLIST
]
header_names = st.sampled_from(
    [
        "X-Amzn-SageMaker-Accept",
        "x-amz-target",
        "Content-Type",
        "User-Agent",
        "Expect",
        "X-Amzn-Trace-Id",
        *NEVER_SIGNED,
        "Range",
        "Host",
        "Authorization",
        "x-amz-date",
    ]
) | st.text(alphabet=string.ascii_letters + string.digits + "-", min_size=1, max_size=10).map("X-".__add__)
header_values = st.text(alphabet=string.printable.replace("\r", "").replace("\n", "") + "é", max_size=20)
credentials = st.builds(Credentials, tokens, tokens, st.none() | tokens)
moments = st.datetimes(datetime(2015, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - see zone


def botocore_headers(
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes,
    signer: Credentials,
    region: str,
    service: str,
    now: datetime,
) -> dict[str, str]:
    """What botocore adds to the same request, signed at the same time."""
    theirs = BotocoreCredentials(signer.access_key_id, signer.secret_access_key, signer.session_token)
    auth = (S3SigV4Auth if service == "s3" else SigV4Auth)(theirs, service, region)
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    # add_auth() step by step, since it would ask the machine for the time.
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    auth._modify_request_before_signing(request)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return {name: value for name, value in request.headers.items() if name in ADDED}


@given(
    method=st.sampled_from(["GET", "PUT", "POST", "HEAD", "DELETE", "get"]),
    host=hosts,
    path=paths,
    query=queries,
    headers=st.dictionaries(header_names, header_values, max_size=6),
    body=st.binary(max_size=50),
    signer=credentials,
    region=st.sampled_from(["us-east-1", "cn-north-1"]),
    service=st.sampled_from(["s3", "sagemaker", "sqs"]),
    now=moments,
)
def test_any_request_is_signed_as_botocore_signs_it(
    method: str,
    host: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    signer: Credentials,
    region: str,
    service: str,
    now: datetime,
) -> None:
    """Methods, paths, queries, headers, bodies, credentials and times of all kinds give the same headers."""
    url = f"https://{host}{path}" + (f"?{query}" if query else "")
    expected = botocore_headers(method, url, headers, body, signer, region, service, now)

    added = Signer().sign(
        method,
        host,
        path,
        query,
        headers,
        sha256_hex(body),
        credentials=signer,
        region=region,
        service=service,
        now=now,
    )

    assert expected == added


def sign(signer: Signer, **changes: object) -> dict[str, str]:
    """A plain request, signed, with changes."""
    arguments: dict[str, object] = {
        "method": "POST",
        "host": "runtime.sagemaker.us-east-1.amazonaws.com",
        "path": "/endpoints/endpoint/async-invocations",
        "query": "",
        "headers": {"X-Amzn-SageMaker-Accept": "text/csv"},
        "payload_sha256": EMPTY_SHA256,
        "credentials": Credentials("AKIDEXAMPLE", "secret"),
        "region": "us-east-1",
        "service": "sagemaker",
        "now": NOW,
    }
    return signer.sign(**(arguments | changes))  # type: ignore[arg-type]


def test_the_published_example_is_signed_as_published() -> None:
    """``get-vanilla`` of AWS's own test suite for signers."""
    added = Signer().sign(
        "GET",
        "example.amazonaws.com",
        "/",
        "",
        {},
        EMPTY_SHA256,
        credentials=Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        region="us-east-1",
        service="service",
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )

    expected = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )
    assert {"X-Amz-Date": "20150830T123600Z", "Authorization": expected} == added


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "now": st.sampled_from([NOW, NOW + timedelta(days=1)]),
                "region": st.sampled_from(["us-east-1", "eu-west-1"]),
                "service": st.sampled_from(["sagemaker", "sqs", "s3"]),
                "credentials": st.builds(Credentials, st.just("AK"), st.sampled_from(["one", "other"])),
            },
        ),
        max_size=8,
    )
)
def test_a_signer_in_use_signs_like_a_new_one(requests: list[dict[str, object]]) -> None:
    """No day, region, service or secret is mistaken for another in the cache."""
    signer = Signer()

    assert [sign(Signer(), **changes) for changes in requests] == [
        sign(signer, **changes) for changes in requests
    ]


def test_a_signer_keeps_a_bounded_number_of_keys() -> None:
    """A client that lives for years, on credentials that change by the hour, does not grow."""
    signer = Signer()
    for day in range(1000):
        sign(signer, now=NOW + timedelta(days=day))

    assert len(signer._keys) <= 64
    assert sign(Signer()) == sign(signer)


def test_secrets_stay_out_of_reprs() -> None:
    """Neither the credentials nor the signer that keeps keys of them show anything."""
    secrets = Credentials("AKIDEXAMPLE", "SECRET", "SECRET")
    signer = Signer()
    sign(signer, credentials=secrets)

    assert "SECRET" not in repr(secrets) + repr(signer)
    assert "AKIDEXAMPLE" in repr(secrets)
    assert repr(signer) == "<Signer 1 keys>"


def test_the_time_may_be_given_in_any_zone() -> None:
    """Signed is the moment in UTC."""
    there = NOW.astimezone(timezone(timedelta(hours=-5)))

    assert sign(Signer()) == sign(Signer(), now=there)


def test_a_header_given_twice_is_joined() -> None:
    """Names that differ in case only are one header with two values, as botocore has it."""
    expected = sign(Signer(), headers={"X-A": "1,2"})

    assert expected == sign(Signer(), headers={"X-A": " 1", "x-a": "2 "})


def test_a_payload_may_stay_unsigned_for_s3() -> None:
    """A streamed upload over TLS says so in the header that S3 reads."""
    added = sign(Signer(), service="s3", payload_sha256=UNSIGNED_PAYLOAD)

    assert added["X-Amz-Content-SHA256"] == "UNSIGNED-PAYLOAD"


def test_a_request_signed_again_does_not_sign_its_old_signature() -> None:
    """A retry may hand in the headers of the first attempt."""
    signer = Signer()
    first = sign(signer, credentials=Credentials("AK", "secret", "token"))
    headers = {"X-Amzn-SageMaker-Accept": "text/csv"} | first

    assert first == sign(signer, headers=headers, credentials=Credentials("AK", "secret", "token"))


@pytest.mark.parametrize("body", [b"", b"x", b"payload" * 1000])
def test_bodies_are_hashed_as_botocore_hashes_them(body: bytes) -> None:
    """The empty one too."""
    request = AWSRequest(method="POST", url="https://host/", data=body)

    assert SigV4Auth(None, "sqs", "us-east-1").payload(request) == sha256_hex(body)
