"""The answer to an invocation."""

from __future__ import annotations

import io
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.codecs import decode_body
from aio_sm_async.errors import AmbiguousError, BodyTooLargeError, DecodeError
from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.results import Downloads, InferenceResult, ResponseBody
from aio_sm_async.retries import Retries
from tests.bucket import CHUNK_BYTES, Bucket, Stored

PLACE = S3Location("bucket", "out/1.out")
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
FINISHED = datetime(2026, 1, 2, tzinfo=UTC)
BODY = bytes(range(256)) * 20


def result(
    data: bytes, content_type: str | None = "application/json", accept: str | None = None
) -> InferenceResult[object]:
    return InferenceResult(
        Completed("id-1", output_location=PLACE, received_time=RECEIVED, finished_time=FINISHED),
        ResponseBody(data, content_type, len(data)),
        endpoint_name="endpoint",
        source="sqs",
        decode=decode_body,
        accept=accept,
    )


def large(bucket: Bucket) -> InferenceResult[object]:
    """A result whose body was left in S3."""
    bucket.objects[PLACE] = Stored(BODY, {}, len(BODY))
    return InferenceResult(
        Completed("id-1", output_location=PLACE),
        ResponseBody(None, "image/png", len(BODY), bucket.objects[PLACE].etag),
        endpoint_name="endpoint",
        source="polling",
        decode=decode_body,
        max_body_bytes=1000,
        downloads=Downloads(bucket, Retries(VirtualClock(), dice=lambda: 0.0, tries=2)),
    )


def test_it_tells_its_story() -> None:
    """Everything that is known of the invocation can be read off its result."""
    answer = result(b"[1]")

    assert (answer.inference_id, answer.endpoint_name, answer.source) == ("id-1", "endpoint", "sqs")
    assert (
        answer.output_location,
        answer.received_time,
        answer.finished_time,
    ) == (PLACE, RECEIVED, FINISHED)
    assert (answer.body, answer.size_bytes, answer.content_type) == (b"[1]", 3, "application/json")


def test_one_body_three_ways() -> None:
    """The same bytes can be had as text, as JSON and as the value that their type tells."""
    answer = result('["ü"]'.encode())

    assert (answer.value, answer.json(), answer.text) == (["ü"], ["ü"], '["ü"]')


def test_value_follows_accept() -> None:
    """What the caller asked for decides, as containers often name their framework's default."""
    assert result(b"[1]", "text/html; charset=utf-8", accept="application/json").value == [1]


def test_text_in_the_charset_of_the_container() -> None:
    """Text is read in the charset that it was sent with, UTF-8 where nobody tells."""
    assert result(b"\xfc", "text/csv; charset=latin-1").text == "ü"
    assert result("ü".encode(), None).text == "ü"


def test_value_is_decoded_once() -> None:
    """The value is made when first asked for, and kept."""
    answer = result(b'{"a": 1}')

    assert answer.value is answer.value


def test_custom_decoder() -> None:
    """Whoever brings a decoder gets what it makes, even if that is None."""
    calls = []

    def decode(body: bytes, *, accept: str | None, content_type: str | None) -> None:
        calls.append((body, accept, content_type))

    answer = InferenceResult(
        Completed("id-1"),
        ResponseBody(b"x", "a/b", 1),
        endpoint_name="endpoint",
        source="sqs",
        decode=decode,
        accept="c/d",
    )
    first, second = answer.value, answer.value  # type: ignore[func-returns-value]

    assert (first, second, calls) == (None, None, [(b"x", "c/d", "a/b")])


def test_unreadable_bodies_keep_their_bytes() -> None:
    """A body that is not what it says can still be had as bytes."""
    answer = result(b"\xff", "application/json")

    with pytest.raises(DecodeError):
        answer.value  # noqa: B018 - reading it is the test
    with pytest.raises(DecodeError):
        answer.json()
    with pytest.raises(DecodeError):
        answer.text  # noqa: B018 - reading it is the test
    assert answer.body == b"\xff"


def test_repr_tells_all_but_the_payload() -> None:
    """A result that prints itself does not leak the response."""
    answer = result(b'"secret"')

    assert repr(answer) == ("<InferenceResult 'id-1' of 'endpoint': 8 bytes of application/json, by sqs>")
    assert (
        repr(result(b"", None)) == "<InferenceResult 'id-1' of 'endpoint': 0 bytes of unknown type, by sqs>"
    )


async def test_large_bodies_say_how_to_read_them() -> None:
    """What is not in memory names its size, the limit, and the two ways to it."""
    answer = large(Bucket())

    with pytest.raises(BodyTooLargeError, match=r"iter_bytes\(\) or download_to\(\)") as caught:
        answer.body  # noqa: B018 - reading it is the test
    assert (len(BODY), 1000) == (caught.value.size_bytes, caught.value.limit_bytes)
    assert "5,120 bytes of image/png at s3://bucket/out/1.out, by polling" in repr(answer)


async def test_unread_result_holds_no_connection() -> None:
    """Nothing is opened before somebody reads."""
    bucket = Bucket()
    large(bucket)

    assert bucket.calls == []


async def test_iterating_over_a_body_in_memory() -> None:
    """A body in memory is iterated over like any other."""
    chunks = [chunk async for chunk in result(b"0123456789").iter_bytes(4)]

    assert chunks == [b"0123", b"4567", b"89"]


async def test_iterating_over_a_large_body() -> None:
    """Each read opens the object anew, and no chunk is larger than asked for."""
    bucket = Bucket()
    answer = large(bucket)
    for _ in range(2):
        chunks = [chunk async for chunk in answer.iter_bytes(300)]

        assert b"".join(chunks) == BODY
        assert max(map(len, chunks)) == 300
    assert (bucket.calls, bucket.open_streams) == (["stream"] * 2, 0)


async def test_leaving_the_loop_early() -> None:
    """With `aclosing` the connection is free when the block is left."""
    bucket = Bucket()
    async with aclosing(large(bucket).iter_bytes()) as chunks:
        await anext(chunks)
        during = bucket.open_streams

    assert (during, bucket.open_streams) == (1, 0)


async def test_downloading_to_a_path(tmp_path: Path) -> None:
    """The file appears whole, through a break, and replaces what was there."""
    bucket = Bucket()
    bucket.breaks = [2 * CHUNK_BYTES]
    target = tmp_path / "result.bin"
    target.write_bytes(b"old")
    written = await large(bucket).download_to(target)

    assert (written, target.read_bytes()) == (len(BODY), BODY)
    assert [path.name for path in tmp_path.iterdir()] == ["result.bin"]  # noqa: ASYNC240


async def test_failed_download_leaves_nothing(tmp_path: Path) -> None:
    """A download that fails leaves neither a part of the file nor a temporary one."""
    bucket = Bucket()
    bucket.breaks = [CHUNK_BYTES, 0, 0]

    with pytest.raises(AmbiguousError):
        await large(bucket).download_to(str(tmp_path / "result.bin"))

    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240
    assert bucket.open_streams == 0


async def test_downloading_to_an_open_file() -> None:
    """A file of the caller's is written to, and stays open."""
    file = io.BytesIO()
    written = await result(BODY).download_to(file)

    assert (written, file.getvalue()) == (len(BODY), BODY)
