"""Message attributes as SQS and SNS both have them: a type and a value under a name."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aio_sm_async.emulator.json_value import JsonObject
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.xml_text import fits_xml

_NAME = re.compile(r"(?!(?i:aws\.|amazon\.))[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MOST_ATTRIBUTES = 10


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """One attribute: bytes for the ``Binary`` types, text for all others.

    Attributes:
        data_type: ``String``, ``Number`` or ``Binary``, with a label after a dot if the sender gave one.
        value: The value.
    """

    data_type: str
    value: str | bytes

    @property
    def size(self) -> int:
        """What the attribute's type and value count towards the size of a message, in bytes."""
        return len(self.data_type.encode()) + len(self.raw)

    @property
    def raw(self) -> bytes:
        """The value as bytes."""
        return self.value if isinstance(self.value, bytes) else self.value.encode()

    def as_json(self) -> JsonObject:
        """The attribute as SQS writes it."""
        if isinstance(self.value, bytes):
            return {"DataType": self.data_type, "BinaryValue": base64.b64encode(self.value).decode()}
        return {"DataType": self.data_type, "StringValue": self.value}


MessageAttributes = Mapping[str, MessageAttribute]


def attribute_of(data_type: str, text: str | None, binary: str | None) -> MessageAttribute:
    """Make an attribute of what a request carries; the binary value comes in base64.

    Raises:
        ServiceFault: ``InvalidParameterValue``, where type and value do not fit.
    """
    value = _value_of(data_type.split(".", 1)[0], text, binary)
    if not value or not fits_xml(data_type):
        reason = f"A message attribute of type '{data_type}' must carry a value of that type."
        raise ServiceFault("InvalidParameterValue", reason)
    return MessageAttribute(data_type, value)


def _value_of(kind: str, text: str | None, binary: str | None) -> str | bytes | None:
    """The value, if it is one of that kind; None if it is not."""
    if kind == "Binary" and binary:
        return _decode(binary)
    if kind == "Number" and text:
        return text if _NUMBER.fullmatch(text) and math.isfinite(float(text)) else None
    if kind == "String" and text:
        return text if fits_xml(text) else None
    return None


def _decode(binary: str) -> bytes | None:
    try:
        return base64.b64decode(binary, validate=True)
    except ValueError:
        return None


def check_names(attributes: MessageAttributes) -> None:
    """Return if the names, and their number, are as SQS takes them.

    Raises:
        ServiceFault: ``InvalidParameterValue``.
    """
    if len(attributes) > _MOST_ATTRIBUTES:
        reason = f"A message has at most {_MOST_ATTRIBUTES} message attributes, not {len(attributes)}."
        raise ServiceFault("InvalidParameterValue", reason)
    for name in attributes:
        if not _NAME.fullmatch(name) or len(name) > 256:
            raise ServiceFault("InvalidParameterValue", f"Invalid message attribute name: {name}.")


def size_of(body: str, attributes: MessageAttributes) -> int:
    """What a message counts towards a size limit: body, names, types and values, in bytes."""
    # JSON can spell half a surrogate pair; a batch is measured before its entries are looked at.
    own = len(body.encode("utf-8", "surrogatepass"))
    return own + sum(len(name.encode()) + each.size for name, each in attributes.items())


def md5_of(attributes: MessageAttributes) -> str:
    """The digest by which SDKs check attributes: sorted by name, each part with its length before it."""
    digest = hashlib.md5(usedforsecurity=False)
    for name, attribute in sorted(attributes.items()):
        for part in (name.encode(), attribute.data_type.encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        marker = b"\x02" if isinstance(attribute.value, bytes) else b"\x01"
        digest.update(marker + struct.pack(">I", len(attribute.raw)) + attribute.raw)
    return digest.hexdigest()


def chosen(attributes: MessageAttributes, names: Iterable[str]) -> MessageAttributes:
    """Those attributes that ReceiveMessage's names ask for: names, ``All``, ``prefix.*``."""
    wanted = set(names)
    if not wanted.isdisjoint(("All", ".*", "*")):
        return attributes
    prefixes = tuple(name[:-2] for name in wanted if name.endswith(".*"))
    return {name: each for name, each in attributes.items() if name in wanted or name.startswith(prefixes)}
