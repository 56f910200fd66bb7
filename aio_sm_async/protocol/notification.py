"""What SageMaker publishes when an invocation ends, raw or in SNS's envelope.

Read tolerantly: unknown fields are passed over, optional ones of the wrong type count as absent, and only an
outcome without its inference id cannot be used at all. Text of the message never appears in an error: it may
be a payload, and anybody may have sent it.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime

from aio_sm_async.errors import UnreadableNotification
from aio_sm_async.protocol.completion import Completed, Completion, Expired, Failed
from aio_sm_async.protocol.location import S3Location, parse_location

_Document = dict[str, object]

_NOTHING: _Document = {}

# How SageMaker words an expiry is documented nowhere. The word itself is taken as such, save where the reason
# passes on what the container answered, or tells of something else that expired.
_EXPIRED = re.compile(r"\bexpired\b", re.IGNORECASE)
_NOT_THE_REQUEST = re.compile(r"received (?:client|server) error|token|credential|certificate", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TestNotification:
    """Sent to each topic when its endpoint is created or updated: the topic works, and no more is said."""

    __test__ = False  # pytest takes it for a test otherwise


def parse_notification(message: str | bytes) -> Completion | TestNotification:
    """The completion that a message carries, in SNS's envelope or delivered raw.

    Raises:
        UnreadableNotification: It is anything else: not JSON, another kind of event, an outcome without an
            inference id or of an unknown status.
    """
    document = _load(message)
    inner = document.get("Message")
    if isinstance(inner, str) and document.get("Type") == "Notification":
        document = _load(inner)
    status = document.get("invocationStatus")
    if status is None:
        return _read_event(document)
    inference_id = _text(document, "inferenceId")
    if inference_id is None:
        raise UnreadableNotification("an outcome without an inferenceId")
    if status == "Completed":
        return _read_completed(inference_id, document)
    if status == "Failed":
        return _read_failed(inference_id, document)
    if status == "Expired":
        return _read_expired(inference_id, document, _text(document, "failureReason"))
    raise UnreadableNotification("an outcome with an unknown invocationStatus")


def _load(message: str | bytes) -> _Document:
    try:
        # json would guess at other encodings than UTF-8; AWS sends no other.
        document: object = json.loads(message if isinstance(message, str) else message.decode())
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number too long to read, nested without end
        document = None
    # Outside the handler, so that no traceback drags the payload along.
    if not isinstance(document, dict):
        raise UnreadableNotification("not a JSON object")
    return document


def _read_event(document: _Document) -> TestNotification:
    if document.get("eventName") == "TestNotification":
        return TestNotification()
    if "SubscribeURL" in document:
        raise UnreadableNotification("a subscription message of SNS")
    raise UnreadableNotification("neither an outcome nor a TestNotification")


def _read_completed(inference_id: str, document: _Document) -> Completed:
    response = _part(document, "responseParameters")
    output_location = _location(response, "outputLocation")
    body = _body(document)
    if not body and output_location is not None:
        # Whether a response too long for the message leaves an empty content is documented nowhere: ask S3.
        body = None
    return Completed(
        inference_id,
        _text(_part(document, "requestParameters"), "endpointName"),
        output_location,
        body,
        _text(response, "contentType"),
        _time(document, "receivedTime"),
        _time(document, "eventTime"),
    )


def _read_failed(inference_id: str, document: _Document) -> Failed | Expired:
    reason = _text(document, "failureReason")
    if reason is not None and _EXPIRED.search(reason) and not _NOT_THE_REQUEST.search(reason):
        return _read_expired(inference_id, document, reason)
    return Failed(
        inference_id,
        reason or "SageMaker told no reason",
        _text(_part(document, "requestParameters"), "endpointName"),
        _location(_part(document, "responseParameters"), "failureLocation")
        or _location(document, "failureLocation"),
        _words(document),
        _time(document, "receivedTime"),
        _time(document, "eventTime"),
    )


def _read_expired(inference_id: str, document: _Document, reason: str | None) -> Expired:
    return Expired(
        inference_id,
        reason or "SageMaker told no reason",
        _text(_part(document, "requestParameters"), "endpointName"),
        _time(document, "receivedTime"),
        _time(document, "eventTime"),
    )


def _part(document: _Document, key: str) -> _Document:
    value = document.get(key)
    return value if isinstance(value, dict) else _NOTHING


def _text(document: _Document, key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) and value else None


def _location(document: _Document, key: str) -> S3Location | None:
    text = _text(document, key)
    if text is None:
        return None
    try:
        return parse_location(text)
    except ValueError:
        return None


def _time(document: _Document, key: str) -> datetime | None:
    text = _text(document, key)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is UTC:
            return moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _body(document: _Document) -> bytes | None:
    """The response that came along, exactly; None where none did, or none that can be read."""
    response = _part(document, "responseBody")
    content = response.get("content")
    if not isinstance(content, str):
        return None
    try:
        # Only what says that it is base64 is: failures carry plain text.
        return b64decode(content, validate=True) if response.get("encoding") == "BASE64" else content.encode()
    except ValueError:
        return None


def _words(document: _Document) -> bytes | None:
    """What the container said as it failed: for people, so better garbled than missing."""
    body = _body(document)
    if body is None and (content := _text(_part(document, "responseBody"), "content")):
        return content.encode("utf-8", "replace")
    return body
