"""How the rows of one fan-out travel."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aio_sm_async.codecs import RowCodec
from aio_sm_async.fanout.options import Limits
from aio_sm_async.fanout.packing.pack import Pack


@dataclass(frozen=True, slots=True)
class Packing:
    """The size of packs, and the format of rows."""

    pack: Pack
    codec: RowCodec

    def within(self, limits: Limits) -> tuple[Packing, Limits]:
        """The same for a window of so many rows: packs no larger than it, and as many as fit."""
        max_rows = min(self.pack.max_rows, limits.items)
        packs = max(1, limits.items // max_rows)
        return replace(self, pack=replace(self.pack, max_rows=max_rows)), replace(limits, items=packs)
