"""What the server must understand of HTTP: header lines, and bodies in chunks."""

from __future__ import annotations


class HeaderText:
    """The lines before a body, searched as they are: most requests are asked for three headers of twenty."""

    __slots__ = ("_lower", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._lower = text.lower()

    @property
    def first_line(self) -> str:
        """Method, target and version."""
        return self._text.partition("\r\n")[0]

    def __contains__(self, name: str) -> bool:
        return f"\r\n{name}:" in self._lower

    def get(self, name: str) -> str:
        """The header's value, or nothing; ``name`` in lower case."""
        start = self._lower.find(f"\r\n{name}:")
        if start < 0:
            return ""
        start += len(name) + 3
        end = self._text.find("\r\n", start)
        return self._text[start : end if end >= 0 else None].strip()


def decode_chunked(data: bytes) -> bytes:
    """The body that was sent with ``Transfer-Encoding: chunked``; trailers are passed over."""
    pieces: list[bytes] = []
    at = 0
    while True:
        line = data.index(b"\r\n", at)
        size = int(data[at:line].partition(b";")[0], 16)
        if not size:
            return b"".join(pieces)
        pieces.append(data[line + 2 : line + 2 + size])
        at = line + 2 + size + 2


decode_aws_chunked = decode_chunked
"""S3's own chunks look alike: the size, perhaps a signature after a semicolon, and trailers at the end."""
