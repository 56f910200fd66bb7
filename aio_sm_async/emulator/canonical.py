"""The signature that a request should bear, as botocore works it out.

What arrived is brought into one spelling first, path and query decoded and encoded again, as AWS does it: a
client may send ``a/b`` in a query where it signed ``a%2Fb``, but not the other way round.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import cast
from urllib.parse import quote, unquote_to_bytes

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Signable:
    """The parts of a request that its signature covers.

    Attributes:
        method: The HTTP method.
        raw_path: The path, percent-encoded as it came.
        query: The query's parameters, decoded, without a presigned URL's signature.
        headers: The signed headers by lower-case name, with all values of each.
        payload_hash: What stands for the body.
        timestamp: ``X-Amz-Date``.
    """

    method: str
    raw_path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, Sequence[str]]
    payload_hash: str
    timestamp: str


def signature_of(request: Signable, secret: str, region: str, service: str) -> str:
    """The signature, in hex, that the request bears if it was signed with the secret."""
    signer = _signer(service, region)
    # botocore asks for few members of an AWSRequest; a whole one costs more than the signature.
    adapted = cast("AWSRequest", _Adapted(request))
    string_to_sign: str = signer.string_to_sign(adapted, signer.canonical_request(adapted))
    key = _signing_key(secret, request.timestamp[:8], region, service)
    return hmac.new(key, string_to_sign.encode(), sha256).hexdigest()


@lru_cache(maxsize=256)
def _signer(service: str, region: str) -> SigV4Auth:
    return (_S3Signer if service == "s3" else _Signer)(_NOBODY, service, region)


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class _SignedHeaders(dict[str, Sequence[str]]):
    """What botocore asks of headers to sign; its own class, an email message, is several times slower."""

    def get_all(self, name: str) -> Sequence[str]:
        return self[name]


class _Adapted:
    """What botocore asks of a request to sign."""

    # Empty: botocore would prefer a payload hash that it finds here to the one that we hand it.
    headers: Mapping[str, str] = {}

    def __init__(self, request: Signable) -> None:
        self.method = request.method
        self.url = "http://host" + quote(unquote_to_bytes(request.raw_path), safe="/~")
        self.params = request.query
        self.context = {"timestamp": request.timestamp}
        self.signed_headers = _SignedHeaders(request.headers)
        self.payload_hash = request.payload_hash


class _AsTold:
    """Makes botocore sign what the request says that it signs: these headers, this payload hash."""

    def headers_to_sign(self, request: _Adapted) -> _SignedHeaders:
        return request.signed_headers

    def payload(self, request: _Adapted) -> str:
        return request.payload_hash


class _Signer(_AsTold, SigV4Auth):  # type: ignore[misc]  # it asks less of a request than its base does
    pass


class _S3Signer(_AsTold, S3SigV4Auth):  # type: ignore[misc]  # as above
    pass


_NOBODY = Credentials("unused", "unused")
