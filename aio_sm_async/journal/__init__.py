"""The journal: what a client has sent and what became of it, on disk, so that a crash loses no result."""

from __future__ import annotations

from aio_sm_async.journal.journal import Journal

__all__ = ["Journal"]
