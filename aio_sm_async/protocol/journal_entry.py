"""What the journal knows of one invocation, and how it is written as a row.

No payload and no credential is in it: only what finds the result again, and what tells one run of a job from
the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, IntEnum

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.location import S3Location, parse_location

MAX_REASON_CHARACTERS = 1000

Value = str | bytes | int | float | None
"""What a column can hold."""


class Stage(IntEnum):
    """How far an invocation has come; it only ever rises."""

    REGISTERED = 1  # about to be sent, or sent without an answer
    ACCEPTED = 2
    SETTLED = 3
    CONSUMED = 4  # the caller has its outcome


class Ending(Enum):
    """How an invocation was settled."""

    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One invocation, as the journal knows it.

    Attributes:
        name: Unique for ever: what its objects in S3 are named after.
        inference_id: Its id, ours or the caller's.
        endpoint_name: Where it runs.
        patience_seconds: Queue TTL, invocation timeout and margin, from the moment that it was sent.
        key: The caller's key of a fan-out's item; None where there is none.
        job: What the key belongs to: no job has a key twice. Empty where there is none.
        digest: Of the payload and its options; None where it cannot be known.
        extension: The ``S3OutputPathExtension`` that was sent; None if none was.
        filename: The ``Filename`` that was sent; None if none was.
        accept: The ``Accept`` that was sent; None if none was.
        uploaded: Where the input lies, if we uploaded it: ``s3://bucket/key``.
        is_in_block: Whether its output lies under a prefix of its client's block.
        stage: How far it has come.
        output_location: Where the response will lie, or lies; None while that is not known.
        failure_location: Where a failure will lie, or lies; None while that is not known.
        deadline: When SageMaker is certainly done with it, UTC; None while it is not accepted.
        ending: How it was settled; None before.
        reason: Why it failed, expired or was given up; None otherwise.
        content_type: The type of the response; None where it was not told.
    """

    name: str
    inference_id: str
    endpoint_name: str
    patience_seconds: float
    key: str | None = None
    job: str = ""
    digest: bytes | None = None
    extension: str | None = None
    filename: str | None = None
    accept: str | None = None
    uploaded: str | None = None
    is_in_block: bool = False
    stage: Stage = Stage.REGISTERED
    output_location: S3Location | None = None
    failure_location: S3Location | None = None
    deadline: datetime | None = None
    ending: Ending | None = None
    reason: str | None = None
    content_type: str | None = None

    def encode(self) -> tuple[Value, ...]:
        """The entry as a row, in the order of `COLUMNS`.

        Raises:
            InvalidRequestError: One of its names cannot be written as UTF-8.
            ValueError: Its deadline has no time zone.
        """
        return (
            _exact("name", self.name),
            _exact("inference_id", self.inference_id),
            _exact("endpoint_name", self.endpoint_name),
            self.patience_seconds,
            _exact("key", self.key),
            _exact("job", self.job),
            self.digest,
            _exact("extension", self.extension),
            _exact("filename", self.filename),
            encode_words(self.accept),
            _exact("uploaded", self.uploaded),
            int(self.is_in_block),
            int(self.stage),
            encode_location(self.output_location),
            encode_location(self.failure_location),
            encode_moment(self.deadline),
            self.ending and self.ending.value,
            encode_words(self.reason),
            encode_words(self.content_type),
        )

    @classmethod
    def decode(cls, row: tuple[Value, ...]) -> JournalEntry:
        """Read a row that `encode` wrote.

        Raises:
            ValueError: It was written by somebody else.
        """
        known = _Row(dict(zip(COLUMNS, row, strict=True)))
        output, failure = known.text("output_location"), known.text("failure_location")
        deadline, ending = known.text("deadline"), known.text("ending")
        return cls(
            name=known.certain("name"),
            inference_id=known.certain("inference_id"),
            endpoint_name=known.certain("endpoint_name"),
            patience_seconds=known.number("patience_seconds"),
            key=known.text("key"),
            job=known.certain("job"),
            digest=known.blob("digest"),
            extension=known.text("extension"),
            filename=known.text("filename"),
            accept=known.text("accept"),
            uploaded=known.text("uploaded"),
            is_in_block=known.number("is_in_block") != 0,
            stage=Stage(int(known.number("stage"))),
            output_location=parse_location(output) if output is not None else None,
            failure_location=parse_location(failure) if failure is not None else None,
            deadline=datetime.fromisoformat(deadline) if deadline is not None else None,
            ending=Ending(ending) if ending is not None else None,
            reason=known.text("reason"),
            content_type=known.text("content_type"),
        )


COLUMNS = tuple(JournalEntry.__dataclass_fields__)
"""The columns of a row, in order."""


def encode_location(location: S3Location | None) -> str | None:
    """A location as the journal writes it."""
    return None if location is None else _sayable(str(location))


def encode_moment(moment: datetime | None) -> str | None:
    """A moment as the journal writes it: UTC, to the microsecond.

    Raises:
        ValueError: It has no time zone.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError("a deadline without a time zone")
    return moment.astimezone(UTC).isoformat()


def encode_words(words: str | None) -> str | None:
    """Foreign words as the journal writes them: no novel, and nothing that UTF-8 cannot say."""
    return None if words is None else _sayable(words[:MAX_REASON_CHARACTERS])


def _sayable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _exact(field: str, text: str | None) -> str | None:
    """A name must come back as it went, or not go at all."""
    if text is None or text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidRequestError(
            field, "holds half a surrogate pair, which UTF-8 cannot say", "Take it out."
        ) from exc
    return text


@dataclass(frozen=True, slots=True)
class _Row:
    """A row's values by name, each checked when it is asked for: the file may be anybody's work."""

    values: dict[str, Value]

    def text(self, name: str) -> str | None:
        value = self.values[name]
        if value is None or isinstance(value, str):
            return value
        raise ValueError(f"{name} of the row is no text")

    def certain(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise ValueError(f"{name} of the row is missing")
        return value

    def number(self, name: str) -> float:
        value = self.values[name]
        if isinstance(value, int | float):
            return value
        raise ValueError(f"{name} of the row is no number")

    def blob(self, name: str) -> bytes | None:
        value = self.values[name]
        if value is None or isinstance(value, bytes):
            return value
        raise ValueError(f"{name} of the row is no blob")
