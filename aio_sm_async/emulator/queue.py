"""SQS as its clients see it: the JSON protocol, its checks, its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus

from aio_sm_async.emulator.json_members import JsonMembers, parse_members
from aio_sm_async.emulator.json_value import JsonObject, JsonValue
from aio_sm_async.emulator.message_queue import Queue
from aio_sm_async.emulator.queue_batch import carry_out
from aio_sm_async.emulator.queue_error import query_code_of, type_of
from aio_sm_async.emulator.queue_receive import WantedAttributes
from aio_sm_async.emulator.queue_send import check_batch_size, send
from aio_sm_async.emulator.queue_settings import SETTABLE
from aio_sm_async.emulator.queue_store import QueueStore
from aio_sm_async.emulator.service import Call, Reply, ServiceFault

_TARGET = "AmazonSQS."
_CONTENT_TYPE = "application/x-amz-json-1.0"
_MOST_IN_PAGE = 1_000
_MOST_TO_RECEIVE = 10
_LONGEST_WAIT_SECONDS = 20
_LONGEST_VISIBILITY_SECONDS = 43_200

_Handler = Callable[[Call, JsonMembers], JsonObject]


class QueueService:
    """Answers SQS's calls from a store of queues."""

    signing_name = "sqs"

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._handlers: dict[str, _Handler] = {
            "CreateQueue": self._create_queue,
            "GetQueueUrl": self._get_queue_url,
            "ListQueues": self._list_queues,
            "DeleteQueue": self._on_queue(self._delete_queue),
            "GetQueueAttributes": self._on_queue(_get_attributes),
            "SetQueueAttributes": self._on_queue(self._set_attributes),
            "TagQueue": self._on_queue(_tag),
            "UntagQueue": self._on_queue(_untag),
            "ListQueueTags": self._on_queue(_list_tags),
            "PurgeQueue": self._on_queue(_purge),
            "SendMessage": self._send_message,
            "SendMessageBatch": self._send_message_batch,
            "DeleteMessage": self._on_queue(_delete),
            "DeleteMessageBatch": self._on_queue(_each(_delete)),
            "ChangeMessageVisibility": self._on_queue(_change_visibility),
            "ChangeMessageVisibilityBatch": self._on_queue(_each(_change_visibility)),
        }

    def operation(self, call: Call) -> str:
        """The operation that ``X-Amz-Target`` names."""
        name = call.headers.get("x-amz-target", "").removeprefix(_TARGET)
        return name if name == "ReceiveMessage" or name in self._handlers else "Unknown"

    async def answer(self, call: Call) -> Reply:
        """Do what the call asks; only ReceiveMessage may take its time."""
        operation = self.operation(call)
        if operation == "Unknown":
            target = call.headers.get("x-amz-target", "")
            reason = f"The emulator knows no operation {target!r} of SQS, nor its query protocol."
            raise ServiceFault("UnsupportedOperation", reason)
        if call.region != self._store.region:
            reason = f"The emulator's only region is {self._store.region}, not {call.region}."
            raise ServiceFault("UnsupportedOperation", reason)
        members = parse_members(call.body)
        if operation == "ReceiveMessage":
            return _reply(await self._receive_message(members))
        return _reply(self._handlers[operation](call, members))

    def render(self, fault: ServiceFault) -> Reply:
        """The fault in the JSON protocol, with the code of the older query protocol in a header."""
        reply = _reply({"__type": type_of(fault.code), "message": fault.message}, fault.status)
        blame = "Receiver" if fault.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Sender"
        reply.headers["x-amzn-query-error"] = f"{query_code_of(fault.code)};{blame}"
        return reply

    def _queue(self, members: JsonMembers) -> Queue:
        return _existing(self._store.by_url(members.text("QueueUrl")))

    def _on_queue(self, act: Callable[[Queue, JsonMembers], JsonObject]) -> _Handler:
        return lambda _, members: act(self._queue(members), members)

    def _create_queue(self, call: Call, members: JsonMembers) -> JsonObject:
        name, attributes = members.text("QueueName"), members.text_map("Attributes")
        queue = self._store.create(name, attributes, members.text_map("tags"))
        return {"QueueUrl": queue.url(call.base_url)}

    def _get_queue_url(self, call: Call, members: JsonMembers) -> JsonObject:
        name, owner = members.text("QueueName"), members.optional_text("QueueOwnerAWSAccountId")
        is_ours = owner in (None, self._store.account_id)
        return {"QueueUrl": _existing(self._store.by_name(name) if is_ours else None).url(call.base_url)}

    def _list_queues(self, call: Call, members: JsonMembers) -> JsonObject:
        prefix, after = (
            members.optional_text("QueueNamePrefix") or "",
            members.optional_text("NextToken") or "",
        )
        most = members.integer("MaxResults", 1, _MOST_IN_PAGE)
        queues = sorted(
            (queue for queue in self._store if queue.name.startswith(prefix)), key=lambda q: q.name
        )
        left = [queue for queue in queues if queue.name > after]
        page = left[: most or _MOST_IN_PAGE]
        urls: list[JsonValue] = [queue.url(call.base_url) for queue in page]
        # Without MaxResults AWS answers no token, and so no second page.
        token: JsonObject = {"NextToken": page[-1].name} if most is not None and len(left) > most else {}
        return {"QueueUrls": urls, **token} if urls else {}

    def _delete_queue(self, queue: Queue, _: JsonMembers) -> JsonObject:
        self._store.delete(queue)
        return {}

    def _set_attributes(self, queue: Queue, members: JsonMembers) -> JsonObject:
        queue.change(self._store.settings(queue.settings, members.text_map("Attributes")))
        return {}

    def _send_message(self, call: Call, members: JsonMembers) -> JsonObject:
        return send(self._queue(members), members, call.access_key_id)

    def _send_message_batch(self, call: Call, members: JsonMembers) -> JsonObject:
        queue, entries = self._queue(members), members.entries("Entries")
        check_batch_size(entries)
        return carry_out(entries, lambda entry: send(queue, entry, call.access_key_id))

    async def _receive_message(self, members: JsonMembers) -> JsonObject:
        queue, wanted = self._queue(members), WantedAttributes.read(members)
        deliveries = await queue.receive(
            members.integer("MaxNumberOfMessages", 1, _MOST_TO_RECEIVE) or 1,
            visibility_timeout_seconds=members.integer("VisibilityTimeout", 0, _LONGEST_VISIBILITY_SECONDS),
            wait_seconds=members.integer("WaitTimeSeconds", 0, _LONGEST_WAIT_SECONDS),
        )
        return {"Messages": [wanted.describe(delivery) for delivery in deliveries]} if deliveries else {}


def _each(act: Callable[[Queue, JsonMembers], JsonObject]) -> Callable[[Queue, JsonMembers], JsonObject]:
    """The same for each entry of a batch."""
    return lambda queue, members: carry_out(members.entries("Entries"), lambda entry: act(queue, entry))


def _delete(queue: Queue, members: JsonMembers) -> JsonObject:
    queue.delete(members.text("ReceiptHandle"))
    return {}


def _change_visibility(queue: Queue, members: JsonMembers) -> JsonObject:
    handle = members.text("ReceiptHandle")
    seconds = members.integer("VisibilityTimeout", 0, _LONGEST_VISIBILITY_SECONDS)
    if seconds is None:
        raise ServiceFault("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
    queue.change_visibility(handle, seconds)
    return {}


def _purge(queue: Queue, _: JsonMembers) -> JsonObject:
    queue.purge()
    return {}


def _get_attributes(queue: Queue, members: JsonMembers) -> JsonObject:
    known, names = queue.attributes(), members.texts("AttributeNames")
    for name in names:
        if name != "All" and name not in known and name not in SETTABLE:
            raise ServiceFault("InvalidAttributeName", f"Unknown Attribute {name}.")
    chosen: JsonObject = {name: text for name, text in known.items() if "All" in names or name in names}
    return {"Attributes": chosen} if chosen else {}


def _tag(queue: Queue, members: JsonMembers) -> JsonObject:
    queue.tags.update(members.text_map("Tags"))
    return {}


def _untag(queue: Queue, members: JsonMembers) -> JsonObject:
    for key in members.texts("TagKeys"):
        queue.tags.pop(key, None)
    return {}


def _list_tags(queue: Queue, _: JsonMembers) -> JsonObject:
    tags: JsonObject = dict(queue.tags)
    return {"Tags": tags} if tags else {}


def _existing(queue: Queue | None) -> Queue:
    if queue is None:
        raise ServiceFault("QueueDoesNotExist", "The specified queue does not exist.")
    return queue


def _reply(members: JsonObject, status: int = 200) -> Reply:
    return Reply(status, json.dumps(members).encode(), {"Content-Type": _CONTENT_TYPE})
