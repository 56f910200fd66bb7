"""HTTP/1.1 on kept connections, for the data plane's many small requests: one request on each at a time."""

from __future__ import annotations

from aio_sm_async.wire.http1.transport import Http1Transport

__all__ = ["Http1Transport"]
