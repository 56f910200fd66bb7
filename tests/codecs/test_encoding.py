"""What becomes of a payload."""

from __future__ import annotations

import io
import json
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.codecs import EncodedPayload, StreamedPayload, decode_body, encode_payload
from aio_sm_async.errors import InvalidRequestError

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def encoded(payload: object, content_type: str | None = None) -> tuple[bytes, str]:
    result = encode_payload(payload, content_type)
    assert isinstance(result, EncodedPayload)
    return result.body, result.content_type


async def chunks() -> AsyncIterator[bytes]:
    yield b"chunk"


@pytest.mark.parametrize(
    ("payload", "body", "content_type"),
    [
        (b"\x00\xff", b"\x00\xff", "application/octet-stream"),
        (bytearray(b"ab"), b"ab", "application/octet-stream"),
        (memoryview(b"abcd")[::2], b"ac", "application/octet-stream"),
        (memoryview(array("h", [1])), array("h", [1]).tobytes(), "application/octet-stream"),
        ("grün", "grün".encode(), "text/plain; charset=utf-8"),
        ({"a": [1, 2.5, None, True]}, b'{"a":[1,2.5,null,true]}', "application/json"),
        ([], b"[]", "application/json"),
        ((1, "ü"), '[1,"ü"]'.encode(), "application/json"),
        (0, b"0", "application/json"),
        (False, b"false", "application/json"),
        (1.5, b"1.5", "application/json"),
        (None, b"null", "application/json"),
    ],
)
def test_default_form_of_each_kind(payload: object, body: bytes, content_type: str) -> None:
    """Bytes go as they are, text as UTF-8, everything that JSON knows as compact JSON."""
    assert encoded(payload) == (body, content_type)


@pytest.mark.parametrize(
    ("payload", "content_type", "body"),
    [
        (b"a,b", "text/csv", b"a,b"),
        ('{"a": 1}', "application/json", b'{"a": 1}'),
        ("1,ü", "text/csv; charset=ISO-8859-1", b"1,\xfc"),
        ({"a": 1}, "application/vnd.api+json", b'{"a":1}'),
        ({"a": "ü"}, "application/json; charset=utf-16-le", '{"a":"ü"}'.encode("utf-16-le")),
    ],
)
def test_content_type_of_the_caller_wins(payload: object, content_type: str, body: bytes) -> None:
    """The caller's content type is kept as written, and a string is not encoded twice."""
    assert encoded(payload, content_type) == (body, content_type)


def test_changing_a_buffer_later_changes_nothing() -> None:
    """A mutable payload is copied: it may be sent long after."""
    payload = bytearray(b"before")
    result = encode_payload(payload)
    payload[:] = b"after!"

    assert isinstance(result, EncodedPayload)
    assert result.body == b"before"


@given(st.tuples(JSON_VALUES).map(list))
def test_json_comes_back_as_it_went(value: object) -> None:
    """Whatever JSON can say is the same after a round trip."""
    body, content_type = encoded(value)

    assert decode_body(body, content_type=content_type) == value


def test_json_of_non_ascii_text_is_not_blown_up() -> None:
    """Characters are not escaped, so that more of them fit into an inline payload."""
    body, _ = encoded({"t": "ü" * 100})

    assert len(body) == len(json.dumps({"t": ""}, separators=(",", ":"))) + 200


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_nan_is_refused(value: object) -> None:
    """JSON has no NaN and no infinity; the error says what to send instead."""
    with pytest.raises(InvalidRequestError, match="null for NaN") as caught:
        encode_payload(value)

    assert caught.value.field == "payload"


def test_circles_are_refused() -> None:
    """A list that holds itself is refused, not followed."""
    circle: list[object] = []
    circle.append(circle)

    with pytest.raises(InvalidRequestError, match="Circular"):
        encode_payload(circle)


def test_absurd_depth_is_refused() -> None:
    """A payload that is nested too deeply is refused, with an error of this package."""
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]

    with pytest.raises(InvalidRequestError):
        encode_payload(deep)


def test_lone_surrogates_are_refused() -> None:
    """Text that has no bytes is refused; the error tells where, and does not quote it."""
    with pytest.raises(InvalidRequestError, match="position 6") as caught:
        encode_payload("secret\ud800")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("charset", ["klingon", "hex", '"\0"'])
def test_unknown_charsets_are_refused(charset: str) -> None:
    """A charset that nobody knows is the content type's fault."""
    with pytest.raises(InvalidRequestError) as caught:
        encode_payload("text", f"text/plain; charset={charset}")

    assert caught.value.field == "content_type"


@pytest.mark.parametrize("content_type", ["text/csv", "application/jsonlines", "nonsense"])
def test_json_values_are_not_sent_as_something_else(content_type: str) -> None:
    """A dict under a content type that is not JSON is a mistake."""
    with pytest.raises(InvalidRequestError, match="dict is sent as JSON") as caught:
        encode_payload({}, content_type)

    assert caught.value.field == "content_type"


async def test_streams_are_not_read_yet(tmp_path: Path) -> None:
    """Paths, files and async iterators are handed on with their content type."""
    sources = [
        Path("input.bin"),
        anyio.Path("input.bin"),
        io.BytesIO(b"file"),
        anyio.wrap_file(io.BytesIO()),
        chunks(),
    ]
    expected = [StreamedPayload(source, "image/png") for source in sources]

    assert [encode_payload(source, "image/png") for source in sources] == expected


@pytest.mark.parametrize("payload", [Path("input.bin"), io.BytesIO(b"file")])
def test_streams_need_a_content_type(payload: object) -> None:
    """What is streamed does not tell what it is, so the caller must."""
    with pytest.raises(InvalidRequestError, match=f"{type(payload).__name__} does not tell") as caught:
        encode_payload(payload)

    assert caught.value.field == "content_type"


def test_text_files_are_refused() -> None:
    """A file in text mode would be counted in characters; the error says how to open it."""
    with pytest.raises(TypeError, match="binary mode"):
        encode_payload(io.StringIO("text"), "text/plain")


def test_other_types_are_refused_by_name() -> None:
    """An unknown type is a TypeError that names it and all that is taken."""
    with pytest.raises(TypeError, match=r"builtins\.set.*bytes, str.*async iterator"):
        encode_payload({1, 2})


def foreign(module: str) -> object:
    """An object whose type claims to come from that module."""
    return type("Thing", (), {"__module__": module})()


@pytest.mark.parametrize(
    ("module", "extra"),
    [("numpy", "numpy"), ("pandas.core.frame", "pandas"), ("pyarrow.lib", "pyarrow")],
)
def test_types_with_a_codec_of_their_own_name_the_extra(module: str, extra: str) -> None:
    """Types of well-known packages are told by their module, which is not imported for it."""
    with pytest.raises(TypeError, match=rf"aio-sm-async\[{extra}\]"):
        encode_payload(foreign(module))


def test_foreign_values_inside_json_are_named() -> None:
    """What JSON cannot carry is a TypeError also deep inside."""
    with pytest.raises(TypeError, match=r"holds a numpy\.Thing.*tolist"):
        encode_payload({"a": [foreign("numpy")]})


def test_payload_is_not_in_the_repr() -> None:
    """A payload in a log would be a leak."""
    assert "secret" not in repr(encode_payload("secret"))
