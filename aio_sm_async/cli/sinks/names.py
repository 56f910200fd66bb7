"""What the file or object of one result is called."""

from __future__ import annotations

import hashlib
import mimetypes
import re

from aio_sm_async.codecs import parse_media_type

MAX_NAME = 180
"""File systems take 255 bytes; the suffix and the name while it is written need some of them."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.=+,@-]|^[.-]")
_SUFFIXES = {"application/json": ".json", "text/plain": ".txt", "application/octet-stream": ".bin"}


def safe_name(key: str) -> str:
    """A file name for the key: readable, one to one, without separators, and never hidden.

    What is not safe is written as ``%`` and hex digits; of a long name the end gives way to a digest.
    """
    name = _UNSAFE.sub(_escaped, key)
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return f"{name[: MAX_NAME - len(digest) - 1]}~{digest}"


def suffix_of(content_type: str | None) -> str:
    """The suffix for a content type; ``.bin`` where there is none to tell."""
    if content_type is None:
        return ".bin"
    essence = parse_media_type(content_type).essence
    return _SUFFIXES.get(essence) or mimetypes.guess_extension(essence) or ".bin"


def stem_of(name: str) -> str:
    """What `safe_name` made, of a name with one of the suffixes above."""
    return name.rpartition(".")[0]


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode(errors="surrogatepass"))
