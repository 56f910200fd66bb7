"""Where results go: lines, files, objects; and where errors go."""

from __future__ import annotations

from pathlib import Path

from aio_sm_async.cli.sinks.directory import DirectorySink
from aio_sm_async.cli.sinks.errors import ErrorsFile
from aio_sm_async.cli.sinks.jsonl import JsonLinesSink
from aio_sm_async.cli.sinks.known_keys import KnownKeys
from aio_sm_async.cli.sinks.prefix import PrefixSink
from aio_sm_async.cli.sinks.record import record_of
from aio_sm_async.cli.sinks.sink import Result, Sink
from aio_sm_async.cli.sinks.sinks import Sinks
from aio_sm_async.clock import Clock
from aio_sm_async.errors import ConfigurationError
from aio_sm_async.protocol.location import parse_location
from aio_sm_async.wire.objects import Objects

__all__ = ["ErrorsFile", "KnownKeys", "Result", "Sink", "Sinks", "beside", "open_sink", "record_of"]

FILE_SUFFIXES = (".jsonl", ".ndjson", ".json")


def open_sink(text: str, *, source: str | None, objects: Objects | None, clock: Clock) -> Sink:
    """The sink that the command line names, not open yet.

    Args:
        text: A path or an ``s3://`` prefix. A path is a file of JSON lines if it is one already, or if its
            name ends as one (``.jsonl``, ``.ndjson``, ``.json``); else a directory.
        source: What the items are read from, which must lie elsewhere; None for no place.
        objects: Puts and lists objects; None where S3 is not named.
        clock: Time.

    Raises:
        ConfigurationError: Results would be taken for items.
    """
    if text.startswith("s3://"):
        if (
            source is not None
            and source.startswith("s3://")
            and f"{text.rstrip('/')}/".startswith(f"{source.rstrip('/')}/")
        ):
            raise _inside(text, source)
        assert objects is not None
        return PrefixSink(parse_location(text), objects)
    path = Path(text)
    if source is not None and not source.startswith("s3://"):
        _check_apart(path, Path(source))
    if path.is_file() or (path.suffix in FILE_SUFFIXES and not path.is_dir()):
        return JsonLinesSink(path, clock)
    return DirectorySink(path)


def beside(text: str, suffix: str) -> Path:
    """A path beside the results; in the working directory if those go to S3."""
    if text.startswith("s3://"):
        return Path(f"{text.rstrip('/').rpartition('/')[2]}{suffix}")
    path = Path(text)
    return path.with_name(f"{path.name}{suffix}")


def _check_apart(path: Path, source: Path) -> None:
    if source.is_dir() and path.resolve().is_relative_to(source.resolve()):
        raise _inside(str(path), str(source))
    if path.resolve() == source.resolve():
        raise ConfigurationError(f"-o {path} is the source itself. Name another file.")


def _inside(text: str, source: str) -> ConfigurationError:
    return ConfigurationError(
        f"-o {text} lies within {source}, so that results would be taken for items. Name a place outside."
    )
