"""An entry of the journal and its row."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.journal_entry import (
    COLUMNS,
    Ending,
    JournalEntry,
    Stage,
    encode_moment,
    encode_words,
)
from aio_sm_async.protocol.location import S3Location

TEXTS = st.text(max_size=20)
LOCATIONS = st.builds(S3Location, st.text("abc-", min_size=1), TEXTS)
ENTRIES = st.builds(
    JournalEntry,
    name=TEXTS,
    inference_id=TEXTS,
    endpoint_name=TEXTS,
    patience_seconds=st.floats(0, 1e6),
    key=st.none() | TEXTS,
    job=TEXTS,
    digest=st.none() | st.binary(max_size=32),
    extension=st.none() | TEXTS,
    filename=st.none() | TEXTS,
    accept=st.none() | TEXTS,
    uploaded=st.none() | TEXTS,
    is_in_block=st.booleans(),
    stage=st.sampled_from(Stage),
    output_location=st.none() | LOCATIONS,
    failure_location=st.none() | LOCATIONS,
    deadline=st.none() | st.datetimes(timezones=st.just(UTC)),
    ending=st.none() | st.sampled_from(Ending),
    reason=st.none() | TEXTS,
    content_type=st.none() | TEXTS,
)
PLAIN = JournalEntry("n", "id", "e", 60.0)


@given(ENTRIES)
def test_a_row_comes_back_as_the_entry_that_it_was(entry: JournalEntry) -> None:
    """Nothing is lost on the way, and the row holds plain values only."""
    row = entry.encode()

    assert entry == JournalEntry.decode(row)
    assert {type(value) for value in row} <= {str, bytes, int, float, type(None)}


@pytest.mark.parametrize("field", ["name", "inference_id", "endpoint_name", "key", "job", "filename"])
def test_a_name_that_utf8_cannot_say_is_refused(field: str) -> None:
    """A name must come back as it went: half a surrogate pair cannot."""
    entry = dataclasses.replace(PLAIN, **{field: "é\ud800"})  # type: ignore[arg-type]

    with pytest.raises(InvalidRequestError, match=f"^{field}: holds half a surrogate pair"):
        entry.encode()


def test_a_deadline_is_written_in_utc() -> None:
    """Whatever its time zone was; one without is refused."""
    moment = datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))

    assert "2026-03-01T12:00:00+00:00" == encode_moment(moment)
    with pytest.raises(ValueError, match="without a time zone"):
        encode_moment(moment.replace(tzinfo=None))


def test_long_words_are_cut() -> None:
    """A container's traceback does not fill the journal."""
    assert "x" * 1000 == encode_words("x" * 1001)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", None),
        ("name", 1),
        ("key", b"k"),
        ("digest", "text"),
        ("patience_seconds", "long"),
        ("stage", 9),
        ("ending", "well"),
        ("deadline", "tomorrow"),
        ("output_location", "nowhere"),
    ],
)
def test_a_row_of_somebody_else_is_refused(column: str, value: str | bytes | float | None) -> None:
    """What we did not write is not guessed at."""
    row = list(PLAIN.encode())
    row[COLUMNS.index(column)] = value

    with pytest.raises(ValueError):  # noqa: PT011 - each says it in its own words
        JournalEntry.decode(tuple(row))
