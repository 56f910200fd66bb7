"""ListObjectsV2, without the XML: one page of keys and common prefixes.

The work is that of the page: keys outside the prefix are never looked at, and all keys under a common prefix
are stepped over at once.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aio_sm_async.emulator.service import ServiceFault

# A key has at most 1,024 bytes, hence at most 256 of these. A prefix with 257 of them behind it lies above
# all keys that begin with the prefix, and below all others after it.
_PAST = chr(0x10FFFF) * 257


@dataclass(slots=True)
class Page:
    """One page of a listing.

    Attributes:
        keys: The keys on it.
        common_prefixes: The prefixes that stand for the keys under them.
        resume_at: The least key that the next page may show; None on the last page.
    """

    keys: list[str] = field(default_factory=list)
    common_prefixes: list[str] = field(default_factory=list)
    resume_at: str | None = None

    def __len__(self) -> int:
        return len(self.keys) + len(self.common_prefixes)


def list_page(
    keys_from: Callable[[str], Iterator[str]], *, prefix: str, delimiter: str, start: str, limit: int
) -> Page:
    """Fill one page.

    Args:
        keys_from: Gives the keys not less than its argument, in order.
        prefix: What every key shown begins with.
        delimiter: Rolls up keys that share what lies between the prefix and it; empty for no such thing.
        start: The least key that may be shown.
        limit: How many keys and common prefixes fit.
    """
    page = Page()
    if limit == 0:
        return page
    keys = keys_from(max(prefix, start))
    while (key := next(keys, None)) is not None and key.startswith(prefix):
        if len(page) == limit:
            page.resume_at = key
            break
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            page.keys.append(key)
            continue
        common = key[: cut + len(delimiter)]
        page.common_prefixes.append(common)
        keys = keys_from(common + _PAST)
    return page


def after(key: str) -> str:
    """The least string that is greater than the key."""
    return key + "\0"


def encode_token(resume_at: str) -> str:
    """A continuation token, opaque to the caller."""
    return urlsafe_b64encode(resume_at.encode()).decode()


def decode_token(token: str) -> str:
    """Where a continuation token continues.

    Raises:
        ServiceFault: It is none of ours.
    """
    try:
        return urlsafe_b64decode(token).decode()
    except ValueError:
        raise ServiceFault("InvalidArgument", "The continuation token provided is incorrect") from None
