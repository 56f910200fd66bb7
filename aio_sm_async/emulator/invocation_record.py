"""What an endpoint remembers of the requests that it accepted: all of them, or the latest."""

from __future__ import annotations

from collections import deque

from aio_sm_async.emulator.invocation import Invocation
from aio_sm_async.emulator.object_store import ObjectStore
from aio_sm_async.emulator.s3_uri import parse_s3_uri


class InvocationRecord:
    """The invocations of one endpoint.

    Args:
        objects: Where outputs lie.
        remembered: How many ended invocations are kept; an older one goes, and its output and failure object
            with it, as an S3 lifecycle rule would have it. None keeps all.

    Attributes:
        invocations: In order of acceptance.
    """

    def __init__(self, objects: ObjectStore, remembered: int | None) -> None:
        self.invocations: list[Invocation] = []
        self._objects = objects
        self._remembered = remembered
        self._by_id: dict[str, list[Invocation]] = {}
        self._ended: deque[Invocation] = deque()

    def add(self, invocation: Invocation) -> None:
        """It was accepted."""
        self.invocations.append(invocation)
        self._by_id.setdefault(invocation.inference_id, []).append(invocation)

    def ended(self, invocation: Invocation) -> None:
        """It has ended: forget what ended long before it, if there is a limit."""
        if self._remembered is None:
            return
        self._ended.append(invocation)
        while len(self._ended) > self._remembered:
            self._forget(self._ended.popleft())

    def runs_of(self, inference_id: str) -> list[Invocation]:
        """The records of one inference id."""
        return list(self._by_id.get(inference_id, ()))

    def _forget(self, invocation: Invocation) -> None:
        # The oldest stand first, so that this looks at a few only.
        self.invocations.remove(invocation)
        runs = self._by_id[invocation.inference_id]
        runs.remove(invocation)
        if not runs:
            del self._by_id[invocation.inference_id]
        for location in (invocation.output_location, invocation.failure_location):
            if location is not None:
                name, key = parse_s3_uri(location)
                bucket = self._objects.buckets.get(name)
                if bucket is not None:  # it may never have been made, or be gone
                    bucket.delete(key)
