"""Tokens name invocations across processes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.token import MAX_TOKEN_CHARACTERS, Token, decode_token, encode_token

TOKEN = Token(
    "digits",
    "eu-central-1",
    "app.x1.secret",
    S3Location("bucket", "out/1.out"),
    S3Location("bucket", "failed/1-error.out"),
    datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
)
MEMBERS = {
    "v": 1,
    "endpoint": "digits",
    "region": "eu-central-1",
    "id": "app.x1.secret",
    "output": "s3://bucket/out/1.out",
    "failure": "s3://bucket/failed/1-error.out",
    "deadline": "2026-03-01T12:30:00+00:00",
}

_words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)
_buckets = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,40}[a-z0-9]", fullmatch=True)
_keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
_locations = st.none() | st.builds(S3Location, _buckets, _keys)
_tokens = st.builds(
    Token,
    endpoint_name=_words,
    region=_words,
    inference_id=_words,
    output_location=_locations,
    failure_location=_locations,
    deadline=st.datetimes(
        datetime(1970, 1, 1),  # noqa: DTZ001 - Hypothesis takes naive bounds, and adds the time zone
        datetime(2500, 1, 1),  # noqa: DTZ001 - as above
        timezones=st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    ),
)


def text_with(**changes: object) -> str:
    return json.dumps({**MEMBERS, **changes})


def text_without(name: str) -> str:
    return json.dumps({member: value for member, value in MEMBERS.items() if member != name})


def test_its_form_is_one_line_of_json() -> None:
    """Other languages and later versions can read it."""
    text = encode_token(TOKEN)

    assert MEMBERS == json.loads(text)
    assert " " not in text
    assert "\n" not in text


def test_what_is_not_known_is_left_out() -> None:
    """An endpoint without an output path has shorter tokens."""
    token = Token("digits", "eu-central-1", "id", None, None, TOKEN.deadline)
    text = encode_token(token)

    assert {"v", "endpoint", "region", "id", "deadline"} == set(json.loads(text))
    assert token == decode_token(text)


@given(_tokens)
def test_a_token_survives_the_trip(token: Token) -> None:
    """Whatever the names and keys, the same invocation comes out, its deadline to the second in UTC."""
    text = encode_token(token)
    read = decode_token(text)

    assert len(text) <= MAX_TOKEN_CHARACTERS
    assert (token.endpoint_name, token.region, token.inference_id) == (
        read.endpoint_name,
        read.region,
        read.inference_id,
    )
    assert (token.output_location, token.failure_location) == (read.output_location, read.failure_location)
    assert token.deadline.replace(microsecond=0) == read.deadline
    assert UTC == read.deadline.tzinfo


def test_the_longest_keys_fit() -> None:
    """Two keys of 1,024 bytes that JSON must escape still make a token that can be read."""
    longest = S3Location("b" * 63, "\x01" * 1024)
    token = Token("e" * 63, "eu-central-1", "i" * 64, longest, longest, TOKEN.deadline)

    assert token == decode_token(encode_token(token))


@given(st.text(max_size=100) | st.lists(st.integers()).map(json.dumps))
def test_anything_else_is_a_value_error(text: str) -> None:
    """Text from anywhere is refused, and never ends in another exception."""
    with pytest.raises(ValueError, match="token"):
        decode_token(text)


@given(
    st.dictionaries(
        st.sampled_from(sorted(MEMBERS)),
        st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.lists(st.text(max_size=3)),
        min_size=1,
    )
)
def test_a_garbled_member_is_a_value_error_or_a_token(changes: dict[str, object]) -> None:
    """A token that was changed by hand is read or refused, and nothing else."""
    try:
        token = decode_token(text_with(**changes))
    except ValueError:
        return

    assert isinstance(token, Token)


@pytest.mark.parametrize("name", ["endpoint", "region", "id", "deadline"])
@pytest.mark.parametrize("value", [None, "", 7, ["x"]])
def test_a_member_that_must_be_there_is_named(name: str, value: object) -> None:
    """The error says which member is missing, empty or no text."""
    with pytest.raises(ValueError, match=f"not a token: '{name}' is missing or no text"):
        decode_token(text_without(name))
    with pytest.raises(ValueError, match=f"not a token: '{name}' is missing or no text"):
        decode_token(text_with(**{name: value}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[" * 16_000, "not JSON"),
        ('"text"', "not a JSON object"),
        ("{}", "version None; this release reads version 1"),
        (text_with(v=2), "version 2; this release reads version 1"),
        (text_with(output="ftp://bucket/key"), "not an S3 location"),
        (text_with(failure=7), "'failure' is missing or no text"),
        (text_with(deadline="soon"), "soon"),
        (text_with(deadline="2026-03-01T12:30:00"), "no time zone"),
        (text_with(deadline="0001-01-01T00:00:00+23:00"), "out of range"),
        (text_with(id="x" * MAX_TOKEN_CHARACTERS), "longer than 16384 characters"),
    ],
)
def test_a_bad_token_is_explained(text: str, words: str) -> None:
    """Each way to be no token has words of its own."""
    with pytest.raises(ValueError, match=words):
        decode_token(text)


def test_members_of_a_later_minor_form_are_ignored() -> None:
    """What this release does not know does no harm."""
    assert TOKEN == decode_token(text_with(colour="blue"))


def test_a_deadline_of_another_time_zone_is_the_same_moment() -> None:
    """Deadlines are compared in UTC."""
    assert TOKEN == decode_token(text_with(deadline="2026-03-01T13:30:00+01:00"))
