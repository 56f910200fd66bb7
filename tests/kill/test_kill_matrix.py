"""A client with a journal is killed at every point of its work, and run again: nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kill.case import Case, KillMissedError
from tests.kill.nursery import Nursery
from tests.kill.point import POINTS, Point

ITEMS = 40
# An odd seed kills the second process, too.
CASES = [pytest.param(point, 1 + number % 2, id=point.name) for number, point in enumerate(POINTS)]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Where the processes come from that are killed."""
    with Nursery() as nursery:
        yield nursery


@pytest.mark.parametrize(("point", "seed"), CASES)
async def test_a_killed_run_is_finished_by_the_next(
    nursery: Nursery, point: Point, seed: int, tmp_path: Path
) -> None:
    """Every row gets one line, whatever was killed; only what was ambiguous is sent twice."""
    for luck in range(seed, seed + 8, 2):  # on a busy machine the moment may pass before it is struck
        folder = tmp_path / str(luck)
        folder.mkdir()
        with suppress(KillMissedError):
            account = await Case(point, luck, ITEMS, folder, nursery).run()
            break
    else:
        pytest.fail(f"{point.name} was missed with four seeds in a row")

    assert account.problems() == []


async def test_without_a_journal_the_matrix_fails(nursery: Nursery, tmp_path: Path) -> None:
    """The account notices when everything is sent anew: it is no account that is always in order."""
    account = await Case(POINTS[0], 2, ITEMS, tmp_path, nursery, has_journal=False).run()

    assert "sent twice although" in " ".join(account.problems())
