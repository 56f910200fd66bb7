"""S3's operations on multipart uploads."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from aio_sm_async.emulator import checksums, object_headers
from aio_sm_async.emulator import object_xml as xml
from aio_sm_async.emulator.multipart import MAX_PART_NUMBER, Part, Upload
from aio_sm_async.emulator.object_calls import check_overwrite
from aio_sm_async.emulator.object_request import ObjectRequest
from aio_sm_async.emulator.object_store import ObjectStore, StoredObject, etag_of
from aio_sm_async.emulator.service import Reply, ServiceFault


class UploadCalls:
    """Begins, feeds, completes and aborts multipart uploads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def handlers(self) -> dict[str, Callable[[ObjectRequest], Reply]]:
        """What answers each operation."""
        return {
            "CreateMultipartUpload": self.create,
            "UploadPart": self.upload_part,
            "CompleteMultipartUpload": self.complete,
            "AbortMultipartUpload": self.abort,
            "ListParts": self.list_parts,
            "ListMultipartUploads": self.list_uploads,
        }

    def create(self, request: ObjectRequest) -> Reply:
        """Begin an upload."""
        headers = request.call.headers
        kept = object_headers.kept(headers)
        upload = Upload(uuid4().hex, request.key, self._store.now(), kept, object_headers.tags(headers))
        self._store.bucket(request.bucket).uploads[upload.upload_id] = upload
        content = [
            xml.text("Bucket", request.bucket),
            xml.text("Key", request.key),
            xml.text("UploadId", upload.upload_id),
        ]
        return xml.document("InitiateMultipartUploadResult", content, object_headers.encryption(kept))

    def upload_part(self, request: ObjectRequest) -> Reply:
        """Keep one part, over any other of its number."""
        upload = self._upload(request)
        headers, body = request.call.headers, request.call.body
        checksums.check(headers, body)
        part = Part(body, etag_of(body), self._store.now())
        upload.parts[_part_number(request.parameter("partNumber"))] = part
        return Reply(200, b"", {"ETag": f'"{part.etag}"', **checksums.told(headers)})

    def complete(self, request: ObjectRequest) -> Reply:
        """Make the object of its parts; only now it can be seen."""
        upload = self._upload(request)
        bucket = self._store.bucket(request.bucket)
        parts = xml.parse(request.call.body).all("Part")
        wanted = [(_part_number(part.text("PartNumber")), part.text("ETag")) for part in parts]
        check_overwrite(request, bucket)
        body, etag = upload.assemble(wanted, self._store.minimum_part_bytes)
        bucket.put(request.key, StoredObject(body, etag, self._store.now(), upload.headers, upload.tags))
        del bucket.uploads[upload.upload_id]
        content = [
            xml.text("Location", f"{request.call.base_url}/{request.bucket}/{request.key}"),
            xml.text("Bucket", request.bucket),
            xml.text("Key", request.key),
            xml.text("ETag", f'"{etag}"'),
        ]
        encryption = object_headers.encryption(upload.headers)
        return xml.document("CompleteMultipartUploadResult", content, encryption)

    def abort(self, request: ObjectRequest) -> Reply:
        """Forget the upload and its parts."""
        upload = self._upload(request)
        del self._store.bucket(request.bucket).uploads[upload.upload_id]
        return Reply(204)

    def list_parts(self, request: ObjectRequest) -> Reply:
        """All parts that have come, in one page."""
        upload = self._upload(request)
        content = [
            xml.text("Bucket", request.bucket),
            xml.text("Key", request.key),
            xml.text("UploadId", upload.upload_id),
            xml.text("IsTruncated", "false"),
        ]
        for number, part in sorted(upload.parts.items()):
            shown = xml.tag(
                "Part",
                xml.text("PartNumber", number),
                xml.text("LastModified", xml.timestamp(part.last_modified)),
                xml.text("ETag", f'"{part.etag}"'),
                xml.text("Size", len(part.body)),
            )
            content.append(shown)
        return xml.document("ListPartsResult", content)

    def list_uploads(self, request: ObjectRequest) -> Reply:
        """All uploads in progress under the prefix, in one page."""
        bucket = self._store.bucket(request.bucket)
        prefix = request.parameter("prefix")
        content = [xml.text("Bucket", bucket.name), xml.text("IsTruncated", "false")]
        for upload in sorted(bucket.uploads.values(), key=lambda upload: (upload.key, upload.initiated)):
            if not upload.key.startswith(prefix):
                continue
            shown = xml.tag(
                "Upload",
                xml.text("Key", upload.key),
                xml.text("UploadId", upload.upload_id),
                xml.text("Initiated", xml.timestamp(upload.initiated)),
            )
            content.append(shown)
        return xml.document("ListMultipartUploadsResult", content)

    def _upload(self, request: ObjectRequest) -> Upload:
        upload = self._store.bucket(request.bucket).uploads.get(request.parameter("uploadId"))
        if upload is None or upload.key != request.key:
            raise ServiceFault(
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
                "been aborted or completed.",
                404,
            )
        return upload


def _part_number(told: str) -> int:
    if not told.isdecimal() or not 1 <= int(told) <= MAX_PART_NUMBER:
        said = f"Part number must be an integer between 1 and {MAX_PART_NUMBER}, inclusive"
        raise ServiceFault("InvalidArgument", said)
    return int(told)
