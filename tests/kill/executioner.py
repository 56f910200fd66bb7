"""The emulator's trouble, and one more: the process that called is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from aio_sm_async.emulator import Trouble
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.rule import ANY, AnswerFault
from aio_sm_async.emulator.service import Call
from tests.kill.point import OnWire


class Executioner(Trouble):
    """Kills a process at one of its calls. Without an order it is trouble like any other.

    Attributes:
        answered_at: When each inference id was answered with a 202, where that was not delayed.
        killed_at: When it killed the process that it was armed for, on the monotonic clock; None if not yet.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.answered_at: dict[str, float] = {}
        self.killed_at: float | None = None
        self._order: OnWire | None = None
        self._process_id = 0
        self._left = 0

    def arm(self, order: OnWire, process_id: int) -> None:
        """From now on, count the calls that the order speaks of."""
        self.killed_at = None
        self.answered_at.clear()
        self._order, self._process_id, self._left = order, process_id, order.nth

    def disarm(self) -> None:
        """The process has ended."""
        self._order = None

    def strike(self, service: str, operation: str, call: Call) -> Fault | None:
        """Kill the caller, if this is the call; else, what the rules say."""
        order = self._order
        if order is None or order.operation not in (ANY, operation):
            return super().strike(service, operation, call)
        self._left -= 1
        if self._left != 0:
            return super().strike(service, operation, call)
        if order.moment == "answered":
            asyncio.get_running_loop().call_later(order.seconds, self._kill)
            return None
        self._kill()
        # The dead ask for nothing: what has arrived is not done, or done and not answered.
        return Fault("hang") if order.moment == "arrives" else Fault("hang_after")

    def on_answer(self, operation: str, call: Call) -> AnswerFault | None:
        """What the rules say, and note when it is answered if they say nothing."""
        fault = super().on_answer(operation, call)
        if fault is None:
            self.answered_at[call.headers["x-amzn-sagemaker-inference-id"]] = time.monotonic()
        return fault

    def _kill(self) -> None:
        if self._order is not None:  # else it has ended meanwhile, and its number may be another's
            self.killed_at = time.monotonic()
            os.kill(self._process_id, signal.SIGKILL)
