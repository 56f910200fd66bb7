"""The two places that a run writes to, as one."""

from __future__ import annotations

from dataclasses import dataclass

from aio_sm_async.cli.sinks.errors import ErrorsFile
from aio_sm_async.cli.sinks.sink import Sink


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where results go, and where errors go. It contains the keys that are in either."""

    results: Sink
    errors: ErrorsFile

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and (key in self.results or key in self.errors)
