"""Where the items of a run come from: lines, files, objects."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aio_sm_async.cli.sources.directory import Directory
from aio_sm_async.cli.sources.item import BrokenItem, Item, ItemSource
from aio_sm_async.cli.sources.jsonl import JsonLines, read_blocks
from aio_sm_async.cli.sources.prefix import Prefix
from aio_sm_async.cli.sources.stdin import read_stdin
from aio_sm_async.errors import ConfigurationError
from aio_sm_async.protocol.location import parse_location
from aio_sm_async.wire.objects import Objects

__all__ = ["STDIN", "BrokenItem", "Item", "ItemSource", "open_source"]

STDIN = "-"


def open_source(
    text: str,
    *,
    objects: Objects | None,
    stop: asyncio.Event,
    key_field: str | None = None,
    content_type: str | None = None,
) -> ItemSource:
    """The source that the command line names; nothing of it is read yet.

    Args:
        text: A path, an ``s3://`` prefix, or ``-``.
        objects: Lists S3; None where S3 is not named.
        stop: Once it is set, standard input has ended.
        key_field: The member of each line that is its key.
        content_type: What the items are sent as.

    Raises:
        ConfigurationError: There is no such thing, or the options do not fit it.
    """
    if text == STDIN:
        return JsonLines(read_stdin(stop), key_field=key_field, content_type=content_type)
    path = Path(text)
    if not text.startswith("s3://") and path.is_file():
        return JsonLines(read_blocks(path), key_field=key_field, content_type=content_type, path=path)
    if key_field is not None:
        raise ConfigurationError(
            "--key-field names a member of JSON lines. Leave it out: files and objects have names."
        )
    if text.startswith("s3://"):
        assert objects is not None
        return Prefix(parse_location(text), objects, content_type=content_type)
    if path.is_dir():
        return Directory(path, content_type=content_type)
    raise ConfigurationError(
        f"{text}: there is no such file or directory. SOURCE is a JSONL file, a directory, an s3:// prefix, "
        "or - for JSON lines from standard input."
    )
