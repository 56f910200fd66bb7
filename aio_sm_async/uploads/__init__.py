"""Payloads on their way to S3: for those that do not fit into the request itself."""

from __future__ import annotations

from aio_sm_async.uploads.parts import MAX_PAYLOAD_BYTES
from aio_sm_async.uploads.settings import S3Uploads
from aio_sm_async.uploads.uploader import ObjectWriter, Uploader

__all__ = ["MAX_PAYLOAD_BYTES", "ObjectWriter", "S3Uploads", "Uploader"]
