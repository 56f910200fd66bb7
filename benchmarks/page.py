"""The report page: prose by hand, and between marks what the benchmarks have written themselves."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path


class NoSuchSectionError(Exception):
    """The page has no marks of this name."""


def write_section(page: Path, name: str, text: str) -> None:
    """Replace what stands between the marks of a section.

    Args:
        page: A Markdown file with ``<!-- name -->`` and ``<!-- /name -->`` in it, each on a line of its own.
        name: The section.
        text: Markdown.

    Raises:
        NoSuchSectionError: There are no such marks.
    """
    before = page.read_text("utf-8")
    marks = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
    after, found = marks.subn(lambda marked: f"{marked[1]}\n{text.strip()}\n\n{marked[2]}", before)
    if not found:
        raise NoSuchSectionError(f"{page} has no section <!-- {name} --> ... <!-- /{name} -->")
    page.write_text(after, "utf-8")


def circumstances(command: str) -> str:
    """Where and when numbers were made, and by which command."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return (
        f"`{command}`, commit {commit or 'unknown'}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    )
