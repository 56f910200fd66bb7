"""One call for many payloads: pulled lazily, sent within bounds, handed out in order or first done first.

::

    fan_out     what callers iterate over            run         pulls, sends and waits
    intake      the source, sync or async            backlog     items on their way, and what is held for them
    request     an item with options of its own      outcome     what became of it
    packing     many rows in one invocation
    second_try  which failures are sent again        failure_limit   when too many have failed
"""

from __future__ import annotations

from aio_sm_async.fanout.fan_out import FanOut, FanOuts
from aio_sm_async.fanout.intake import Source
from aio_sm_async.fanout.options import FanOutOptions
from aio_sm_async.fanout.outcome import Attempt, InferenceOutcome
from aio_sm_async.fanout.packing import Pack, RowResult
from aio_sm_async.fanout.packing.packing import Packing
from aio_sm_async.fanout.prepared import Prepared
from aio_sm_async.fanout.presentation import present_all, present_either, present_result
from aio_sm_async.fanout.progress import FanOutProgress
from aio_sm_async.fanout.request import InferenceRequest
from aio_sm_async.fanout.second_try import RetryFailed, is_transient, repeat_of

__all__ = [
    "Attempt",
    "FanOut",
    "FanOutOptions",
    "FanOutProgress",
    "FanOuts",
    "InferenceOutcome",
    "InferenceRequest",
    "Pack",
    "Packing",
    "Prepared",
    "RetryFailed",
    "RowResult",
    "Source",
    "is_transient",
    "present_all",
    "present_either",
    "present_result",
    "repeat_of",
]
