"""How far a fan-out may run ahead of whoever takes its outcomes.

It counts items from the moment they are pulled from the source until they are handed out, and the bytes that
are held for them: payloads that are not sent yet, bodies that nobody has taken yet. Bodies that were left
behind, since they were too much, still hold up pulling: who takes slowly is not sent more to leave behind.
"""

from __future__ import annotations


class Window:
    """Counts items and bytes. Only pulling is held up by it: what was pulled always goes on to its end.

    Attributes:
        max_items: So many items may be pulled and not handed out.
        max_bytes: Nothing is pulled while so many bytes are held or left behind.
        items: How many items are pulled and not handed out.
        held_bytes: What is in memory for them.
        left_bytes: What would be, had it not been left behind.
    """

    __slots__ = ("held_bytes", "items", "left_bytes", "max_bytes", "max_items")

    def __init__(self, max_items: int, max_bytes: int) -> None:
        assert max_items > 0
        assert max_bytes > 0
        self.max_items = max_items
        self.max_bytes = max_bytes
        self.items = 0
        self.held_bytes = 0
        self.left_bytes = 0

    def __repr__(self) -> str:
        held = f"{self.held_bytes:,} of {self.max_bytes:,} bytes"
        return f"<Window {self.items} of {self.max_items} items, {held}>"

    @property
    def has_room(self) -> bool:
        """Whether another item may be pulled. How large it is shows only then, so it may be one too many."""
        return self.items < self.max_items and self.held_bytes + self.left_bytes < self.max_bytes

    def fits(self, size_bytes: int) -> bool:
        """Whether so many bytes more can be held."""
        return self.held_bytes + size_bytes <= self.max_bytes

    def enter(self) -> None:
        """An item was pulled."""
        self.items += 1

    def hold(self, more_bytes: int) -> None:
        """So many bytes more, or less, are held for an item."""
        self.held_bytes += more_bytes

    def leave_behind(self, more_bytes: int) -> None:
        """So many bytes more, or less, were left behind."""
        self.left_bytes += more_bytes

    def exit(self) -> None:
        """An item was handed out."""
        self.items -= 1
