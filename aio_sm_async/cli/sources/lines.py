"""Bytes become lines, in bounded memory: a line that never ends is cut off and skipped."""

from __future__ import annotations

MAX_LINE_BYTES = 64 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class OverlongLine:
    """Stands for a line of more than `MAX_LINE_BYTES`."""


OVERLONG = OverlongLine()


class LineSplitter:
    """Takes blocks of any size, and gives the lines that they complete."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._is_overlong = False
        self._start: bytes | None = b""  # the first bytes, until it is clear whether they are a mark

    def feed(self, block: bytes) -> list[bytes | OverlongLine]:
        """The lines that end in this block, without their ends."""
        if self._start is not None:
            block = self._start + block
            if len(block) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(block):
                self._start = block
                return []
            self._start, block = None, block.removeprefix(_BYTE_ORDER_MARK)
        *ended, rest = block.split(b"\n")
        lines = [self._end(part) for part in ended]
        self._add(rest)
        return lines

    def rest(self) -> list[bytes | OverlongLine]:
        """The last line, if nothing ended it."""
        start, self._start = self._start or b"", None
        self._add(start)
        return [self._end(b"")] if self._size or self._is_overlong else []

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_line_bytes:
            self._is_overlong = True
        if self._is_overlong:
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _end(self, part: bytes) -> bytes | OverlongLine:
        self._add(part)
        line = OVERLONG if self._is_overlong else b"".join(self._parts).removesuffix(b"\r")
        self._parts.clear()
        self._size, self._is_overlong = 0, False
        return line
