"""Objects in S3: read, written, listed, deleted. Whole or as a stream, never in part."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aio_sm_async.errors import AmbiguousError, BodyTooLargeError, NotFoundError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.wire.call import NO_HEADERS, SignedCalls
from aio_sm_async.wire.object_calls import ObjectCalls
from aio_sm_async.wire.object_xml import ListedObject, encode_parts, parse_page, parse_xml
from aio_sm_async.wire.session import AwsSession
from aio_sm_async.wire.stored import ObjectStream, StoredObject, read_head, read_stored, stated_length
from aio_sm_async.wire.transport import Response, StreamedResponse

# A part of some megabytes through a slow line; what S3 answers at once has the default of all calls.
_UPLOAD_TIMEOUT_SECONDS = 120.0


class Objects:
    """The objects that the session's credentials reach, in any bucket and region.

    Every method raises `ServiceError` where S3 answers with an error, `NotSentError` where certainly nothing
    was sent, and `AmbiguousError` where the answer or a part of it is missing. All of them may be called
    again after either of the last two: reading has no effect, and writing twice writes the same.
    """

    def __init__(self, calls: SignedCalls, session: AwsSession) -> None:
        self._calls = ObjectCalls(calls, session)

    async def get(self, location: S3Location, *, limit_bytes: int | None = None) -> StoredObject:
        """Return the object with its whole body.

        Args:
            location: Where it lies.
            limit_bytes: The largest body to accept; None accepts any.

        Raises:
            BodyTooLargeError: It is larger; its body was not read.
        """
        if limit_bytes is None:
            response = await self._calls.send("GetObject", "GET", location)
            return read_stored(location, response.headers, response.body)
        async with self._calls.stream("GetObject", location) as streamed:
            size = stated_length(streamed.headers)
            if size is not None and size > limit_bytes:
                raise _too_large(location, size, limit_bytes)
            return read_stored(
                location, streamed.headers, await _read_at_most(location, streamed, limit_bytes)
            )

    @asynccontextmanager
    async def stream(
        self, location: S3Location, *, if_match: str | None = None, start: int = 0
    ) -> AsyncIterator[ObjectStream]:
        """Hand out the object's body as it comes; leaving the block drops what was not read.

        Args:
            location: Where it lies.
            if_match: The ETag that it must still have; else S3 answers ``PreconditionFailed``.
            start: The first byte wanted.
        """
        headers = {"If-Match": if_match} if if_match is not None else {}
        if start:
            headers["Range"] = f"bytes={start}-"
        async with self._calls.stream("GetObject", location, headers=headers) as streamed:
            yield ObjectStream(location, streamed, start)

    async def head(self, location: S3Location) -> StoredObject:
        """Return what S3 knows of the object; the body is empty.

        Raises:
            NotFoundError: There is none.
            AccessDeniedError: There is none either, perhaps: without s3:ListBucket, S3 does not tell apart.
        """
        response = await self._calls.send("HeadObject", "HEAD", location)
        return read_head(response.headers)

    async def list_keys(
        self, prefix: S3Location, *, max_keys: int = 1000, start_after: str = ""
    ) -> AsyncGenerator[list[ListedObject], None]:
        """Yield the objects whose keys begin with the prefix's, in the keys' order, page by page.

        Args:
            prefix: The bucket and the beginning of the keys.
            max_keys: The most objects a page.
            start_after: Keys up to this one are left out.
        """
        query = {"encoding-type": "url", "list-type": "2", "max-keys": str(max_keys), "prefix": prefix.key}
        if start_after:
            query["start-after"] = start_after
        while True:
            response = await self._calls.send(
                "ListObjectsV2", "GET", S3Location(prefix.bucket, ""), query=query
            )
            try:
                page = parse_page(response.body)
            except (ValueError, KeyError) as error:
                raise _unreadable("ListObjectsV2", response) from error
            yield page.objects
            if page.continuation is None:
                return
            query["continuation-token"] = page.continuation

    async def put(self, location: S3Location, body: bytes, *, headers: Mapping[str, str]) -> str:
        """Write an object, whole or not at all, and return its ETag.

        Args:
            location: Where to.
            body: Its bytes.
            headers: ``Content-Type``, and whatever else S3 takes with a PUT.
        """
        response = await self._calls.send(
            "PutObject", "PUT", location, headers=headers, body=body, timeout_seconds=_UPLOAD_TIMEOUT_SECONDS
        )
        return response.headers.get("ETag", "")

    async def create_multipart(self, location: S3Location, headers: Mapping[str, str]) -> str:
        """Begin an upload in parts and return its id; nothing is visible until it is completed.

        Args:
            location: Where the object will lie.
            headers: ``Content-Type``, and whatever else S3 takes here.
        """
        response = await self._calls.send(
            "CreateMultipartUpload", "POST", location, query={"uploads": ""}, headers=headers
        )
        upload_id = _texts("CreateMultipartUpload", response).get("UploadId")
        if not upload_id:
            raise _unreadable("CreateMultipartUpload", response)
        return upload_id

    async def upload_part(
        self,
        location: S3Location,
        upload_id: str,
        number: int,
        body: bytes,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:
        """Upload one part, over the one of that number if there is one, and return its ETag."""
        response = await self._calls.send(
            "UploadPart",
            "PUT",
            location,
            query={"partNumber": str(number), "uploadId": upload_id},
            headers=headers,
            body=body,
            timeout_seconds=_UPLOAD_TIMEOUT_SECONDS,
        )
        return response.headers.get("ETag", "")

    async def complete_multipart(
        self,
        location: S3Location,
        upload_id: str,
        parts: Sequence[tuple[int, str]],
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:
        """Make the object of its parts, and return its ETag.

        Args:
            location: Where it will lie.
            upload_id: The upload.
            parts: Numbers and ETags, by rising number.
            headers: Whatever else S3 takes here.
        """
        response = await self._calls.send(
            "CompleteMultipartUpload",
            "POST",
            location,
            query={"uploadId": upload_id},
            headers={"Content-Type": "application/xml", **headers},
            body=encode_parts(parts),
            timeout_seconds=_UPLOAD_TIMEOUT_SECONDS,
        )
        # S3 begins to answer before it is done: a failure may follow a 200.
        texts = _texts("CompleteMultipartUpload", response)
        if texts[""] == "Error":
            raise self._calls.failure("CompleteMultipartUpload", response)
        return texts.get("ETag", "")

    async def abort_multipart(self, location: S3Location, upload_id: str) -> None:
        """Drop an upload and its parts; return also where there is none."""
        try:
            await self._calls.send("AbortMultipartUpload", "DELETE", location, query={"uploadId": upload_id})
        except NotFoundError as error:
            if error.code == "NoSuchBucket":
                raise

    async def delete(self, location: S3Location, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Delete an object; return also where there is none."""
        await self._calls.send("DeleteObject", "DELETE", location, headers=headers)


async def _read_at_most(location: S3Location, streamed: StreamedResponse, limit_bytes: int) -> bytes:
    """The whole body, of which the headers may not have told the size."""
    chunks, size = [], 0
    async for chunk in streamed.iter_bytes():
        size += len(chunk)
        if size > limit_bytes:
            raise _too_large(location, size, limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(location: S3Location, size: int, limit_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"{location} has at least {size} bytes, more than the {limit_bytes} that may be held in memory. Read "
        "it as a stream, or raise the limit.",
        size_bytes=size,
        limit_bytes=limit_bytes,
    )


def _texts(operation: str, response: Response) -> dict[str, str]:
    try:
        return parse_xml(response.body)
    except ValueError as error:
        raise _unreadable(operation, response) from error


def _unreadable(operation: str, response: Response) -> AmbiguousError:
    return AmbiguousError(
        f"{operation} answered HTTP {response.status}, and what is not S3's XML. It may have been carried "
        "out: try again, and look for a proxy that answers in S3's place."
    )
