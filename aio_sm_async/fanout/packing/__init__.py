"""Many rows in one invocation: gathered, sent together, and told apart again.

::

    pack        how many rows go together      gathering   pulls rows and packs them
    parcel      the rows of one pack           review      checks an answer, and halves what failed
    row_result  what a row gets                unpacking   hands out rows, one by one
"""

from __future__ import annotations

from aio_sm_async.fanout.packing.pack import Pack
from aio_sm_async.fanout.packing.row_result import RowResult

__all__ = ["Pack", "RowResult"]
