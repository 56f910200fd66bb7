"""The emulated S3, over REST and XML: access is checked here, the operations are in their own files."""

from __future__ import annotations

from collections.abc import Callable

from aio_sm_async.emulator import object_xml as xml
from aio_sm_async.emulator.bucket_calls import BucketCalls
from aio_sm_async.emulator.object_calls import ObjectCalls
from aio_sm_async.emulator.object_request import ObjectRequest, read_request
from aio_sm_async.emulator.object_store import ObjectStore, StoredObject
from aio_sm_async.emulator.service import Call, Reply, ServiceFault
from aio_sm_async.emulator.upload_calls import UploadCalls

__all__ = ["ObjectService", "ObjectStore", "StoredObject"]

_OWNER_HEADERS = ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner")


class _OtherRegion(ServiceFault):
    """The bucket lies in another region than the call was signed for."""

    def __init__(self, region: str) -> None:
        said = (
            "The bucket you are attempting to access must be addressed using the specified endpoint. "
            "Please send all future requests to this endpoint."
        )
        super().__init__("PermanentRedirect", said, 301)
        self.region = region


class ObjectService:
    """Serves an `ObjectStore` as S3, for callers of one account.

    Attributes:
        signing_name: ``s3``.
        store: What it serves.
    """

    signing_name = "s3"

    def __init__(self, store: ObjectStore, account_id: str = "000000000000") -> None:
        self.store = store
        self._account_id = account_id
        self._handlers: dict[str, Callable[[ObjectRequest], Reply]] = {
            **BucketCalls(store).handlers(),
            **ObjectCalls(store).handlers(),
            **UploadCalls(store).handlers(),
        }

    def operation(self, call: Call) -> str:
        """S3's operation, by method, path and query."""
        return read_request(call).operation

    async def answer(self, call: Call) -> Reply:
        """Check the caller's right to the bucket, and do what the call asks."""
        request = read_request(call)
        handler = self._handlers.get(request.operation)
        if handler is None:
            raise ServiceFault("NotImplemented", "The emulator does not know this operation of S3.", 501)
        self._check_owner(request)
        if request.bucket and request.operation != "CreateBucket":
            self._check_region(request)
        return handler(request)

    def render(self, fault: ServiceFault) -> Reply:
        """The fault as S3's XML."""
        if not isinstance(fault, _OtherRegion):
            return xml.error(fault)
        reply = xml.error(fault, xml.text("Region", fault.region))
        reply.headers["x-amz-bucket-region"] = fault.region
        return reply

    def _check_owner(self, request: ObjectRequest) -> None:
        for name in _OWNER_HEADERS:
            if request.header(name, self._account_id) != self._account_id:
                raise ServiceFault("AccessDenied", "Access Denied", 403)

    def _check_region(self, request: ObjectRequest) -> None:
        region = self.store.bucket(request.bucket).region
        if region != request.call.region:
            raise _OtherRegion(region)
