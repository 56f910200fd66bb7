"""Items from files."""

from __future__ import annotations

from pathlib import Path

from aio_sm_async.cli.sources import BrokenItem, Item
from aio_sm_async.cli.sources.directory import Directory


def write(root: Path, **files: bytes) -> None:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


async def test_every_file_in_order(tmp_path: Path) -> None:
    """Each file is an item, in the order of the paths; hidden ones and links to folders are none."""
    write(tmp_path, b_png=b"1", a__z_json=b"2", a__b_csv=b"3", _hidden=b"x", c_tar_gz=b"4", d=b"5")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    found = [item async for item in Directory(tmp_path).items()]

    assert ["a/b.csv", "a/z.json", "b.png", "c.tar.gz", "d"] == [item.key for item in found]
    assert list(range(5)) == [item.index for item in found]
    assert ["text/csv", "application/json", "image/png", *["application/octet-stream"] * 2] == [
        item.content_type for item in found if isinstance(item, Item)
    ]
    assert 5 == await Directory(tmp_path).count()


async def test_small_files_are_read_and_others_streamed(tmp_path: Path) -> None:
    """What fits into a request is read; what does not, or is empty, stays a path."""
    write(tmp_path, a=b"small", b=bytes(128_001), c=b"")
    found = [item async for item in Directory(tmp_path, content_type="x/y").items()]

    assert [b"small", tmp_path / "b", tmp_path / "c"] == [getattr(item, "payload", None) for item in found]
    assert {"x/y"} == {getattr(item, "content_type", None) for item in found}


async def test_a_file_that_is_gone_when_its_turn_comes(tmp_path: Path) -> None:
    """A file that cannot be read is a broken item, and the others are fine."""
    write(tmp_path, a=b"1", b=b"2", c=b"3")
    found = []
    async for item in Directory(tmp_path).items():
        found.append(item)
        (tmp_path / "b").unlink(missing_ok=True)

    assert [Item, BrokenItem, Item] == [type(item) for item in found]
