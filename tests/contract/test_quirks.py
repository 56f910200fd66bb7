from __future__ import annotations

import re
from pathlib import Path

from tests.contract.quirks import PAGE, QUIRKS, page, quirk_of


def test_every_quirk_has_its_test():
    """A quirk names a test of this suite: nothing that is gone is excused."""
    sources = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    tests = set(re.findall(r"^async def (test_\w+)", sources, re.MULTILINE))

    assert {quirk.test.partition("[")[0] for quirk in QUIRKS} <= tests


def test_once():
    """A test is excused once for a server, with one reason."""
    named = [(quirk.server, quirk.test) for quirk in QUIRKS]

    assert len(set(named)) == len(named)


def test_the_emulator_has_none():
    """The project's own emulator is held to every test."""
    assert [quirk.test for quirk in QUIRKS if quirk.server == "emulator"] == []


def test_one_case_only():
    """A quirk of one case leaves the test's other cases as strict as they were."""
    assert quirk_of("test_filter", "or", "moto") is not None
    assert quirk_of("test_filter", "exact", "moto") is None
    assert quirk_of("test_filter", "or", "emulator") is None


def test_page_is_up_to_date():
    """docs/contract.md shows the table as it is: else run python -m tests.contract.quirks."""
    told = PAGE.read_text("utf-8")

    assert page(told) == told
