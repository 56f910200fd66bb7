"""One result, to a file or to standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aio_sm_async.cli.sinks import Result, record_of
from aio_sm_async.codecs import parse_media_type
from aio_sm_async.errors import ConfigurationError


async def deliver(result: Result, output: Path | None, *, as_json: bool) -> None:
    """Write the result where it was asked for: its very bytes, or one JSON object.

    Raises:
        ConfigurationError: A terminal would be sent bytes that are no text.
        OSError: It cannot be written.
        AsyncInferenceError: The response cannot be read from S3.
    """
    if as_json:
        print(json.dumps(record_of(None, None, result)), flush=True)
    if output is not None:
        await result.download_to(output)
    elif not as_json:
        if sys.stdout.isatty() and not _is_text(result.content_type):
            raise ConfigurationError(
                f"the result is {result.content_type or 'of an unknown type'}, which a terminal cannot show. "
                f"Write it to a file with -o FILE. It lies at {result.output_location}."
            )
        await result.download_to(sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _is_text(content_type: str | None) -> bool:
    if content_type is None:
        return False
    media_type = parse_media_type(content_type)
    return media_type.is_json or media_type.essence.startswith("text/")
