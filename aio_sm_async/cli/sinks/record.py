"""One result as a JSON object: a line of a file, or what ``--json`` prints."""

from __future__ import annotations

import base64
import json

from aio_sm_async.cli.sinks.sink import Result
from aio_sm_async.errors import DecodeError

Record = dict[str, object]


def record_of(index: int | None, key: str | None, result: Result) -> Record:
    """The result with its value where JSON can say it, else in Base64; a large one by where it lies.

    Args:
        index: The item's place in the source; None where that is not known.
        key: The item's key; None where there are no items, and so no index either.
        result: The result.
    """
    record: Record = {"index": index, "key": key} if key is not None else {}
    record["inference_id"] = result.inference_id
    record["content_type"] = result.content_type
    if result.size_bytes > result.max_body_bytes:  # it was left in S3
        return record | {"output_location": str(result.output_location), "size_bytes": result.size_bytes}
    return record | _value_of(result)


def _value_of(result: Result) -> Record:
    try:
        value = result.value
        if not isinstance(value, bytes):
            json.dumps(value, allow_nan=False)
            return {"result": value}
    except (DecodeError, ValueError, RecursionError):
        pass  # it is not what it calls itself, or holds NaN: the bytes say it as it is
    return {"result_base64": base64.b64encode(result.body).decode()}
