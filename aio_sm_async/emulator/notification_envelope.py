"""What SNS wraps around a message for a queue that did not ask for raw delivery.

Key order, two spaces and the space before each colon are those of real SQS bodies (observed), with attributes
one to a line (documented). Signatures are not real yet: ``Signature`` is a placeholder, and no certificate
lies at ``SigningCertURL``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime

from aio_sm_async.emulator.message_attributes import MessageAttributes

# One encoder for all: json.dumps would make a new one for each text.
_quoted = json.JSONEncoder(ensure_ascii=False).encode
_SIGNATURE = base64.b64encode(b"the emulator does not sign yet").decode()
_CERTIFICATE = "SimpleNotificationService-00000000000000000000000000000000.pem"


@dataclass(frozen=True, slots=True)
class Publication:
    """One published message.

    Attributes:
        message_id: SNS's id of it; the same for all subscribers.
        topic_arn: The topic.
        message: The text.
        subject: The subject; None if it has none.
        attributes: The publisher's attributes.
        published_time: When, UTC.
        signature_version: ``1`` or ``2``, as the topic says.
    """

    message_id: str
    topic_arn: str
    message: str
    subject: str | None
    attributes: MessageAttributes
    published_time: datetime
    signature_version: str


def wrap(publication: Publication, subscription_arn: str) -> str:
    """The publication as the queue of a subscription gets it."""
    host = f"https://sns.{publication.topic_arn.split(':')[3]}.amazonaws.com"
    facts = {
        "Type": "Notification",
        "MessageId": publication.message_id,
        "TopicArn": publication.topic_arn,
        "Subject": publication.subject,
        "Message": publication.message,
        "Timestamp": f"{publication.published_time:%Y-%m-%dT%H:%M:%S}.{publication.published_time:%f}"[:23]
        + "Z",
        "SignatureVersion": publication.signature_version,
        "Signature": _SIGNATURE,
        "SigningCertURL": f"{host}/{_CERTIFICATE}",
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}",
    }
    lines = [f'  "{key}" : {_quoted(text)}' for key, text in facts.items() if text is not None]
    if publication.attributes:
        lines.append(f'  "MessageAttributes" : {{\n{_attribute_lines(publication.attributes)}\n  }}')
    return "{\n" + ",\n".join(lines) + "\n}"


def _attribute_lines(attributes: MessageAttributes) -> str:
    lines = []
    for name, attribute in attributes.items():
        value = attribute.as_json()
        text = value.get("StringValue", value.get("BinaryValue"))
        kind, shown = _quoted(attribute.data_type), _quoted(str(text))
        lines.append(f'    {_quoted(name)} : {{"Type":{kind},"Value":{shown}}}')
    return ",\n".join(lines)
