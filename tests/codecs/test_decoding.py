"""What becomes of a response body."""

from __future__ import annotations

import pickle
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.codecs import CODECS, MediaType, decode_body, parse_media_type
from aio_sm_async.errors import DecodeError


@pytest.mark.parametrize(
    ("body", "accept", "content_type", "value"),
    [
        (b'{"a": 1}', None, "application/json", {"a": 1}),
        (b"[1]", None, "Application/JSON; charset=utf-8", [1]),
        (b"[1]", None, "application/geo+json", [1]),
        (b"1", None, "text/json", 1),
        ("a;ü".encode("latin-1"), None, 'text/csv; header=present; charset="ISO-8859-1"', "a;ü"),
        ("ü".encode(), None, "text/plain", "ü"),
        (b"{}", None, "application/octet-stream", b"{}"),
        (b"\x93NUMPY", None, "application/x-npy", b"\x93NUMPY"),
        (b"{}", None, None, b"{}"),
        (b"{}", None, "nonsense", b"{}"),
        (b"{}", None, "", b"{}"),
    ],
)
def test_content_type_decides(
    body: bytes, accept: str | None, content_type: str | None, value: object
) -> None:
    """Without an accept the container's Content-Type decides, and what nobody reads stays bytes."""
    assert decode_body(body, accept=accept, content_type=content_type) == value


@pytest.mark.parametrize(
    ("accept", "value"),
    [
        ("application/json", {"ü": 1}),
        ("text/csv", '{"ü":1}'),
        ("application/octet-stream", '{"ü":1}'.encode()),
        ("application/x-npy", '{"ü":1}'),
        ("application/json, text/csv", '{"ü":1}'),
        ("text/*", '{"ü":1}'),
        ("*/*", '{"ü":1}'),
    ],
)
def test_accept_decides_where_it_names_one_known_type(accept: str, value: object) -> None:
    """Flask calls everything text/html; the caller, who asked for one type, knows better."""
    body = '{"ü":1}'.encode()

    assert decode_body(body, accept=accept, content_type="text/html; charset=utf-8") == value


def test_charset_is_the_containers() -> None:
    """An accept without a charset takes that of the Content-Type."""
    value = decode_body(b"\xfc", accept="text/csv", content_type="text/plain; charset=latin-1")

    assert value == "ü"


@pytest.mark.parametrize(("text", "said"), [("NaN", "nan"), ("[Infinity]", "[inf]")])
def test_nan_is_taken(text: str, said: str) -> None:
    """Models write NaN, so it is read although it is no JSON."""
    assert repr(decode_body(text.encode(), accept="application/json")) == said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
def test_json_tells_its_own_encoding(encoding: str) -> None:
    """JSON is read in each Unicode form, with and without a mark."""
    assert decode_body('["ü"]'.encode(encoding), content_type="application/json") == ["ü"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"{broken", "application/json"),
        (b"\xff\xfe\xff", "application/json"),
        (b"[" * 200_000, "application/json"),
        (b"1" * 1_000_000, "application/json"),
        (b"\xff", "text/plain"),
        (b"a", "text/plain; charset=klingon"),
        (b"a", "text/plain; charset=hex"),
        (b"a", "text/plain; charset=a\0b"),
    ],
)
def test_unreadable_bodies_are_one_kind_of_error(body: bytes, content_type: str) -> None:
    """Broken, too deep, too many digits or no such charset: a DecodeError that keeps the bytes."""
    with pytest.raises(DecodeError, match=r"Its bytes are in \.body") as caught:
        decode_body(body, content_type=content_type)

    assert (body, content_type) == (caught.value.body, caught.value.content_type)


def test_error_does_not_quote_the_body() -> None:
    """A response in a log would be a leak."""
    with pytest.raises(DecodeError) as caught:
        decode_body(b"secret", content_type="application/json")

    assert "secret" not in str(caught.value)


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize(
    "content_type",
    ["application/python-pickle", "application/x-pickle", "application/octet-stream", "application/x-npy"],
)
def test_nothing_is_unpickled(content_type: str, tmp_path: Path) -> None:
    """Whatever a body calls itself, no code in it is run."""
    body = pickle.dumps(Bomb(tmp_path / "touched"))

    assert decode_body(body, accept=content_type, content_type=content_type) == body
    assert not (tmp_path / "touched").exists()


@given(st.binary(), st.none() | st.text(), st.none() | st.text())
def test_any_body_under_any_name_is_a_value_or_a_decode_error(
    body: bytes, accept: str | None, content_type: str | None
) -> None:
    """No container can make the client fail in another way."""
    with suppress(DecodeError):
        decode_body(body, accept=accept, content_type=content_type)


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        ("Text/CSV", MediaType("text/csv")),
        (" text/csv ; Charset = UTF-8 ", MediaType("text/csv", "UTF-8")),
        ('text/csv;a=b;charset="utf-8"', MediaType("text/csv", "utf-8")),
        ("text/csv; charset=", MediaType("text/csv")),
        ("", MediaType("")),
        (";;;", MediaType("")),
    ],
)
def test_media_types(text: str, media_type: MediaType) -> None:
    """Only the type and the charset matter; white space and case do not."""
    assert parse_media_type(text) == media_type


@pytest.mark.parametrize(
    ("essence", "reader"),
    [
        ("application/json", "JsonCodec"),
        ("text/json", "JsonCodec"),
        ("text/csv", "TextCodec"),
        ("application/octet-stream", "BytesCodec"),
        ("application/xml", None),
    ],
)
def test_one_codec_reads_each_type(essence: str, reader: str | None) -> None:
    """The first codec of the table that reads a type has it."""
    readers = [type(codec).__name__ for codec in CODECS if codec.reads(MediaType(essence))]

    assert next(iter(readers), None) == reader
