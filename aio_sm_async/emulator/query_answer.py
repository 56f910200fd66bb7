"""Answers of AWS's query protocol, in XML."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TypeAlias

from aio_sm_async.emulator.service import Reply, ServiceFault
from aio_sm_async.emulator.xml_text import written_in_xml

XmlElement: TypeAlias = "str | Mapping[str, XmlContent]"
XmlContent: TypeAlias = "XmlElement | Sequence[XmlElement]"

_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"


def answered(operation: str, result: Mapping[str, XmlContent] | None = None) -> Reply:
    """An operation's answer; without a result where the operation has none."""
    wrapped = {} if result is None else {f"{operation}Result": result}
    return _reply(f"{operation}Response", {**wrapped, "ResponseMetadata": {"RequestId": str(uuid.uuid4())}})


def refused(fault: ServiceFault) -> Reply:
    """A fault."""
    kind = "Receiver" if fault.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Sender"
    error = {"Type": kind, "Code": fault.code, "Message": fault.message}
    return _reply("ErrorResponse", {"Error": error, "RequestId": str(uuid.uuid4())}, fault.status)


def entry_map(values: Mapping[str, str]) -> XmlElement:
    """A map as the query protocol writes it."""
    return {"entry": [{"key": key, "value": text} for key, text in values.items()]}


def _reply(root: str, content: XmlElement, status: int = 200) -> Reply:
    xml = f'<{root} xmlns="{_NAMESPACE}">{_xml(content)}</{root}>'
    return Reply(status, xml.encode(), {"Content-Type": "text/xml"})


def _xml(element: XmlElement) -> str:
    """What is inside an element; a list repeats the element that it stands in."""
    if isinstance(element, str):
        return written_in_xml(element)
    return "".join(
        f"<{name}>{_xml(each)}</{name}>"
        for name, content in element.items()
        for each in ([content] if isinstance(content, str | Mapping) else content)
    )
