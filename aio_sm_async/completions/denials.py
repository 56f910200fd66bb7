"""What a 403 of S3 means: without ``s3:ListBucket`` it stands for "not there" as well."""

from __future__ import annotations

import logging
from contextlib import aclosing

from aio_sm_async.errors import AccessDeniedError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.wire.objects import Objects

logger = logging.getLogger("aio_sm_async.polling")


class Denials:
    """Tells a 403 that hides a 404 from one that forbids: each bucket is asked once for a listing."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._may_list: dict[str, bool] = {}

    def may_list(self, bucket: str) -> bool | None:
        """Whether the bucket may be listed; None while that was not found out."""
        return self._may_list.get(bucket)

    async def mean_missing(self, location: S3Location, denied: AccessDeniedError) -> bool:
        """Whether a 403 only hides a 404, as S3 answers callers without s3:ListBucket."""
        bucket = location.bucket
        if bucket not in self._may_list:
            if not await self._can_list(location):
                self.note(bucket, denied)
            else:
                self._may_list[bucket] = True
        return not self._may_list[bucket]

    def note(self, bucket: str, denied: AccessDeniedError) -> None:
        """Take the bucket for one that may not be listed, and say so once."""
        if bucket in self._may_list:
            return
        self._may_list[bucket] = False
        logger.warning(
            "S3 answers 403 in bucket %s, where without s3:ListBucket a missing object and a forbidden one "
            "look the same; taken for not there yet. Grant s3:ListBucket on the bucket, so that a missing "
            "s3:GetObject can be told. (%s)",
            bucket,
            denied,
        )

    async def _can_list(self, location: S3Location) -> bool:
        try:
            async with aclosing(self._objects.list_keys(location, max_keys=1)) as pages:
                await anext(pages, None)
        except AccessDeniedError:
            return False
        return True
