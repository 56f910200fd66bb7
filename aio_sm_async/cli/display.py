"""How a run looks while it goes: a live panel in a terminal, plain lines in a pipe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from anyio import to_thread
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from aio_sm_async.cli.account import Account, Traffic
from aio_sm_async.cli.pace import Pace, clock_face
from aio_sm_async.clock import Clock

FRAME_SECONDS = 0.25
LINE_SECONDS = 5.0
BAR_WIDTH = 72

Facts = list[tuple[str, str]]


class Display:
    """Shows one run.

    Args:
        console: Where to: standard error.
        clock: Time.
        account: What has become of the items.
        traffic: Tells what AWS was asked for.
        title: What the run does, in a few words.
    """

    def __init__(
        self,
        console: Console,
        clock: Clock,
        account: Account,
        traffic: Callable[[], Traffic],
        *,
        title: str,
    ) -> None:
        self._console = console
        self._clock = clock
        self._account = account
        self._traffic = traffic
        self._title = title
        self._started = clock.monotonic()
        self._pace = Pace(self._started)
        self.note = ""

    @asynccontextmanager
    async def shown(self, *, is_quiet: bool) -> AsyncIterator[None]:
        """Show it while the block runs."""
        if is_quiet:
            yield
            return
        showing = asyncio.create_task(self._animate() if self._console.is_terminal else self._tell())
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.wait([showing])
        if not showing.cancelled():
            showing.result()  # it ends by itself only if it fails

    def frame(self) -> RenderableType:
        """The panel as of now."""
        account = self._account
        head = Text(self._title, style="bold")
        if self.note:
            head.append(f"  {self.note}", style="yellow")
        table = Table.grid(padding=(0, 3, 0, 0))
        facts = self.facts()
        for start in range(0, len(facts), 4):
            table.add_row(
                *(Text.assemble((f"{name} ", "dim"), value) for name, value in facts[start : start + 4])
            )
        bar = Table.grid()
        bar.add_row(
            ProgressBar(
                total=account.total, completed=account.done, width=BAR_WIDTH, pulse=account.total is None
            )
        )
        return Group(head, bar, table)

    def line(self) -> str:
        """The same as one line for a log."""
        said = ", ".join(f"{name} {value}" for name, value in self.facts())
        return f"{said}; {self.note}" if self.note else said

    def facts(self) -> Facts:
        """Names and values of what there is to tell now."""
        account, traffic, now = self._account, self._traffic(), self._clock.monotonic()
        self._pace.observe(now, account.succeeded + account.failed)
        total = "" if account.total is None else f" of {account.total:,}"
        left = account.left()
        seconds = None if left is None else self._pace.seconds_left(left)
        return [
            ("done", f"{account.done:,}{total}"),
            ("in flight", f"{traffic.in_flight:,}"),
            ("failed", f"{account.failed:,}"),
            ("per second", f"{self._pace.per_second:,.1f}"),
            ("time left", "unknown" if seconds is None else clock_face(seconds)),
            ("throttled", f"{traffic.throttled:,}"),
            ("AWS calls", f"{traffic.calls.total():,}"),
            ("dollars", f"{traffic.dollars:.4f}"),
        ]

    async def _animate(self) -> None:
        with Live(self.frame(), console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                await self._clock.sleep_until(self._clock.monotonic() + FRAME_SECONDS)
                live.update(self.frame(), refresh=True)

    async def _tell(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + LINE_SECONDS)
            await self.say(self.line())

    async def say(self, text: str) -> None:
        """Tell people something, above the panel if there is one. A pipe may keep us waiting for long."""
        write = partial(self._console.print, text, soft_wrap=True, highlight=False, markup=False)
        await to_thread.run_sync(write, abandon_on_cancel=True)
