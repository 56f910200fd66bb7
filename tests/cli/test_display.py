"""What is seen of a run while it goes."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from aio_sm_async.cli.account import Account, Traffic
from aio_sm_async.cli.display import LINE_SECONDS, Display
from aio_sm_async.clock import VirtualClock
from tests.scenarios.stage import until

ACCOUNT = Account(succeeded=90, failed=10, already_there=100, total=400)
TRAFFIC = Traffic(in_flight=64, throttled=3, calls=Counter({"PutObject": 2000}))


def a_display(
    clock: VirtualClock, console: Console, account: Account = ACCOUNT, traffic: Traffic = TRAFFIC
) -> Display:
    return Display(console, clock, account, lambda: traffic, title="a → b → c")


async def test_facts() -> None:
    """Everything that is asked for while one waits is told: also what it costs, and how long it takes."""
    clock = VirtualClock()
    account = Account(already_there=100, total=400)
    display = a_display(clock, Console(file=io.StringIO()), account)
    await clock.advance(10)
    account.succeeded, account.failed = 90, 10

    assert [
        ("done", "200 of 400"),
        ("in flight", "64"),
        ("failed", "10"),
        ("per second", "10.0"),
        ("time left", "0:20"),
        ("throttled", "3"),
        ("AWS calls", "2,000"),
        ("dollars", "0.0100"),
    ] == display.facts()


def test_a_total_that_nobody_knows() -> None:
    """Without a total there is no end to be told."""
    display = a_display(VirtualClock(), Console(file=io.StringIO()), Account(succeeded=5))

    assert ("done", "5") in display.facts()
    assert ("time left", "unknown") in display.facts()


async def test_lines_in_a_pipe() -> None:
    """A pipe gets a plain line every few seconds, and no control characters."""
    clock, out = VirtualClock(), io.StringIO()
    display = a_display(clock, Console(file=out))
    async with display.shown(is_quiet=False):
        for count in (1, 2, 3):
            display.note = "stopping" if count == 3 else ""
            await clock.advance(LINE_SECONDS)
            await until(lambda count=count: out.getvalue().count("\n") == count)
    lines = out.getvalue().splitlines()

    assert 3 == len(lines)
    assert lines[0].startswith("done 200 of 400, in flight 64, failed 10")
    assert lines[2].endswith("; stopping")
    assert "\x1b" not in out.getvalue()


async def test_quiet() -> None:
    """Nothing is shown to whoever wants nothing shown."""
    clock, out = VirtualClock(), io.StringIO()
    async with a_display(clock, Console(file=out)).shown(is_quiet=True):
        await clock.advance(100)

    assert "" == out.getvalue()


@pytest.mark.parametrize("note", ["", "stopping"])
async def test_a_panel_in_a_terminal(note: str) -> None:
    """A terminal gets a panel that is drawn again and again, and gone at the end."""
    clock, out = VirtualClock(), io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    display = a_display(clock, console)
    display.note = note
    async with display.shown(is_quiet=False):
        await clock.advance(1)
    drawn = out.getvalue()

    assert drawn.count("a → b → c") >= 4
    assert ("stopping" in drawn) == bool(note)


async def test_a_display_that_breaks_is_not_silent() -> None:
    """A defect of the display is raised, not swallowed."""
    clock = VirtualClock()

    def broken() -> Traffic:
        raise RuntimeError("a defect")

    display = Display(Console(file=io.StringIO()), clock, Account(), broken, title="")
    with pytest.raises(RuntimeError, match="a defect"):
        async with display.shown(is_quiet=False):
            await clock.advance(LINE_SECONDS + 1)
