from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.signature import Arrival, Caller, guess_service, verify

ACCOUNTS = {"AKID": "secret"}
SERVICES = ["s3", "sns", "sqs", "sagemaker"]
HOST = "127.0.0.1:4566"

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def signed(
    service="sqs",
    method="POST",
    path="/",
    query="",
    headers=None,
    body=b"{}",
    secret="secret",
    key_id="AKID",
    signer=None,
    token=None,
):
    """A request as botocore signs it, and as it then arrives."""
    kind = signer or (S3SigV4Auth if service == "s3" else SigV4Auth)
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, data=body, headers=headers or {})
    kind(Credentials(key_id, secret, token), service, "us-east-1").add_auth(request)
    parts = urlsplit(request.url)
    arrived = {name.lower(): [value] for name, value in request.headers.items()}
    arrived |= {"host": [HOST], "user-agent": ["not signed"]}
    return Arrival(method, parts.path, parts.query, arrived, body)


def presigned(expires=60, **options):
    def signer(*parts):
        return S3SigV4QueryAuth(*parts, expires=expires)

    return signed("s3", "GET", "/bucket/key", body=b"", signer=signer, **options)


def changed(arrival, **parts):
    fields = ("method", "raw_path", "raw_query", "headers", "body")
    return Arrival(**{name: getattr(arrival, name) for name in fields} | parts)


def check(arrival, ahead=timedelta()):
    return verify(arrival, ACCOUNTS, [datetime.now(UTC) + ahead])


def refusal(arrival, ahead=timedelta()):
    with pytest.raises(ServiceFault) as caught:
        check(arrival, ahead)
    return caught.value.status, caught.value.code


@pytest.mark.parametrize("service", SERVICES)
def test_signed(service):
    """A request that botocore signed tells its caller, the region and the service."""
    caller = check(signed(service))

    assert Caller("AKID", "us-east-1", service) == caller


@given(st.sampled_from(SERVICES), words, st.dictionaries(words, words, max_size=3), st.binary(max_size=50))
def test_any_request(service, path, query, body):
    """Whatever botocore signs is accepted, however strange its path, query and body."""
    told = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
    arrival = signed(service, path="/" + quote(path, safe="/~"), query=told, body=body)

    assert check(arrival).access_key_id == "AKID"


@given(st.sampled_from(["method", "raw_path", "raw_query", "body", "header"]))
def test_tampering(what):
    """A request of which anything was changed after signing is refused."""
    arrival = signed(path="/a", query="b=c", headers={"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
    other = {
        "method": {"method": "PUT"},
        "raw_path": {"raw_path": "/A"},
        "raw_query": {"raw_query": "b=d"},
        "body": {"body": b"[]"},
        "header": {"headers": {**arrival.headers, "x-amz-target": ["AmazonSQS.PurgeQueue"]}},
    }[what]

    assert refusal(changed(arrival, **other)) == (403, "InvalidSignatureException")


def test_query_spelling():
    """A query counts by what it means: a slash may come bare where it was signed encoded."""
    arrival = signed("s3", "GET", "/bucket", "list-type=2&prefix=a%2Fb", body=b"")

    assert check(changed(arrival, raw_query="list-type=2&prefix=a/b")).service == "s3"


def test_query_signed_as_it_is_sent():
    """A client that signs a bare slash in a query, instead of its encoded form, is refused."""
    arrival = signed("s3", "GET", "/bucket", "list-type=2&prefix=a/b", body=b"")

    assert refusal(arrival) == (403, "SignatureDoesNotMatch")


def test_path_spelling():
    """An S3 path counts by what it means, but slashes and dots in a key are never folded."""
    arrival = signed("s3", "GET", "/bucket/a%3Ab//../c", body=b"")

    assert check(changed(arrival, raw_path="/bucket/a:b//../c")).service == "s3"
    assert refusal(changed(arrival, raw_path="/bucket/a%3Ab/c"))[1] == "SignatureDoesNotMatch"


def test_parameters_without_a_value():
    """A query parameter without an equals sign is an empty one; empty pairs do not count."""
    arrival = signed("s3", "POST", "/bucket/key", "uploads=", body=b"")

    assert check(changed(arrival, raw_query="uploads&")).service == "s3"


@pytest.mark.parametrize(
    ("service", "status", "code"),
    [
        ("s3", 403, "SignatureDoesNotMatch"),
        ("sns", 403, "SignatureDoesNotMatch"),
        ("sqs", 403, "InvalidSignatureException"),
        ("sagemaker", 403, "InvalidSignatureException"),
    ],
)
def test_wrong_secret(service, status, code):
    """Each service has its own code for a wrong secret."""
    assert refusal(signed(service, secret="wrong")) == (status, code)


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("s3", "InvalidAccessKeyId"),
        ("sns", "InvalidClientTokenId"),
        ("sqs", "InvalidClientTokenId"),
        ("sagemaker", "UnrecognizedClientException"),
    ],
)
def test_unknown_key(service, code):
    """Each service has its own code for a key that is nobody's."""
    assert refusal(signed(service, key_id="STRANGER")) == (403, code)


@pytest.mark.parametrize(
    ("arrival", "code"),
    [
        (Arrival("GET", "/bucket", "", {}, b""), "AccessDenied"),
        (Arrival("POST", "/", "", {}, b"Action=Publish"), "MissingAuthenticationToken"),
        (
            Arrival("POST", "/", "", {"x-amz-target": ["AmazonSQS.SendMessage"]}, b"{}"),
            "MissingAuthenticationTokenException",
        ),
        (
            Arrival("POST", "/endpoints/e/async-invocations", "", {}, b""),
            "MissingAuthenticationTokenException",
        ),
    ],
)
def test_unsigned(arrival, code):
    """A request without a signature is refused in the words of the service that it seems to mean."""
    assert refusal(arrival) == (403, code)


def test_guess_by_scope():
    """What a signature names as its service is meant, whatever else the request looks like."""
    assert guess_service(signed("sns", path="/endpoints/e/async-invocations")) == "sns"
    assert guess_service(Arrival("POST", "/", "", {"x-amz-target": ["SageMaker.X"]}, b"")) == "sagemaker"


@pytest.mark.parametrize("minutes", [-16, 16])
@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("s3", "RequestTimeTooSkewed"),
        ("sns", "SignatureDoesNotMatch"),
        ("sagemaker", "InvalidSignatureException"),
    ],
)
def test_skew(service, code, minutes):
    """A clock that is more than a quarter of an hour off is told so, in either direction."""
    assert refusal(signed(service), ahead=timedelta(minutes=minutes)) == (403, code)
    assert check(signed(service), ahead=timedelta(minutes=minutes) * 14 / 16).service == service


def test_two_clocks():
    """A request that agrees with one of the clocks is in time: an SDK does not know of a virtual one."""
    clocks = [datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC)]

    assert verify(signed(), ACCOUNTS, clocks).service == "sqs"


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("s3", "AuthorizationHeaderMalformed"),
        ("sns", "IncompleteSignature"),
        ("sqs", "IncompleteSignatureException"),
    ],
)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda header: header.replace("SignedHeaders=", "Signed="),
        lambda header: header.replace("Credential=AKID/", "Credential=AKID/19990101"),
    ],
)
def test_malformed(service, code, spoil):
    """A signature that is not in its form is refused as that, and not as a wrong one."""
    arrival = signed(service)
    spoilt = {**arrival.headers, "authorization": [spoil(arrival.header("authorization"))]}

    assert refusal(changed(arrival, headers=spoilt))[1] == code


def test_malformed_scope():
    """A credential of too few parts is malformed."""
    arrival = signed("s3")
    spoilt = arrival.header("authorization").replace("/us-east-1/", "/")

    assert refusal(changed(arrival, headers={**arrival.headers, "authorization": [spoilt]})) == (
        400,
        "AuthorizationHeaderMalformed",
    )


def test_malformed_date():
    """A date of another form is malformed."""
    arrival = signed("s3")
    date = arrival.header("x-amz-date")[:8]

    assert refusal(changed(arrival, headers={**arrival.headers, "x-amz-date": [date]})) == (
        400,
        "AuthorizationHeaderMalformed",
    )


@pytest.mark.parametrize(
    ("service", "code"), [("s3", "XAmzContentSHA256Mismatch"), ("sqs", "InvalidSignatureException")]
)
def test_body_hash(service, code):
    """A body that is not the one whose hash was sent along is refused."""
    arrival = signed(service, headers={"X-Amz-Content-SHA256": "0" * 64})

    assert refusal(changed(arrival, body=b"other"))[1] == code


def test_unsigned_payload():
    """A body may be left out of the signature, where the request says so."""
    arrival = signed("sqs", headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})

    assert check(changed(arrival, body=b"whatever")).service == "sqs"


def test_s3_wants_the_hash():
    """S3 takes no request that is silent about its body."""
    arrival = signed("s3", "GET", "/bucket", body=b"", signer=SigV4Auth)

    assert refusal(arrival) == (400, "AuthorizationHeaderMalformed")


def test_unsigned_amazon_header():
    """S3 refuses an x-amz header that was added after signing."""
    arrival = signed("s3")

    assert refusal(changed(arrival, headers={**arrival.headers, "x-amz-acl": ["private"]})) == (
        403,
        "AccessDenied",
    )


def test_host_must_be_signed():
    """A signature that does not cover the host is refused."""
    arrival = signed()
    spoilt = arrival.header("authorization").replace("host;", "")

    assert refusal(changed(arrival, headers={**arrival.headers, "authorization": [spoilt]})) == (
        403,
        "InvalidSignatureException",
    )


def test_session_token():
    """A session token must be signed, and is otherwise taken as it comes."""
    arrival = signed("sqs", token="temporary")

    assert check(arrival).access_key_id == "AKID"
    assert refusal(changed(arrival, headers={**arrival.headers, "x-amz-security-token": ["other"]}))[0] == 403


def test_presigned():
    """A presigned URL tells its caller, for as long as it is valid."""
    arrival = presigned(expires=3600)

    assert Caller("AKID", "us-east-1", "s3") == check(arrival)
    assert Caller("AKID", "us-east-1", "s3") == check(arrival, ahead=timedelta(minutes=59))


@pytest.mark.parametrize("ahead", [timedelta(seconds=61), -timedelta(minutes=16)])
def test_presigned_out_of_time(ahead):
    """A presigned URL that has expired, or is from the future, is refused."""
    assert refusal(presigned(), ahead=ahead) == (403, "AccessDenied")


def test_presigned_for_others():
    """Only S3 has its own words for a presigned URL that has expired."""

    def signer(*parts):
        return S3SigV4QueryAuth(*parts, expires=60)

    arrival = signed("sns", "GET", "/", body=b"", signer=signer)

    assert refusal(arrival, ahead=timedelta(hours=1)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("expires", ["0", "604801", "soon"])
def test_presigned_for_too_long(expires):
    """A presigned URL is valid for at least a second and at most a week."""
    assert refusal(presigned(expires=expires)) == (400, "AuthorizationHeaderMalformed")


def test_presigned_with_wrong_secret():
    """A presigned URL of a wrong secret is refused."""
    assert refusal(presigned(secret="wrong")) == (403, "SignatureDoesNotMatch")


def test_repeated_headers():
    """A signed header that comes twice counts with both of its values."""
    arrival = signed(headers={"X-Thing": "a,b"})

    assert check(changed(arrival, headers={**arrival.headers, "x-thing": ["a", "b"]})).service == "sqs"
