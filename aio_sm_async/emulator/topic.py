"""SNS as its clients see it: the query protocol, its checks, its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from aio_sm_async.emulator.json_value import parse_object
from aio_sm_async.emulator.message_attributes import MessageAttribute, attribute_of, size_of
from aio_sm_async.emulator.query_answer import XmlContent, XmlElement, answered, entry_map, refused
from aio_sm_async.emulator.query_form import QueryForm, parse_form
from aio_sm_async.emulator.queue_batch import check_ids
from aio_sm_async.emulator.service import Call, Reply, ServiceFault
from aio_sm_async.emulator.standard_topic import Topic
from aio_sm_async.emulator.subscription import Subscription
from aio_sm_async.emulator.topic_store import TopicStore

_PAGE = 100
_MOST_BYTES_IN_BATCH = 262_144
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,99}")
_TOKEN = re.compile(r"\d{1,9}", re.ASCII)

_Result = dict[str, XmlContent] | None


class TopicService:
    """Answers SNS's calls from a store of topics. Subscribers are SQS queues only."""

    signing_name = "sns"

    def __init__(self, store: TopicStore) -> None:
        self._store = store
        self._handlers: dict[str, Callable[[QueryForm], _Result]] = {
            "CreateTopic": self._create_topic,
            "DeleteTopic": self._delete_topic,
            "ListTopics": self._list_topics,
            "GetTopicAttributes": self._get_topic_attributes,
            "SetTopicAttributes": self._set_topic_attributes,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
            "Subscribe": self._subscribe,
            "Unsubscribe": self._unsubscribe,
            "ListSubscriptions": self._list_subscriptions,
            "ListSubscriptionsByTopic": self._list_subscriptions_by_topic,
            "GetSubscriptionAttributes": self._get_subscription_attributes,
            "SetSubscriptionAttributes": self._set_subscription_attributes,
            "Publish": self._publish,
            "PublishBatch": self._publish_batch,
        }

    def operation(self, call: Call) -> str:
        """The operation that the form's ``Action`` names."""
        name = parse_form(call.body).optional_text("Action") or ""
        return name if name in self._handlers else "Unknown"

    async def answer(self, call: Call) -> Reply:
        """Do what the call asks."""
        form = parse_form(call.body)
        operation = form.optional_text("Action") or ""
        if operation not in self._handlers:
            raise ServiceFault("InvalidAction", f"The emulator knows no action {operation!r} of SNS.")
        if call.region != self._store.region:
            reason = f"The emulator's only region is {self._store.region}, not {call.region}."
            raise ServiceFault("InvalidParameter", f"Invalid parameter: {reason}")
        return answered(operation, self._handlers[operation](form))

    def render(self, fault: ServiceFault) -> Reply:
        """The fault in XML."""
        return refused(fault)

    def _create_topic(self, form: QueryForm) -> _Result:
        topic = self._store.create(form.text("Name"), form.text_map("Attributes"), _tags(form))
        return {"TopicArn": topic.arn}

    def _delete_topic(self, form: QueryForm) -> _Result:
        self._store.delete(form.text("TopicArn"))
        return None

    def _list_topics(self, form: QueryForm) -> _Result:
        arns: list[XmlElement] = [{"TopicArn": topic.arn} for topic in self._store.topics()]
        return _page("Topics", arns, form)

    def _get_topic_attributes(self, form: QueryForm) -> _Result:
        return {"Attributes": entry_map(self._store.topic(form.text("TopicArn")).described())}

    def _set_topic_attributes(self, form: QueryForm) -> _Result:
        name, text = form.text("AttributeName"), form.optional_text("AttributeValue") or ""
        self._store.change(form.text("TopicArn"), name, text)
        return None

    def _tag(self, form: QueryForm) -> _Result:
        self._tagged(form).tag(_tags(form))
        return {}

    def _untag(self, form: QueryForm) -> _Result:
        topic = self._tagged(form)
        for key in form.texts("TagKeys"):
            topic.tags.pop(key, None)
        return {}

    def _list_tags(self, form: QueryForm) -> _Result:
        tags = self._tagged(form).tags
        return {"Tags": {"member": [{"Key": key, "Value": text} for key, text in tags.items()]}}

    def _tagged(self, form: QueryForm) -> Topic:
        """The topic whose tags are meant; the calls about tags have a code of their own for a missing one."""
        try:
            return self._store.topic(form.text("ResourceArn"))
        except ServiceFault as fault:
            if fault.code != "NotFound":
                raise
            raise ServiceFault("ResourceNotFound", "Resource does not exist", status=404) from fault

    def _subscribe(self, form: QueryForm) -> _Result:
        topic = self._store.topic(form.text("TopicArn"))
        if form.text("Protocol") != "sqs":
            reason = f"the emulator delivers to sqs only, not to {form.text('Protocol')}"
            raise ServiceFault("InvalidParameter", f"Invalid parameter: Protocol: {reason}")
        endpoint = form.optional_text("Endpoint") or ""
        subscription = self._store.subscribe(topic.arn, endpoint, form.text_map("Attributes"))
        return {"SubscriptionArn": subscription.arn}

    def _unsubscribe(self, form: QueryForm) -> _Result:
        self._store.unsubscribe(form.text("SubscriptionArn"))
        return None

    def _list_subscriptions(self, form: QueryForm) -> _Result:
        return _page("Subscriptions", _listed(self._store.subscriptions()), form)

    def _list_subscriptions_by_topic(self, form: QueryForm) -> _Result:
        topic = self._store.topic(form.text("TopicArn"))
        return _page("Subscriptions", _listed(topic.subscriptions), form)

    def _get_subscription_attributes(self, form: QueryForm) -> _Result:
        subscription = self._store.subscription(form.text("SubscriptionArn"))
        return {"Attributes": entry_map(subscription.described())}

    def _set_subscription_attributes(self, form: QueryForm) -> _Result:
        name, text = form.text("AttributeName"), form.optional_text("AttributeValue") or ""
        self._store.change_subscription(form.text("SubscriptionArn"), name, text)
        return None

    def _publish(self, form: QueryForm) -> _Result:
        arn = form.optional_text("TopicArn") or form.optional_text("TargetArn")
        if arn is None:
            raise ServiceFault(
                "InvalidParameter", "Invalid parameter: TopicArn or TargetArn Reason: no value"
            )
        return {"MessageId": self._send(arn, form)}

    def _publish_batch(self, form: QueryForm) -> _Result:
        arn, entries = form.text("TopicArn"), form.entries("PublishBatchRequestEntries.member")
        self._store.topic(arn)
        ids = check_ids([entry.optional_text("Id") or "" for entry in entries])
        total = sum(map(_size, entries))
        if total > max(_MOST_BYTES_IN_BATCH, self._store.topic(arn).settings.maximum_message_size):
            raise ServiceFault("BatchRequestTooLong", f"The messages put together have {total} bytes.")
        successful: list[XmlElement] = []
        failed: list[XmlElement] = []
        for entry_id, entry in zip(ids, entries, strict=True):
            try:
                successful.append({"Id": entry_id, "MessageId": self._send(arn, entry)})
            except ServiceFault as fault:
                why = {"Code": fault.code, "Message": fault.message, "SenderFault": "true"}
                failed.append({"Id": entry_id, **why})
        return {"Successful": {"member": successful}, "Failed": {"member": failed}}

    def _send(self, topic_arn: str, form: QueryForm) -> str:
        subject = form.optional_text("Subject")
        if subject is not None and not _SUBJECT.fullmatch(subject):
            raise ServiceFault("InvalidParameter", "Invalid parameter: Subject")
        return self._store.publish(topic_arn, _message(form), subject, _attributes(form))


def _message(form: QueryForm) -> str:
    """The message for queues: itself, or the one that a JSON structure holds for them."""
    message = form.text("Message")
    structure = form.optional_text("MessageStructure")
    if structure is None:
        return message
    try:
        messages = parse_object(message) if structure == "json" else {}
    except ValueError:
        messages = {}
    default, own = messages.get("default"), messages.get("sqs")
    if not isinstance(default, str):
        reason = "Message Structure - No default entry in JSON message body"
        raise ServiceFault("InvalidParameter", f"Invalid parameter: {reason}")
    # JSON can spell half a surrogate pair, UTF-8 cannot; Java writes a question mark then (guessed for SNS).
    return (own if isinstance(own, str) else default).encode("utf-8", "replace").decode()


def _size(entry: QueryForm) -> int:
    try:
        attributes = _attributes(entry)
    except ServiceFault:
        attributes = {}  # ill-formed ones fail their entry, not the batch
    return size_of(entry.optional_text("Message") or "", attributes)


def _attributes(form: QueryForm) -> dict[str, MessageAttribute]:
    try:
        return {
            entry.text("Name"): attribute_of(
                entry.text("Value.DataType"),
                entry.optional_text("Value.StringValue"),
                entry.optional_text("Value.BinaryValue"),
            )
            for entry in form.entries("MessageAttributes.entry")
        }
    except ServiceFault as fault:
        raise ServiceFault("ParameterValueInvalid", fault.message) from fault


def _tags(form: QueryForm) -> dict[str, str]:
    return {each.text("Key"): each.text("Value") for each in form.entries("Tags.member")}


def _listed(subscriptions: Sequence[Subscription]) -> list[XmlElement]:
    return [
        {
            "SubscriptionArn": each.arn,
            "Owner": each.owner,
            "Protocol": "sqs",
            "Endpoint": each.endpoint,
            "TopicArn": each.topic_arn,
        }
        for each in subscriptions
    ]


def _page(name: str, members: Sequence[XmlElement], form: QueryForm) -> _Result:
    """A hundred at a time; the token is where the next hundred begins."""
    token = form.optional_text("NextToken") or "0"
    if not _TOKEN.fullmatch(token):
        raise ServiceFault("InvalidParameter", "Invalid parameter: NextToken")
    end = int(token) + _PAGE
    more: dict[str, XmlContent] = {"NextToken": str(end)} if end < len(members) else {}
    return {name: {"member": members[int(token) : end]}, **more}
