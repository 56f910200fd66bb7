"""A client's life: not open, open, closed; in one event loop and one process."""

from __future__ import annotations

import asyncio
import os
import warnings
from contextlib import AsyncExitStack

from aio_sm_async.assembly import Assembly, assemble
from aio_sm_async.errors import ClientClosedError
from aio_sm_async.fanout import FanOuts
from aio_sm_async.finishing import finish
from aio_sm_async.settings import ClientSettings
from aio_sm_async.statistics import Statistics


class Lifetime:
    """What a client and its views share: settings, and the parts that exist while it is open."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._assembly: Assembly | None = None
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._is_closed = False
        self._last: Statistics | None = None

    def __repr__(self) -> str:
        if self._is_closed:
            return "closed"
        return "not open" if self._assembly is None else f"open {self._assembly.engine!r}"

    @property
    def assembly(self) -> Assembly:
        """The open parts.

        Raises:
            ClientClosedError: It is not open, or not here: in another loop, or before a fork.
        """
        if self._assembly is None:
            if self._is_closed:
                raise ClientClosedError("the client is closed; open a new one")
            raise ClientClosedError(
                "the client is not open; use it with `async with`, or await client.open()"
            )
        if os.getpid() != self._process:
            raise ClientClosedError("the client was opened before this process was forked; open one here")
        if asyncio.get_running_loop() is not self._loop:
            raise ClientClosedError("the client was opened in another event loop; open one in this loop")
        return self._assembly

    def statistics(self) -> Statistics:
        """The snapshot of now, or that of closing. It belongs to no loop, so that any thread may ask."""
        assembly = self._assembly
        if assembly is not None:
            return assembly.statistics()
        if self._last is not None:
            return self._last
        return self.assembly.statistics()  # it says why not

    async def open(self) -> None:
        """Assemble and start the parts; undone if it fails half-way."""
        async with self._opening:
            if self._is_closed:
                raise ClientClosedError("the client is closed; open a new one")
            if self._assembly is not None:
                return
            async with AsyncExitStack() as stack:
                assembly = await assemble(self.settings, stack)
                await assembly.recovery.open()
                await assembly.engine.open()
                self.fan_outs = FanOuts(
                    assembly.engine.supervisor,
                    self.settings.clock,
                    max_in_flight=self.settings.max_in_flight,
                    max_concurrent_requests=self.settings.max_concurrent_requests,
                )
                stack.push_async_callback(self.fan_outs.aclose)  # before connections, after the engine
                self._stack = stack.pop_all()
            self._assembly = assembly
            self._loop = asyncio.get_running_loop()
            self._process = os.getpid()

    async def aclose(self) -> None:
        """Stop the parts and close the connections, once, and to the end even if cancelled."""
        async with self._opening:
            assembly, self._assembly = self._assembly, None
            self._is_closed = True
            if assembly is not None:
                self._last = assembly.statistics()
                # Whoever waits may be cancelled, and often is: nothing must be left open for that.
                await finish(self._close(assembly))

    async def _close(self, assembly: Assembly) -> None:
        try:
            async with self._stack:
                await assembly.engine.aclose(self.settings.close_timeout_seconds)
        finally:
            self._last = assembly.statistics()

    def __del__(self) -> None:
        if self._assembly is not None:
            warnings.warn(
                f"unclosed AsyncInferenceClient {self!r}; use `async with`, or await client.aclose()",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
