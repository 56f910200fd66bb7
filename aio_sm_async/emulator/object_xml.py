"""S3's XML, read and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aio_sm_async.emulator.service import Reply, ServiceFault

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_UNSPEAKABLE = {"\r": "&#13;"}


def tag(name: str, *content: str) -> str:
    """An element around XML that is escaped already."""
    return f"<{name}>{''.join(content)}</{name}>"


def text(name: str, value: object) -> str:
    """An element around plain text."""
    return f"<{name}>{escape(str(value), _UNSPEAKABLE)}</{name}>"


def timestamp(when: datetime) -> str:
    """A time as S3 writes it in XML."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def document(name: str, content: Iterable[str], headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with one XML document of S3's namespace."""
    inner = "".join(content)
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{_NAMESPACE}">{inner}</{name}>'
    return Reply(200, body.encode(), {"Content-Type": "application/xml", **(headers or {})})


def error(fault: ServiceFault, *details: str) -> Reply:
    """A reply that tells an error."""
    inner = tag("Error", text("Code", fault.code), text("Message", fault.message), *details)
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}'
    return Reply(fault.status, body.encode(), {"Content-Type": "application/xml"})


class Element:
    """An XML element of a request, read without regard to namespaces."""

    def __init__(self, element: ET.Element) -> None:
        self._element = element

    def all(self, name: str) -> list[Element]:
        """The children of that name."""
        return [Element(child) for child in self._element if child.tag.rpartition("}")[2] == name]

    def child(self, name: str) -> Element:
        """The first child of that name.

        Raises:
            ServiceFault: There is none.
        """
        found = self.all(name)
        if not found:
            raise malformed()
        return found[0]

    def text(self, name: str, default: str | None = None) -> str:
        """The text of the child of that name; where there is none, the default.

        Raises:
            ServiceFault: There is none, and no default.
        """
        if default is not None and not self.all(name):
            return default
        return self.child(name).content

    @property
    def content(self) -> str:
        """The element's own text."""
        return self._element.text or ""


def parse(body: bytes) -> Element:
    """Read a request's document.

    Raises:
        ServiceFault: It is no XML.
    """
    try:
        return Element(ET.fromstring(body))  # noqa: S314 - loopback only, and expat caps entities
    except ET.ParseError:
        raise malformed() from None


def malformed() -> ServiceFault:
    """The fault of a document that is not what the operation takes."""
    return ServiceFault(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
