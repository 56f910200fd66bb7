"""Objects in S3, from a server that says what each test wants."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    BodyTooLargeError,
    InternalFailure,
    NotFoundError,
    ServiceError,
    ThrottledError,
)
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.wire.addresses import BucketAddress
from aio_sm_async.wire.object_calls import object_url
from aio_sm_async.wire.object_xml import ListedObject
from aio_sm_async.wire.objects import Objects
from aio_sm_async.wire.stored import ObjectStream, StoredObject
from tests.wire.conftest import NewWire, Wire
from tests.wire.servers import Answer, Request, Server, always, in_turn, reply

AT = S3Location("b", "out/k.out")
FACTS = {"Content-Type": "text/csv", "ETag": '"e1"', "Last-Modified": "Thu, 01 Jan 2026 10:00:00 GMT"}
MODIFIED = datetime(2026, 1, 1, 10, tzinfo=UTC)
MOVED = b"<Error><Code>PermanentRedirect</Code><Message>There.</Message></Error>"


def _objects(wire: Wire) -> Objects:
    return Objects(wire.calls, wire.session)


async def test_an_object_comes_with_what_s3_knows_of_it(new_wire: NewWire) -> None:
    """One GET."""
    async with Server(always(200, b"1,2\n", FACTS)) as server:
        wire = await new_wire(server.url)
        stored = await _objects(wire).get(AT)

    assert stored == StoredObject(b"1,2\n", "text/csv", '"e1"', MODIFIED, 4)
    assert [(request.method, request.target) for request in server.requests] == [("GET", "/b/out/k.out")]
    assert server.requests[0].signed_for == ("eu-west-1", "s3")
    assert wire.counted == {"GetObject": 1}
    assert "1,2" not in repr(stored)


@pytest.mark.parametrize("written", ["", "soon", "Thu, 01 Jan 2026 10:00:00 -0000"])
async def test_a_time_that_is_not_told_is_none_or_utc(new_wire: NewWire, written: str) -> None:
    """S3 writes GMT; others write what they like."""
    async with Server(always(200, b"", {"Last-Modified": written})) as server:
        stored = await _objects(await new_wire(server.url)).get(AT)

    assert stored.last_modified == (MODIFIED if written.startswith("Thu") else None)


@pytest.mark.parametrize("limit", [4, 5, None])
async def test_a_body_within_its_limit_is_read(new_wire: NewWire, limit: int | None) -> None:
    """The limit is the largest size that is accepted."""
    async with Server(always(200, b"1,2\n", FACTS)) as server:
        stored = await _objects(await new_wire(server.url)).get(AT, limit_bytes=limit)

    assert stored == StoredObject(b"1,2\n", "text/csv", '"e1"', MODIFIED, 4)


async def test_a_body_beyond_its_limit_is_not_read(new_wire: NewWire) -> None:
    """Its size is told; the body never comes, so that reading it would hang."""
    headers_only = in_turn(reply(200, headers={"Content-Length": "1000000000"}))
    async with Server(headers_only) as server:
        with pytest.raises(BodyTooLargeError) as caught:
            await _objects(await new_wire(server.url)).get(AT, limit_bytes=16)

    assert (caught.value.size_bytes, caught.value.limit_bytes) == (1_000_000_000, 16)


async def test_a_body_of_no_told_size_is_read_up_to_its_limit(new_wire: NewWire) -> None:
    """Some stand-ins for S3 send chunks."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
    async with Server(in_turn(chunked)) as server:
        objects = _objects(await new_wire(server.url))
        whole = await objects.get(AT, limit_bytes=6)
        with pytest.raises(BodyTooLargeError):
            await objects.get(AT, limit_bytes=5)

    assert (whole.body, whole.size_bytes) == (b"abcdef", 6)


async def _half(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(200, b"half", {**FACTS, "Content-Length": "8"}))
    writer.close()


@pytest.mark.parametrize("limit", [None, 100])
async def test_a_truncated_body_is_never_handed_out(new_wire: NewWire, limit: int | None) -> None:
    """Nor taken for the object."""
    async with Server(_half) as server:
        with pytest.raises(AmbiguousError, match="cut off"):
            await _objects(await new_wire(server.url)).get(AT, limit_bytes=limit)


async def test_a_stream_yields_the_body_and_its_facts(new_wire: NewWire) -> None:
    """Facts first."""
    async with (
        Server(always(200, b"1,2\n", FACTS)) as server,
        _objects(await new_wire(server.url)).stream(AT) as stream,
    ):
        facts = (stream.content_type, stream.etag, stream.size_bytes)
        body = b"".join([chunk async for chunk in stream.iter_bytes()])

    assert (facts, body) == (("text/csv", '"e1"', 4), b"1,2\n")
    assert repr(stream) == "<ObjectStream s3://b/out/k.out, 4 bytes>"
    assert "range" not in server.requests[0].headers


async def test_a_stream_goes_on_where_it_broke_off(new_wire: NewWire) -> None:
    """The rest of the same object: the size is that of the whole."""
    headers = {**FACTS, "Content-Range": "bytes 2-3/4"}
    async with (
        Server(always(206, b"2\n", headers)) as server,
        _objects(await new_wire(server.url)).stream(AT, if_match='"e1"', start=2) as stream,
    ):
        body = b"".join([chunk async for chunk in stream.iter_bytes()])

    assert (stream.size_bytes, body) == (4, b"2\n")
    assert server.requests[0].headers["range"] == "bytes=2-"
    assert server.requests[0].headers["if-match"] == '"e1"'


@pytest.mark.parametrize(
    ("start", "answer"),
    [
        (2, reply(200, b"1,2\n")),
        (2, reply(206, b"1,2\n", {"Content-Range": "bytes 0-3/4"})),
        (2, reply(206, b"2\n")),
        (0, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
)
async def test_other_bytes_than_were_asked_for_are_refused(
    new_wire: NewWire, start: int, answer: bytes
) -> None:
    """They would be glued to the wrong place; and without a length the end could not be proven."""
    async with Server(in_turn(answer)) as server:
        objects = _objects(await new_wire(server.url))
        with pytest.raises(AmbiguousError):
            async with objects.stream(AT, start=start):
                pass


async def _collect(stream: ObjectStream, into: list[bytes]) -> None:
    async for chunk in stream.iter_bytes():
        into.append(chunk)  # noqa: PERF401 - what came before an error counts


@pytest.mark.parametrize("headers", [{"Content-Length": "8"}, {"Content-Range": "bytes 1-3/8"}])
async def test_a_stream_that_ends_early_does_not_look_whole(
    new_wire: NewWire, headers: dict[str, str]
) -> None:
    """What came is handed on, and then the error."""

    async def half(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(206 if "Content-Range" in headers else 200, b"half", headers))
        writer.close()

    received: list[bytes] = []
    async with Server(half) as server:
        objects = _objects(await new_wire(server.url))
        async with objects.stream(AT, start=1 if "Content-Range" in headers else 0) as stream:
            with pytest.raises(AmbiguousError, match="cut off"):
                await _collect(stream, received)

    assert b"".join(received) == b"half"


async def test_a_stream_of_another_version_is_refused(new_wire: NewWire) -> None:
    """By S3, whose words are kept."""
    body = b"<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>"
    async with Server(always(412, body)) as server:
        objects = _objects(await new_wire(server.url))
        with pytest.raises(
            ServiceError, match=r"GetObject answered PreconditionFailed \(HTTP 412\): changed"
        ):
            async with objects.stream(AT, if_match='"old"'):
                pass


async def test_a_head_tells_the_size(new_wire: NewWire) -> None:
    """Without a body."""
    async with Server(in_turn(reply(200, headers={**FACTS, "Content-Length": "4"}))) as server:
        stored = await _objects(await new_wire(server.url)).head(AT)

    assert stored == StoredObject(b"", "text/csv", '"e1"', MODIFIED, 4)
    assert server.requests[0].method == "HEAD"


@pytest.mark.parametrize(("status", "kind"), [(404, NotFoundError), (403, AccessDeniedError)])
async def test_a_head_without_an_object_is_told_by_its_status(
    new_wire: NewWire, status: int, kind: type[ServiceError]
) -> None:
    """There is no body to tell it; the 403 is what S3 answers without s3:ListBucket."""
    async with Server(always(status)) as server:
        with pytest.raises(kind, match="HeadObject answered"):
            await _objects(await new_wire(server.url)).head(AT)


@pytest.mark.parametrize("limit", [None, 100])
async def test_an_object_that_is_not_there_is_told(new_wire: NewWire, limit: int | None) -> None:
    """With S3's code, whether or not the body is bounded."""
    body = b"<Error><Code>NoSuchKey</Code><Message>gone</Message><RequestId>r-1</RequestId></Error>"
    async with Server(always(404, body)) as server:
        with pytest.raises(NotFoundError) as caught:
            await _objects(await new_wire(server.url)).get(AT, limit_bytes=limit)

    assert (caught.value.code, caught.value.request_id) == ("NoSuchKey", "r-1")


async def test_slow_down_is_throttling(new_wire: NewWire) -> None:
    """S3's way to say so."""
    async with Server(always(503, b"<Error><Code>SlowDown</Code></Error>")) as server:
        with pytest.raises(ThrottledError):
            await _objects(await new_wire(server.url)).get(AT)


def _by_region(right: str, refusal: bytes) -> Answer:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200, b"1,2\n", FACTS) if request.signed_for[0] == right else refusal)

    return answer


ELSEWHERE = [
    reply(301, MOVED, {"x-amz-bucket-region": "us-west-2"}),
    reply(307, MOVED, {"x-amz-bucket-region": "us-west-2"}),
    reply(400, b"", {"x-amz-bucket-region": "us-west-2"}),
    reply(400, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>"),
]


@pytest.mark.parametrize("refusal", ELSEWHERE)
async def test_a_bucket_elsewhere_is_found_once(new_wire: NewWire, refusal: bytes) -> None:
    """S3 tells its region in many ways; later calls go there at once."""
    async with Server(_by_region("us-west-2", refusal)) as server:
        objects = _objects(await new_wire(server.url))
        bodies = [(await objects.get(AT)).body, (await objects.get(AT)).body]

    assert bodies == [b"1,2\n"] * 2
    assert [request.signed_for[0] for request in server.requests] == ["eu-west-1", "us-west-2", "us-west-2"]


@pytest.mark.parametrize("refusal", ELSEWHERE)
async def test_a_stream_follows_its_bucket_as_well(new_wire: NewWire, refusal: bytes) -> None:
    """Once."""
    async with (
        Server(_by_region("us-west-2", refusal)) as server,
        _objects(await new_wire(server.url)).stream(AT) as stream,
    ):
        body = b"".join([chunk async for chunk in stream.iter_bytes()])

    assert body == b"1,2\n"
    assert [request.signed_for[0] for request in server.requests] == ["eu-west-1", "us-west-2"]


@pytest.mark.parametrize("limit", [None, 100])
async def test_a_bucket_is_not_chased(new_wire: NewWire, limit: int | None) -> None:
    """A second word of S3 is an error."""
    answers = [reply(301, MOVED, {"x-amz-bucket-region": f"us-west-{n}"}) for n in (1, 2)]
    async with Server(in_turn(*answers)) as server:
        with pytest.raises(ServiceError, match="PermanentRedirect") as caught:
            await _objects(await new_wire(server.url)).get(AT, limit_bytes=limit)

    assert "region" in caught.value.remedy
    assert len(server.requests) == 2


async def test_a_redirect_that_names_no_region_is_an_error(new_wire: NewWire) -> None:
    """Nor one that names what was asked, nor one that cannot be read."""
    refusals = [
        reply(301, MOVED),
        reply(301, MOVED, {"x-amz-bucket-region": "eu-west-1"}),
        reply(301, b"<Region>us-west-2</Region><"),
    ]
    async with Server(in_turn(*refusals)) as server:
        objects = _objects(await new_wire(server.url))
        for _ in refusals:
            with pytest.raises(ServiceError, match="PermanentRedirect"):
                await objects.get(AT)

    assert len(server.requests) == 3


def _xml(inside: str) -> bytes:
    return reply(200, inside.encode())


def _page(keys: list[str], next_page: str = "") -> bytes:
    entries = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{next_page}</NextContinuationToken>"
    inside = f"<EncodingType>url</EncodingType>{entries}{more if next_page else ''}"
    return _xml(f"<ListBucketResult>{inside}</ListBucketResult>")


async def test_a_listing_comes_page_by_page(new_wire: NewWire) -> None:
    """A page is asked for when it is wanted."""
    async with Server(in_turn(_page(["a+1", "b"], "t/1="), _page(["c"]))) as server:
        pages = _objects(await new_wire(server.url)).list_keys(S3Location("b", "out/"), max_keys=2)
        first = await anext(pages)
        asked_after_first = len(server.requests)
        second = [page async for page in pages]

    assert first == [ListedObject("a 1", 1, None), ListedObject("b", 1, None)]
    assert asked_after_first == 1
    assert second == [[ListedObject("c", 1, None)]]
    assert [request.target for request in server.requests] == [
        "/b?encoding-type=url&list-type=2&max-keys=2&prefix=out%2F",
        "/b?encoding-type=url&list-type=2&max-keys=2&prefix=out%2F&continuation-token=t%2F1%3D",
    ]


@pytest.mark.parametrize("body", [b"<html/>", b"no xml", b"<ListBucketResult><Contents/></ListBucketResult>"])
async def test_a_listing_that_cannot_be_read_is_no_empty_listing(new_wire: NewWire, body: bytes) -> None:
    """Something between here and S3 answers in its place."""
    async with Server(always(200, body)) as server:
        with pytest.raises(AmbiguousError, match="not S3's XML"):
            await anext(_objects(await new_wire(server.url)).list_keys(S3Location("b", "")))


async def test_an_object_is_written_with_its_headers(new_wire: NewWire) -> None:
    """Whole or not at all, and its ETag is told."""
    headers = {"Content-Type": "text/csv", "x-amz-tagging": "a=b", "x-amz-expected-bucket-owner": "1"}
    async with Server(always(200, b"", {"ETag": '"e2"'})) as server:
        etag = await _objects(await new_wire(server.url)).put(AT, b"1,2\n", headers=headers)
    (request,) = server.requests

    assert etag == '"e2"'
    assert (request.method, request.target, request.body) == ("PUT", "/b/out/k.out", b"1,2\n")
    assert headers.items() <= {**headers, **request.headers}.items()
    assert request.headers["content-type"] == "text/csv"
    assert "content-type" in request.headers["authorization"]


async def test_an_object_is_written_in_parts(new_wire: NewWire) -> None:
    """Begun, uploaded, completed."""
    answers = in_turn(
        _xml("<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>"),
        reply(200, headers={"ETag": '"p1"'}),
        reply(200, headers={"ETag": '"p2"'}),
        _xml(
            " \n<CompleteMultipartUploadResult><ETag>&quot;e-2&quot;</ETag></CompleteMultipartUploadResult>"
        ),
    )
    async with Server(answers) as server:
        wire = await new_wire(server.url)
        objects = _objects(wire)
        upload_id = await objects.create_multipart(AT, {"Content-Type": "text/csv"})
        etags = [await objects.upload_part(AT, upload_id, number, b"x") for number in (1, 2)]
        etag = await objects.complete_multipart(AT, upload_id, list(enumerate(etags, start=1)))

    assert (upload_id, etags, etag) == ("u/1", ['"p1"', '"p2"'], '"e-2"')
    assert [(request.method, request.target) for request in server.requests] == [
        ("POST", "/b/out/k.out?uploads="),
        ("PUT", "/b/out/k.out?partNumber=1&uploadId=u%2F1"),
        ("PUT", "/b/out/k.out?partNumber=2&uploadId=u%2F1"),
        ("POST", "/b/out/k.out?uploadId=u%2F1"),
    ]
    assert server.requests[3].body.count(b"<Part>") == 2
    assert set(wire.counted) == {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}


async def test_a_completion_that_fails_after_its_200_is_an_error(new_wire: NewWire) -> None:
    """S3 begins to answer before it is done."""
    body = b"\n\n<Error><Code>InternalError</Code><Message>We are sorry.</Message></Error>"
    async with Server(always(200, body)) as server:
        with pytest.raises(InternalFailure, match="We are sorry"):
            await _objects(await new_wire(server.url)).complete_multipart(AT, "u", [(1, '"p1"')])


async def test_an_upload_that_cannot_be_read_is_ambiguous(new_wire: NewWire) -> None:
    """An answer without an id, or a completion that is no XML."""
    async with Server(always(200, b"<a/>")) as server:
        objects = _objects(await new_wire(server.url))
        with pytest.raises(AmbiguousError):
            await objects.create_multipart(AT, {})
        server.answer = always(200, b"")
        with pytest.raises(AmbiguousError):
            await objects.complete_multipart(AT, "u", [])


async def test_an_upload_is_dropped_even_if_it_is_gone(new_wire: NewWire) -> None:
    """But a bucket that is gone is told."""
    gone = b"<Error><Code>NoSuchUpload</Code></Error>"
    no_bucket = b"<Error><Code>NoSuchBucket</Code></Error>"
    async with Server(in_turn(reply(204), reply(404, gone), reply(404, no_bucket))) as server:
        objects = _objects(await new_wire(server.url))
        await objects.abort_multipart(AT, "u")
        await objects.abort_multipart(AT, "u")
        with pytest.raises(NotFoundError):
            await objects.abort_multipart(AT, "u")

    assert server.requests[0].method == "DELETE"
    assert server.requests[0].target == "/b/out/k.out?uploadId=u"


async def test_an_object_is_deleted(new_wire: NewWire) -> None:
    """With the headers that protect from deleting in the wrong bucket."""
    async with Server(in_turn(reply(204))) as server:
        await _objects(await new_wire(server.url)).delete(AT, {"x-amz-expected-bucket-owner": "1"})

    assert (server.requests[0].method, server.requests[0].target) == ("DELETE", "/b/out/k.out")
    assert server.requests[0].headers["x-amz-expected-bucket-owner"] == "1"


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b.out", "/a/b.out"),
        ("/leading", "//leading"),
        ("a//b", "/a//b"),
        ("../up", "/../up"),
        ("a b+c?d#e%f", "/a%20b%2Bc%3Fd%23e%25f"),
        ("€~-_.", "/%E2%82%AC~-_."),
        ("", "/"),
    ],
)
async def test_every_key_has_its_path(new_wire: NewWire, key: str, path: str) -> None:
    """All bytes encoded but the unreserved ones and slashes; nothing is tidied on the way."""
    address = BucketAddress("https://b.s3.amazonaws.com", "us-east-1")
    async with Server(always(200, b"")) as server:
        await _objects(await new_wire(server.url)).get(S3Location("b", key))

    assert object_url(address, key, {}) == f"https://b.s3.amazonaws.com{path}"
    assert server.requests[0].target == (f"/b{path}" if key else "/b")
