"""How each service refuses a signature: the same mistake has another code in S3, in SNS and in the JSON ones.

SQS's codes for its JSON protocol are not documented; these are those of AWS's other JSON services, except for
the unknown key, which SQS has kept from its query protocol.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from aio_sm_async.emulator.service import ServiceFault

_STAMP = "%Y%m%dT%H%M%SZ"


def missing(service: str) -> ServiceFault:
    """Nothing is signed. S3 takes it for an anonymous caller, who has no rights here."""
    match service:
        case "s3":
            return ServiceFault("AccessDenied", "Access Denied", 403)
        case "sns":
            return ServiceFault("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        case _:
            return ServiceFault("MissingAuthenticationTokenException", "Missing Authentication Token", 403)


def unknown_key(service: str) -> ServiceFault:
    """The access key id is nobody's."""
    said = "The security token included in the request is invalid."
    match service:
        case "s3":
            said = "The AWS Access Key Id you provided does not exist in our records."
            return ServiceFault("InvalidAccessKeyId", said, 403)
        case "sns" | "sqs":
            return ServiceFault("InvalidClientTokenId", said, 403)
        case _:
            return ServiceFault("UnrecognizedClientException", said, 403)


def mismatch(service: str) -> ServiceFault:
    """The signature is another than ours: the secret, or the canonical request, differs."""
    return _refused(
        service,
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method.",
    )


def skewed(service: str, signed_at: datetime, now: datetime) -> ServiceFault:
    """The clocks differ by more than a quarter of an hour."""
    if service == "s3":
        said = "The difference between the request time and the current time is too large."
        return ServiceFault("RequestTimeTooSkewed", said, 403)
    margin, stamp = timedelta(minutes=15), signed_at.strftime(_STAMP)
    early, late = (now - margin).strftime(_STAMP), (now + margin).strftime(_STAMP)
    if signed_at < now:
        return _refused(service, f"Signature expired: {stamp} is now earlier than {early} (now - 15 min.)")
    return _refused(service, f"Signature not yet current: {stamp} is still later than {late} (now + 15 min.)")


def expired(service: str, signed_at: datetime, now: datetime) -> ServiceFault:
    """A presigned URL is used after its end, or before its time."""
    if service == "s3":
        said = "Request has expired" if signed_at <= now else "Request is not yet valid"
        return ServiceFault("AccessDenied", said, 403)
    return skewed(service, signed_at, now)


def header_not_signed(service: str, name: str) -> ServiceFault:
    """A header that must be signed is not."""
    if service == "s3":
        said = f"There were headers present in the request which were not signed: {name}"
        return ServiceFault("AccessDenied", said, 403)
    return _refused(service, f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def body_mismatch(service: str) -> ServiceFault:
    """The body is another than the one that the request told the hash of."""
    if service == "s3":
        said = "The provided 'x-amz-content-sha256' header does not match what was computed."
        return ServiceFault("XAmzContentSHA256Mismatch", said)
    return mismatch(service)


def malformed(service: str, said: str) -> ServiceFault:
    """The signature's own form is wrong."""
    match service:
        case "s3":
            return ServiceFault("AuthorizationHeaderMalformed", said)
        case "sns":
            return ServiceFault("IncompleteSignature", said)
        case _:
            return ServiceFault("IncompleteSignatureException", said, 403)


def _refused(service: str, said: str) -> ServiceFault:
    code = "SignatureDoesNotMatch" if service in {"s3", "sns"} else "InvalidSignatureException"
    return ServiceFault(code, said, 403)
