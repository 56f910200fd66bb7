"""Where a run is killed: at a call of its own that the server sees, or at a step of its own code."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aio_sm_async.emulator.rule import ANY


@dataclass(frozen=True, slots=True)
class OnWire:
    """The server kills the process that called.

    Attributes:
        operation: The AWS operation; `ANY` for all.
        nth: Which of its calls, from 1.
        moment: When the call arrives, and before it is done; when it is done, and before it is answered; or
            so many seconds after it was answered.
        seconds: How long after the answer.
        once_closing: Count only from the moment at which the process closes its client.
    """

    operation: str
    nth: int
    moment: Literal["arrives", "done", "answered"] = "arrives"
    seconds: float = 0.0
    once_closing: bool = False


@dataclass(frozen=True, slots=True)
class Inside:
    """The process kills itself.

    Attributes:
        step: Before its source yields a row; when it was handed an outcome and has written nothing yet; when
            it has written half of a line; as it leaves the client's block.
        nth: At which row, outcome or line, from 1; for ``close``, after which outcome the block is left.
        turns: For ``close``: how many turns of the event loop after that.
    """

    step: Literal["row", "outcome", "line", "close"]
    nth: int
    turns: int = 0


Kill = OnWire | Inside


@dataclass(frozen=True, slots=True)
class Point:
    """One row of the matrix.

    Attributes:
        name: What it is called.
        kill: The kill that a seed's dice choose among so many items.
        includes_response: Whether notifications carry the response; without, each is fetched from S3.
        uploads: Whether payloads are too large for a request, and are uploaded.
    """

    name: str
    kill: Callable[[random.Random, int], Kill]
    includes_response: bool = True
    uploads: bool = False


POINTS = (
    Point("before-the-journal", lambda dice, items: Inside("row", dice.randint(1, items))),
    Point("before-the-post", lambda dice, items: OnWire("InvokeEndpointAsync", dice.randint(1, items))),
    Point(
        "before-the-202", lambda dice, items: OnWire("InvokeEndpointAsync", dice.randint(1, items), "done")
    ),
    Point(
        "after-the-202",
        lambda dice, items: OnWire(
            "InvokeEndpointAsync", dice.randint(1, items), "answered", dice.choice([0, 0.001, 0.003, 0.02])
        ),
    ),
    Point(
        "before-the-delete", lambda dice, items: OnWire("DeleteMessageBatch", dice.randint(1, items // 20))
    ),
    Point(
        "while-fetching",
        lambda dice, items: OnWire(
            "GetObject", dice.randint(1, items // 2), dice.choice(["arrives", "done"])
        ),
        includes_response=False,
    ),
    Point("before-the-line", lambda dice, items: Inside("outcome", dice.randint(1, items))),
    Point("within-the-line", lambda dice, items: Inside("line", dice.randint(1, items))),
    Point(
        "on-close", lambda dice, items: Inside("close", dice.randint(items // 4, items), dice.randint(0, 40))
    ),
    Point(
        "on-close-before-the-delete",
        lambda dice, items: OnWire(
            "DeleteMessageBatch", 1, dice.choice(["arrives", "done"]), once_closing=True
        ),
    ),
    Point(
        "anywhere",
        lambda dice, items: OnWire(ANY, dice.randint(1, items), dice.choice(["arrives", "done", "answered"])),
    ),
    Point(
        "while-uploading",
        lambda dice, items: OnWire("PutObject", dice.randint(1, items), dice.choice(["arrives", "done"])),
        uploads=True,
    ),
)
