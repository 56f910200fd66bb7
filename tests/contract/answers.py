"""How the contract's tests read what a server answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

# SQS has a code of its older protocol for some errors; AWS sends one or the other by the client's age.
_OLD_PREFIX = "AWS.SimpleQueueService."
_OLD_NAMES = {"NonExistentQueue": "QueueDoesNotExist"}


def modern(code: str) -> str:
    """An SQS error code without the prefix of the older protocol; any other code as it is."""
    bare = code.removeprefix(_OLD_PREFIX)
    return _OLD_NAMES.get(bare, bare)


@contextmanager
def refused(*codes: str, status: int | None = None) -> Iterator[None]:
    """The body must be refused, with one of the codes and, where given, the HTTP status."""
    with pytest.raises(ClientError) as caught:
        yield
    answer = caught.value.response

    assert modern(answer["Error"]["Code"]) in codes
    assert status in (None, answer["ResponseMetadata"]["HTTPStatusCode"])


async def receive(sqs: Any, url: str, *, wait: int = 20, **options: Any) -> list[dict[str, Any]]:
    """One receive, of up to ten messages, that waits for the first; options as of ReceiveMessage."""
    asked = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]} | options
    return (await sqs.receive_message(QueueUrl=url, WaitTimeSeconds=wait, **asked)).get("Messages", [])


async def receive_one(sqs: Any, url: str, **options: Any) -> dict[str, Any]:
    """The one message that comes."""
    (message,) = await receive(sqs, url, **options)
    return message


async def depth(sqs: Any, url: str) -> tuple[int, int]:
    """How many messages wait, and how many are in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return int(answer["Attributes"][names[0]]), int(answer["Attributes"][names[1]])
