"""AWS Signature Version 4, for requests that are ready to be sent.

The rules that are easily missed, all as AWS's own signer has them:

- S3 signs the path as it goes on the wire. Every other service signs it with its dot segments and repeated
  slashes removed, and percent-encoded once more.
- The query's parameters are sorted by name, then value, both as they are encoded on the wire.
- White space in header values is trimmed and collapsed; a header that occurs twice is joined by a comma.
- Headers that a proxy may change are not signed.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

EMPTY_SHA256 = sha256(b"").hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"

_NOT_SIGNED = frozenset(
    {
        "authorization",  # of an earlier attempt
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
_S3_SERVICES = frozenset({"s3", "s3-object-lambda", "s3-outposts"})
_MAX_CACHED_KEYS = 64
_BLOCK_BYTES = 64
_NO_TIME, _ONE_SECOND = timedelta(0), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request is signed with; its secrets stay out of ``repr``."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class Signer:
    """Signs requests, and keeps the signing key of each day, region, service and secret."""

    __slots__ = ("_keys", "_second", "_stamp")

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str, str, str], _SigningKey] = {}
        self._second = datetime.min.replace(tzinfo=UTC)
        self._stamp = ""

    def __repr__(self) -> str:
        return f"<Signer {len(self._keys)} keys>"

    def sign(  # noqa: PLR0917 - in the order in which they stand in the request
        self,
        method: str,
        host: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        payload_sha256: str,
        *,
        credentials: Credentials,
        region: str,
        service: str,
        now: datetime,
    ) -> dict[str, str]:
        """The headers to add to a request so that AWS takes it as the credentials' owner's.

        Args:
            method: The HTTP method.
            host: The ``Host`` header, with its port where that is not the scheme's own; one among
                ``headers`` comes before it.
            path: The path exactly as it goes on the wire, percent-encoded once.
            query: The query exactly as it goes on the wire, without its question mark.
            headers: All headers to be signed; what is added on the way later is best left out.
            payload_sha256: `sha256_hex` of the body, or `UNSIGNED_PAYLOAD` where S3 is told so.
            credentials: Whose request it is.
            region: The region that the service is asked in.
            service: The service's signing name, such as ``sagemaker``.
            now: The wall clock, aware.

        Returns:
            ``Authorization`` and ``X-Amz-Date``, with temporary credentials ``X-Amz-Security-Token``, for S3
            ``X-Amz-Content-SHA256``. A header of the same name must be replaced.
        """
        stamp = self._stamp_of(now)
        added = {"X-Amz-Date": stamp}
        if credentials.session_token:
            added["X-Amz-Security-Token"] = credentials.session_token
        if service in _S3_SERVICES:
            added["X-Amz-Content-SHA256"] = payload_sha256
        else:
            path = _normalized_path(path)
        signed = _canonical_headers(host, headers, added)
        names = sorted(signed)
        signed_names = ";".join(names)
        lines = "\n".join([f"{name}:{signed[name]}" for name in names])
        canonical = (
            f"{method.upper()}\n{path}\n{_sorted_query(query)}\n{lines}\n\n{signed_names}\n{payload_sha256}"
        )
        scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
        message = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = self._signing_key(stamp[:8], region, service, credentials.secret_access_key)
        added["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
            f"SignedHeaders={signed_names}, Signature={key.sign(message)}"
        )
        return added

    def _stamp_of(self, now: datetime) -> str:
        """The second as the headers want it; made once for all requests of that second."""
        if not _NO_TIME <= now - self._second < _ONE_SECOND:
            self._second = now.replace(microsecond=0)
            self._stamp = _stamp(now)
        return self._stamp

    def _signing_key(self, day: str, region: str, service: str, secret: str) -> _SigningKey:
        wanted = (day, region, service, secret)
        key = self._keys.get(wanted)
        if key is None:
            if len(self._keys) >= _MAX_CACHED_KEYS:  # days pass and temporary secrets change
                self._keys.clear()
            secret_key = f"AWS4{secret}".encode()
            for part in (day, region, service, "aws4_request"):
                secret_key = hmac.digest(secret_key, part.encode(), "sha256")
            key = self._keys[wanted] = _SigningKey(secret_key)
        return key


def sha256_hex(body: bytes) -> str:
    """The hash of a body, as signatures want it."""
    return sha256(body).hexdigest() if body else EMPTY_SHA256


class _SigningKey:
    """A key of HMAC-SHA256, both of its pads hashed already: a signature takes less than half the time."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))

    def sign(self, message: str) -> str:
        """The signature, in hexadecimal digits."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message.encode())
        outer.update(inner.digest())
        return outer.hexdigest()


def _stamp(now: datetime) -> str:
    utc = now if now.tzinfo is UTC else now.astimezone(UTC)
    # A third of the time that strftime takes.
    return utc.isoformat(timespec="seconds").replace("-", "").replace(":", "")[:15] + "Z"


def _canonical_headers(host: str, headers: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The signed headers by lower-case name, their white space collapsed."""
    signed: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in _NOT_SIGNED:
            continue
        text = " ".join(value.split())
        signed[lower] = f"{signed[lower]},{text}" if lower in signed else text
    signed.setdefault("host", host)
    for name, value in added.items():
        signed[name.lower()] = " ".join(value.split())
    return signed


def _sorted_query(query: str) -> str:
    if not query:
        return ""
    pairs = [pair.partition("=") for pair in query.split("&")]
    return "&".join([f"{name}={value}" for name, _, value in sorted(pairs)])


@lru_cache(maxsize=1024)
def _normalized_path(path: str) -> str:
    """Dot segments and repeated slashes removed, then percent-encoded once more."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    last = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{last}")
