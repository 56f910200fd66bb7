"""Errors in the words of the command line: its options in place of the arguments of Python."""

from __future__ import annotations

import re

from aio_sm_async.errors import InvalidRequestError

_OPTIONS = {
    "accept": "--accept",
    "client_id": "--client-id",
    "content_type": "--content-type",
    "endpoint_name": "--endpoint",
    "endpoint_urls": "--endpoint-url",
    "invocation_timeout_seconds": "--invocation-timeout",
    "job": "--job",
    "journal": "--journal",
    "max_concurrent_requests": "--max-concurrent-requests",
    "max_in_flight": "--max-in-flight",
    "max_submit_rate": "--max-submit-rate",
    "output_path": "--output-path",
    "prefix": "--uploads",
    "queue_urls": "--queue-url",
    "region_name": "--region",
    "request_ttl_seconds": "--ttl",
    "stop_after_failures": "--stop-after-failures",
    "timeout": "--timeout",
    "version": "--model-version",
}
_ARGUMENT = re.compile(rf"\b({'|'.join(_OPTIONS)})(?==|: )=?")


def in_words(error: BaseException) -> str:
    """What to tell a person who typed a command."""
    if isinstance(error, InvalidRequestError):
        return f"{_OPTIONS.get(error.field, error.field)}: {error.limit}. {_with_options(error.remedy)}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return _with_options(str(error)) or type(error).__name__


def _with_options(text: str) -> str:
    def option(found: re.Match[str]) -> str:
        name = _OPTIONS[found[1]]
        return f"{name} " if found[0].endswith("=") else name

    return _ARGUMENT.sub(option, text).replace(" ,", ",").replace(" )", ")").replace(" .", ".")
