"""Items from lines of JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from aio_sm_async.cli.sources import BrokenItem, Item
from aio_sm_async.cli.sources.jsonl import JsonLines, read_blocks


def write(path: Path, content: str) -> None:
    path.write_text(content, "utf-8")


async def items_of(path: Path, content: str, **options: str) -> list[Item | BrokenItem]:
    write(path, content)
    return [item async for item in JsonLines(read_blocks(path), path=path, **options).items()]


async def test_a_line_is_sent_as_it_stands(tmp_path: Path) -> None:
    """The payload is the very bytes of the line: no number changes its looks, no key its place."""
    [item] = await items_of(tmp_path / "s", '  {"b": 1.10, "a": 12345678901234567890123}\n')

    assert isinstance(item, Item)
    assert item.payload == b'{"b": 1.10, "a": 12345678901234567890123}'
    assert ("1", "line 1", "application/json") == (item.key, item.place, item.content_type)


async def test_blank_lines_are_no_items(tmp_path: Path) -> None:
    """A blank line counts as a line, and not as an item."""
    found = await items_of(tmp_path / "s", "\n1\n  \n2")

    assert [(0, "2"), (1, "4")] == [(item.index, item.key) for item in found]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "no JSON"),
        ('{"a": NaN}', "NaN is none of its words; write null"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
async def test_a_broken_line_breaks_no_other(tmp_path: Path, line: str, reason: str) -> None:
    """A line that cannot be read is an item with a reason, and the next line is fine."""
    broken, fine = await items_of(tmp_path / "s", f"{line}\n2")

    assert isinstance(broken, BrokenItem)
    assert reason in broken.reason
    assert isinstance(fine, Item)


async def test_the_key_may_be_a_member(tmp_path: Path) -> None:
    """With a key field, texts and whole numbers under it are keys; a line without one is broken."""
    content = '{"id": "a"}\n{"id": 7}\n{"id": true}\n{"id": ""}\n[1]\n{}'
    found = await items_of(tmp_path / "s", content, key_field="id")

    assert ["a", "7", "line 3", "line 4", "line 5", "line 6"] == [item.key for item in found]
    assert [Item, Item, *[BrokenItem] * 4] == [type(item) for item in found]


async def test_the_count_is_that_of_the_items(tmp_path: Path) -> None:
    """A file's items are counted without being read as JSON; others cannot be counted."""
    found = await items_of(tmp_path / "s", "\n1\nx\n\n2")
    source = JsonLines(read_blocks(tmp_path / "s"), path=tmp_path / "s")

    assert len(found) == await source.count()
    assert await JsonLines(read_blocks(tmp_path / "s")).count() is None


async def test_a_file_larger_than_a_block(tmp_path: Path) -> None:
    """Lines that lie across two blocks are whole."""
    found = await items_of(tmp_path / "s", "\n".join(f'"{n:099}"' for n in range(11_000)))

    assert [f'"{n:099}"'.encode() for n in range(11_000)] == [
        getattr(item, "payload", None) for item in found
    ]
