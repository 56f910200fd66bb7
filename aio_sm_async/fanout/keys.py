"""What the items of a fan-out are called, and that no two of them are called the same."""

from __future__ import annotations

from collections.abc import Callable

from aio_sm_async.errors import InvalidRequestError

MAX_KEY_CHARACTERS = 1024


class Keys:
    """Names items. Where names are remembered, two items on their way must not share one.

    Args:
        make: Makes a key of an item; None if items bring their own, or have none.
        is_unique: Whether no two items on their way may have the same.
        is_new: Whether a key is one that no item had before; None if any may come again later.
    """

    def __init__(
        self,
        make: Callable[[object], str | int] | None,
        *,
        is_unique: bool,
        is_new: Callable[[str], bool] | None = None,
    ) -> None:
        self._make = make
        self._is_unique = is_unique or is_new is not None
        self._is_new = is_new
        self._inside: set[str] = set()

    def enter(self, own: str | None, item: object) -> str | None:
        """The key of an item that was pulled: its own, or one made of it; None if it has none.

        Raises:
            InvalidRequestError: It is no key, or that of another item.
        """
        key = own if own is not None or self._make is None else _text(self._make(item))
        if key is None or not self._is_unique:
            return key
        if not 0 < len(key) <= MAX_KEY_CHARACTERS:
            raise InvalidRequestError(
                "key", f"must have 1 to {MAX_KEY_CHARACTERS:,} characters, got {len(key):,}", "Shorten it."
            )
        if self._is_new is not None:
            is_double = not self._is_new(key)
        else:
            is_double = key in self._inside
            self._inside.add(key)
        if is_double:
            raise InvalidRequestError(
                "key", f"{key!r} is the key of two items", "Make keys that tell items apart."
            )
        return key

    def exit(self, key: str | None) -> None:
        """Its item was handed out."""
        if key is not None:
            self._inside.discard(key)


def _text(key: object) -> str:
    if isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool)):
        return str(key)
    raise InvalidRequestError(
        "key", f"must be a str or an int, got a {type(key).__name__}", "Let key= return one of these."
    )
