"""What a caller may say of a whole fan-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.fanout.progress import FanOutProgress
from aio_sm_async.fanout.second_try import RetryFailed
from aio_sm_async.options import InvocationOptions

MAX_BUFFERED_BYTES = 64 * 1024 * 1024

_ONE_ONLY = ("inference_id", "filename")


class FanOutOptions(InvocationOptions, total=False):
    """`InvocationOptions` for every item, and how far to run ahead. None, or left out, is the default.

    Attributes:
        window: How many items may be pulled from the source and not yet handed out; at most, and by default,
            the client's ``max_in_flight``.
        key: Makes of an item the key that tells it from all others, a str or an int; an `InferenceRequest`
            may bring its own. With a journal, what an earlier process sent is not sent again.
        job: Names outputs after this job and the items' keys, so that any machine can go on with it: what is
            in S3 already is not sent again. 1 to 64 of ``[A-Za-z0-9._-]``, no dot first.
        version: Of the model, the prompt or whatever else makes old answers useless: with a job, and with a
            journal, those of another version are not taken.
        finished: What becomes of the items of a job that are in S3 already: ``"yield"``, the default, hands
            them out, ``"skip"`` leaves them out.
        max_buffered_bytes: Nothing is pulled while payloads and responses of so many bytes are held; 64 MiB
            by default. Responses beyond it are left in S3, and read again when their turn comes.
        progress: Called with a snapshot whenever a request was sent or an item has its outcome; True shows
            tqdm's bar instead (``pip install "aio-sm-async[notebook]"``).
        retry_failed: Which failures are worth a second try, and how many; none by default. Payloads are kept
            until their outcome then.
        stop_after_failures: Once so many items have failed for good, nothing more is pulled; what is in
            flight is finished and handed out, then `TooManyFailuresError` is raised.
    """

    window: int | None
    key: Callable[[Any], str | int] | None
    job: str | None
    version: str | int | None
    finished: Literal["yield", "skip"] | None
    max_buffered_bytes: int | None
    progress: bool | Callable[[FanOutProgress], object] | None
    retry_failed: RetryFailed | None
    stop_after_failures: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a fan-out may run ahead.

    Attributes:
        items: How many items may be pulled and not handed out.
        bytes: Nothing is pulled while so many are held.
    """

    items: int
    bytes: int

    @classmethod
    def of(cls, options: FanOutOptions, *, max_in_flight: int) -> Self:
        """What the caller said, within what the client allows.

        Raises:
            InvalidRequestError: It cannot work, or not for more than one request.
        """
        for name in _ONE_ONLY:
            if options.get(name) is not None:
                raise InvalidRequestError(
                    name,
                    "can hold for one request only",
                    f"Give each item its own: InferenceRequest(payload, {name}=...).",
                )
        _check_types(options)
        window = _positive("window", options.get("window"), max_in_flight)
        _positive("stop_after_failures", options.get("stop_after_failures"), 1)
        max_bytes = _positive("max_buffered_bytes", options.get("max_buffered_bytes"), MAX_BUFFERED_BYTES)
        return cls(min(window, max_in_flight), max_bytes)


def _positive(name: str, value: int | None, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRequestError(
            name, f"must be an int, got a {type(value).__name__}", "Leave it out for the default."
        )
    if value < 1:
        raise InvalidRequestError(name, "must be at least 1", "Leave it out for the default.")
    return value


def _check_types(options: FanOutOptions) -> None:
    """Python does not check them, and what is found out only when an item is sent has been paid for."""
    retry_failed, progress, key = options.get("retry_failed"), options.get("progress"), options.get("key")
    if retry_failed is not None and not isinstance(retry_failed, RetryFailed):
        raise InvalidRequestError(
            "retry_failed",
            f"must be a RetryFailed, got a {type(retry_failed).__name__}",
            "Write retry_failed=RetryFailed(attempts=3).",
        )
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise InvalidRequestError(
            "progress",
            f"must be True or a function, got a {type(progress).__name__}",
            "Write progress=True for a bar.",
        )
    if not (key is None or callable(key)):
        raise InvalidRequestError(
            "key",
            f"must be a function of the item, got a {type(key).__name__}",
            'Write key=lambda row: row["id"].',
        )
