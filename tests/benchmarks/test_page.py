"""The report page, and what is written into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.page import NoSuchSectionError, circumstances, write_section
from benchmarks.scale import quantile, tables
from benchmarks.steps import Steps
from benchmarks.tables import table

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_only_the_section_changes(tmp_path: Path) -> None:
    """What stands between the marks is replaced, backslashes and all; the prose stays."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nbetween\n<!-- b -->\n<!-- /b -->\n", "utf-8")
    write_section(page, "a", "new \\1")

    assert page.read_text("utf-8") == (
        "before\n<!-- a -->\n\nnew \\1\n\n<!-- /a -->\nbetween\n<!-- b -->\n<!-- /b -->\n"
    )


def test_a_section_must_be_there(tmp_path: Path) -> None:
    """A page without the marks is left alone, and the error names what is missing."""
    page = tmp_path / "page.md"
    page.write_text("nothing here", "utf-8")

    with pytest.raises(NoSuchSectionError, match="<!-- a -->"):
        write_section(page, "a", "new")


@pytest.mark.parametrize("section", ["peers", "profile", "cost", "scale"])
def test_the_page_has_what_the_commands_write(section: str) -> None:
    """Each command finds its place."""
    text = PAGE.read_text("utf-8")

    assert text.count(f"<!-- {section} -->") == text.count(f"<!-- /{section} -->") == 1


def test_circumstances_name_the_command() -> None:
    """Numbers stand beside what made them."""
    assert circumstances("python -m x").startswith("`python -m x`, commit ")


def test_a_table_is_as_wide_as_it_must_be() -> None:
    """Columns line up, on a terminal too."""
    assert table(("a", "bb"), [("ccc", "d")]) == "| a   | bb |\n|-----|----|\n| ccc | d  |"


def test_results_of_scale_as_tables() -> None:
    """A table for each question, units in the heads."""
    text = tables({"lag": [{"load": "trickle", "p50_ms": 1.23456}], "pending": []})

    assert "| trickle | 1.235  |" in text
    assert "pending" not in text


def test_quantiles() -> None:
    """A quantile is a value that was measured."""
    assert [quantile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.999)] == [1.0, 2.0, 3.0]


async def test_long_steps_are_seen() -> None:
    """A callback that computes for long is told of, and those that wait are not."""
    import asyncio

    steps = Steps()
    with steps.watched():
        asyncio.get_running_loop().call_soon(lambda: sum(range(2_000_000)))
        await asyncio.sleep(0.001)

    assert steps.count >= 2
    assert steps.longest_ms > 1.0
