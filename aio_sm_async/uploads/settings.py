"""Where payloads are uploaded to, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote, urlencode

from aio_sm_async.errors import ConfigurationError
from aio_sm_async.protocol.location import S3Location, parse_location

MEBIBYTE = 1024 * 1024

# S3's own limits.
_MIN_PART_BYTES = 5 * MEBIBYTE
_MAX_PART_BYTES = 5 * 1024 * MEBIBYTE
_MAX_TAGS = 10
_TAG_KEY = re.compile(r"(?!aws:)[\w\s+\-=.:/@]{1,128}")
_TAG_VALUE = re.compile(r"[\w\s+\-=.:/@]{0,256}")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)

# An input location goes into a header of at most 1,024 characters; an escaped inference id takes up to 192.
_LOCATION = re.compile(r"[!-~](?:[ -~]{0,798}[!-~])?")


@dataclass(frozen=True, slots=True)
class S3Uploads:
    """Payloads over 128,000 bytes, and streamed ones, go to S3 first, one object each.

    Attributes:
        prefix: Where they go: ``s3://bucket/in/``. The endpoint's role must be allowed to read it.
        kms_key_id: The key that encrypts them (SSE-KMS); None for the bucket's own default.
        tags: Tags of each object: at most ten.
        expected_bucket_owner: The account that must own the bucket; anything else is refused by S3.
        delete: When an object is deleted: never, once its inference succeeded, or once it ended anyhow. The
            input of an abandoned one stays, since SageMaker may still read it.
        part_bytes: Larger payloads go up in parts of this size, which is what one buffer holds.
        max_concurrent_parts: Parts of one payload that are in memory, and under way, at a time.
        session: An aiobotocore or aioboto3 session for another account; None for the client's own.

    Raises:
        ConfigurationError: One of them is not what S3 or SageMaker takes.
    """

    prefix: str | S3Location
    _: KW_ONLY
    kms_key_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    expected_bucket_owner: str | None = None
    delete: Literal["never", "on_success", "always"] = "never"
    part_bytes: int = 8 * MEBIBYTE
    max_concurrent_parts: int = 4
    session: object | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        # The caller may go on to change its dict.
        object.__setattr__(self, "tags", MappingProxyType(dict(self.tags)))
        _check_location(self.root)
        _check_tags(self.tags)
        if self.kms_key_id is not None and not re.fullmatch(r"[!-~]{1,2048}", self.kms_key_id):
            raise ConfigurationError(f"kms_key_id: {self.kms_key_id!r} is no key id, ARN or alias of KMS.")
        if self.expected_bucket_owner is not None and not _ACCOUNT.fullmatch(self.expected_bucket_owner):
            raise ConfigurationError("expected_bucket_owner: an AWS account id has twelve digits.")
        if self.delete not in {"never", "on_success", "always"}:
            raise ConfigurationError(f"delete: {self.delete!r}; expected 'never', 'on_success' or 'always'.")
        if not _MIN_PART_BYTES <= self.part_bytes <= _MAX_PART_BYTES:
            raise ConfigurationError(f"part_bytes: {self.part_bytes}; S3 takes parts of 5 MiB to 5 GiB.")
        if self.max_concurrent_parts < 1:
            raise ConfigurationError("max_concurrent_parts: at least one part must be under way.")

    @property
    def root(self) -> S3Location:
        """The prefix, parsed.

        Raises:
            ConfigurationError: It is no S3 location.
        """
        if isinstance(self.prefix, S3Location):
            return self.prefix
        try:
            return parse_location(self.prefix)
        except ValueError as exc:
            raise ConfigurationError(f"prefix: {exc}") from exc

    def deletes_after(self, *, succeeded: bool) -> bool:
        """Whether the uploaded object goes once the inference has ended like this."""
        return self.delete == "always" or (self.delete == "on_success" and succeeded)

    @property
    def owner_headers(self) -> dict[str, str]:
        """What every call on the bucket carries."""
        return (
            {"x-amz-expected-bucket-owner": self.expected_bucket_owner} if self.expected_bucket_owner else {}
        )

    def object_headers(self, content_type: str) -> dict[str, str]:
        """What a new object is told: its type, its encryption and its tags."""
        headers = {"Content-Type": content_type, **self.owner_headers}
        if self.kms_key_id is not None:
            headers["x-amz-server-side-encryption"] = "aws:kms"
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = self.kms_key_id
        if self.tags:
            headers["x-amz-tagging"] = urlencode(self.tags, quote_via=quote)
        return headers


def _check_location(location: S3Location) -> None:
    if not _LOCATION.fullmatch(str(location)):
        raise ConfigurationError(
            "prefix: SageMaker takes input locations in ASCII, of at most 1,024 characters; "
            "use a prefix of at most 800."
        )


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > _MAX_TAGS:
        raise ConfigurationError(f"tags: {len(tags)} tags; S3 takes at most ten.")
    for key, value in tags.items():
        if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
            raise ConfigurationError(
                f"tags: {key!r}; S3 takes keys of 1 to 128 and values of at most 256 characters, made of "
                "letters, digits, spaces and + - = . : / @ _, and keeps keys that begin with aws: for itself."
            )
