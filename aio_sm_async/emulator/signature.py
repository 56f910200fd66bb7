"""Signature Version 4, checked with botocore's own signer: header and presigned.

A client that signs wrongly is refused here as AWS would refuse it, with each service's own code. Temporary
credentials are taken as they come: a session token must be signed, but is not looked at.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from urllib.parse import unquote_plus

from aio_sm_async.emulator.canonical import Signable, signature_of
from aio_sm_async.emulator.signature_fault import (
    body_mismatch,
    expired,
    header_not_signed,
    malformed,
    mismatch,
    missing,
    skewed,
    unknown_key,
)

_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} +Credential=(?P<Credential>[^ ,]+), *"
    r"SignedHeaders=(?P<SignedHeaders>[^ ,]+), *Signature=(?P<Signature>[0-9a-f]{64})"
)
_SCOPE = re.compile(r"Credential=[^/,]*/[^/,]*/[^/,]*/(?P<service>[^/,]+)/aws4_request")
_TOLERANCE = timedelta(minutes=15)
_MAX_EXPIRES_SECONDS = 7 * 24 * 3600
_UNSIGNED = "UNSIGNED-PAYLOAD"
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One HTTP request, as it came over the wire.

    Attributes:
        method: The HTTP method.
        raw_path: The path, percent-encoded as it came.
        raw_query: The query, percent-encoded as it came, without the question mark.
        headers: The headers by lower-case name; values of repeated ones in their order.
        body: The body, with any ``aws-chunked`` framing still on it.
    """

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, Sequence[str]]
    body: bytes

    def header(self, name: str) -> str:
        """The header's first value, or the empty string."""
        values = self.headers.get(name)
        return values[0] if values else ""

    def query(self) -> list[tuple[str, str]]:
        """The query's parameters, decoded, in their order."""
        if not self.raw_query:
            return []
        pairs = (pair.partition("=") for pair in self.raw_query.split("&") if pair)
        return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed, and for what: the credential scope."""

    access_key_id: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says of its own signature."""

    caller: Caller
    timestamp: str
    signed_headers: tuple[str, ...]
    signature: str
    presigned: bool


def verify(arrival: Arrival, accounts: Mapping[str, str], now: Sequence[datetime]) -> Caller:
    """Tell who signed the request.

    Args:
        arrival: The request.
        accounts: The secret of each access key id.
        now: The clocks that the request may agree with: the emulator's, and the machine's, by which
            other SDKs sign.

    Raises:
        ServiceFault: The request is not signed, or not rightly, or too long ago.
    """
    query = arrival.query()
    claim = _claim(arrival, query)
    service = claim.caller.service
    secret = accounts.get(claim.caller.access_key_id)
    if secret is None:
        raise unknown_key(service)
    _check_time(claim, dict(query), now)
    _check_signed_headers(arrival, claim)
    payload_hash = _payload_hash(arrival, claim)
    request = Signable(
        method=arrival.method,
        raw_path=arrival.raw_path,
        query=[pair for pair in query if not (claim.presigned and pair[0] == "X-Amz-Signature")],
        headers={name: arrival.headers.get(name, ("",)) for name in claim.signed_headers},
        payload_hash=payload_hash,
        timestamp=claim.timestamp,
    )
    expected = signature_of(request, secret, claim.caller.region, service)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise mismatch(service)
    return claim.caller


def _claim(arrival: Arrival, query: Sequence[tuple[str, str]]) -> _Claim:
    authorization = arrival.header("authorization")
    told = dict(query)
    if authorization:
        found = _AUTHORIZATION.fullmatch(authorization)
        if found is None:
            raise malformed(guess_service(arrival), "The authorization header is malformed.")
        fields, timestamp = found.groupdict(), arrival.header("x-amz-date")
    elif told.get("X-Amz-Algorithm") == _ALGORITHM:
        fields = {
            name: told.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")
        }
        timestamp = told.get("X-Amz-Date", "")
    else:
        raise missing(guess_service(arrival))
    scope = fields["Credential"].split("/")
    if len(scope) != 5 or scope[-1] != "aws4_request":
        raise malformed(guess_service(arrival), "The Credential must be of the form id/date/region/service.")
    key_id, date, region, service, _ = scope
    if timestamp[:8] != date:
        raise malformed(service, f"The Credential's date ({date}) must be that of X-Amz-Date.")
    return _Claim(
        caller=Caller(key_id, region, service),
        timestamp=timestamp,
        signed_headers=tuple(fields["SignedHeaders"].lower().split(";")),
        signature=fields["Signature"],
        presigned=not authorization,
    )


def _check_time(claim: _Claim, told: Mapping[str, str], now: Sequence[datetime]) -> None:
    service = claim.caller.service
    signed_at = _instant(claim.timestamp)
    if signed_at is None:
        raise malformed(service, "X-Amz-Date must be in the ISO8601 'basic format'.")
    if not claim.presigned:
        if not any(abs(clock - signed_at) <= _TOLERANCE for clock in now):
            raise skewed(service, signed_at, now[0])
        return
    seconds = told.get("X-Amz-Expires", "")
    if not seconds.isdecimal() or not 0 < int(seconds) <= _MAX_EXPIRES_SECONDS:
        raise malformed(service, "X-Amz-Expires must be a number of seconds, at most a week.")
    ends = signed_at + timedelta(seconds=int(seconds))
    if not any(signed_at - _TOLERANCE <= clock <= ends for clock in now):
        raise expired(service, signed_at, now[0])


# Callers sign many requests within one second, and strptime is slow.
@lru_cache(maxsize=256)
def _instant(timestamp: str) -> datetime | None:
    try:
        return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _check_signed_headers(arrival: Arrival, claim: _Claim) -> None:
    signed = claim.signed_headers
    if "host" not in signed:
        raise header_not_signed(claim.caller.service, "host")
    if claim.caller.service != "s3":
        return
    for name in arrival.headers:
        if name.startswith("x-amz-") and name not in signed:
            raise header_not_signed("s3", name)


def _payload_hash(arrival: Arrival, claim: _Claim) -> str:
    """What stands for the body in the canonical request."""
    told = arrival.header("x-amz-content-sha256")
    if claim.presigned and claim.caller.service == "s3":
        return told or _UNSIGNED
    if told and not _HEX_DIGEST.fullmatch(told):
        return told
    if not told and claim.caller.service == "s3":
        raise malformed("s3", "Missing required header for this request: x-amz-content-sha256")
    actual = sha256(arrival.body).hexdigest()
    if told and told != actual:
        raise body_mismatch(claim.caller.service)
    return actual


def guess_service(arrival: Arrival) -> str:
    """The service that the request means, signed or not, so that a refusal comes in its words."""
    scope = _SCOPE.search(arrival.header("authorization"))
    if scope is not None:
        return scope["service"]
    target = arrival.header("x-amz-target")
    if target.startswith("AmazonSQS."):
        return "sqs"
    if target.startswith("SageMaker.") or arrival.raw_path.startswith("/endpoints/"):
        return "sagemaker"
    return "sns" if b"Action=" in arrival.body[:4096] else "s3"
