"""S3's XML."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.wire.object_xml import ListedObject, ListPage, encode_parts, parse_page, parse_xml

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def _page(inside: str) -> bytes:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{declaration}\n<ListBucketResult {NAMESPACE}>{inside}</ListBucketResult>".encode()


def _entry(key: str, more: str = "") -> str:
    return f"<Contents><Key>{key}</Key><Size>3</Size>{more}</Contents>"


def test_a_page_has_its_objects_and_the_way_to_the_next() -> None:
    """Keys are decoded as S3 encoded them, a plus being a space."""
    page = parse_page(
        _page(
            "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
            "<NextContinuationToken>t=/+</NextContinuationToken>"
            + _entry("a+b%2Bc%2F%E2%82%AC", "<LastModified>2026-01-01T10:00:00.000Z</LastModified>")
        )
    )

    assert page == ListPage([ListedObject("a b+c/€", 3, datetime(2026, 1, 1, 10, tzinfo=UTC))], "t=/+")


def test_a_page_that_is_the_last_has_no_next() -> None:
    """Not encoded keys are taken as they are; times may be missing, unreadable or without a zone."""
    page = parse_page(
        _page(
            "<IsTruncated>false</IsTruncated><NextContinuationToken>old</NextContinuationToken>"
            + _entry("a+b")
            + _entry("c", "<LastModified>soon</LastModified>")
            + _entry("d", "<LastModified>2026-01-01T10:00:00</LastModified>")
        )
    )

    assert page == ListPage(
        [
            ListedObject("a+b", 3, None),
            ListedObject("c", 3, None),
            ListedObject("d", 3, datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ],
        None,
    )


@pytest.mark.parametrize("body", [b"", b"no xml", b"<a>", b"<Error/>", b"<!DOCTYPE a><ListBucketResult/>"])
def test_what_is_no_page_is_refused(body: bytes) -> None:
    """A document type is refused before it is read."""
    with pytest.raises(ValueError, match=r"XML|ListBucketResult|document type"):
        parse_page(body)


def test_texts_are_read_by_name() -> None:
    """White space before the document is what S3 keeps a connection alive with."""
    texts = parse_xml(f" \n <Result {NAMESPACE}><ETag>&quot;e&quot;</ETag><Empty/></Result>".encode())

    assert texts == {"": "Result", "ETag": '"e"', "Empty": ""}


@given(
    st.lists(st.tuples(st.integers(1, 10_000), st.text(st.characters(codec="ascii", categories=["L", "P"]))))
)
def test_parts_are_written_so_that_they_can_be_read(parts: list[tuple[int, str]]) -> None:
    """Whatever an ETag holds."""
    body = encode_parts(parts)

    assert parse_xml(body)[""] == "CompleteMultipartUpload"
    assert body.count(b"<Part>") == len(parts)
