"""A token names an invocation so that any process can ask for it later.

It is a small JSON object with a version: no pickle, no credentials, no payload. What it names is checked by
whoever takes it; see `decode_token` for its form.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from aio_sm_async.protocol.location import S3Location, parse_location

VERSION = 1
MAX_TOKEN_CHARACTERS = 16_384
"""Two keys of 1,024 bytes, each of which JSON may write as six characters, and the rest."""


@dataclass(frozen=True, slots=True)
class Token:
    """What another process needs to wait for an invocation.

    Attributes:
        endpoint_name: Where it runs.
        region: The endpoint's AWS region.
        inference_id: Its id.
        output_location: Where its result will lie; None where that is not known.
        failure_location: Where a failure will lie; None where that is not known.
        deadline: When SageMaker is certainly done with it, UTC.
    """

    endpoint_name: str
    region: str
    inference_id: str
    output_location: S3Location | None
    failure_location: S3Location | None
    deadline: datetime


def encode_token(token: Token) -> str:
    """The token as one line of JSON."""
    members = {
        "v": VERSION,
        "endpoint": token.endpoint_name,
        "region": token.region,
        "id": token.inference_id,
        "output": str(token.output_location) if token.output_location else None,
        "failure": str(token.failure_location) if token.failure_location else None,
        "deadline": token.deadline.astimezone(UTC).isoformat(timespec="seconds"),
    }
    return json.dumps(
        {name: value for name, value in members.items() if value is not None}, separators=(",", ":")
    )


def decode_token(text: str) -> Token:
    """Read a token.

    Raises:
        ValueError: It is no token, or of a version that this package does not know.
    """
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise ValueError(f"not a token: longer than {MAX_TOKEN_CHARACTERS} characters")
    try:
        members = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError("not a token: not JSON") from exc
    if not isinstance(members, dict):
        raise ValueError("not a token: not a JSON object")  # noqa: TRY004 - the text's fault, not its type's
    if members.get("v") != VERSION:
        raise ValueError(f"a token of version {members.get('v')!r}; this release reads version {VERSION}")
    try:
        return Token(
            endpoint_name=_text(members, "endpoint"),
            region=_text(members, "region"),
            inference_id=_text(members, "id"),
            output_location=_location(members, "output"),
            failure_location=_location(members, "failure"),
            deadline=_moment(members),
        )
    except KeyError as exc:
        raise ValueError(f"not a token: {exc.args[0]!r} is missing or no text") from exc


def _text(members: dict[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise KeyError(name)
    return value


def _location(members: dict[str, object], name: str) -> S3Location | None:
    return parse_location(_text(members, name)) if name in members else None


def _moment(members: dict[str, object]) -> datetime:
    moment = datetime.fromisoformat(_text(members, "deadline"))
    if moment.tzinfo is None:
        raise ValueError("not a token: its deadline has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("not a token: its deadline is out of range") from exc
