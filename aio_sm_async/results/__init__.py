"""What an inference answered: in memory where it fits, read from S3 on demand where it does not."""

from __future__ import annotations

from aio_sm_async.results.downloads import Downloads, ObjectReader, ObjectStream, ResponseBody, StoredObject
from aio_sm_async.results.result import Decode, InferenceResult

__all__ = [
    "Decode",
    "Downloads",
    "InferenceResult",
    "ObjectReader",
    "ObjectStream",
    "ResponseBody",
    "StoredObject",
]
