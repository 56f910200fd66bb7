"""One queue of the server: messages go out once, in batches, and are never delivered again."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

NO_MESSAGES = b"{}"
Reply = Callable[[bytes], None]

_ID = re.compile(rb'"Id": ?"([^"]+)"')
_MESSAGE = (
    b'{"MessageId":"%b","ReceiptHandle":"%b","MD5OfBody":"%b","Body":"%b",'
    b'"Attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1793491200000"}}'
)
_HANDLE_FILLING = b"A" * 160  # as long as those of AWS


def member(document: bytes, name: bytes, default: str = "") -> str:
    """A member of a JSON object that is a plain string or a number; the document is not parsed."""
    found = re.search(rb'"%b": ?"?([^",}]*)' % name, document)
    return default if found is None else found[1].decode()


@dataclass(eq=False, slots=True)
class _Poll:
    reply: Reply
    most: int
    timer: asyncio.TimerHandle | None = None


class MessageQueue:
    """Messages that wait for polls, and polls that wait for messages.

    Args:
        gather_seconds: How long a poll waits for a tenth message after the first.
    """

    def __init__(self, gather_seconds: float) -> None:
        self._gather_seconds = gather_seconds
        self._messages: deque[bytes] = deque()
        self._polls: deque[_Poll] = deque()
        self._gathering: asyncio.TimerHandle | None = None
        self._serial = 0

    def put(self, body: bytes) -> None:
        """Deliver one message."""
        self._serial += 1
        name = b"%032x" % self._serial
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest().encode()
        self._messages.append(_MESSAGE % (name, name + _HANDLE_FILLING, digest, body.replace(b'"', b'\\"')))
        self._match()

    def receive(self, request: bytes, reply: Reply) -> object | None:
        """Answer a poll, or keep it until there is something; returns what `leave` takes in that case."""
        poll = _Poll(reply, int(member(request, b"MaxNumberOfMessages", "1")))
        patience = float(member(request, b"WaitTimeSeconds", "0"))
        if patience == 0 or len(self._messages) >= poll.most:
            self._answer(poll)
            return None
        poll.timer = asyncio.get_running_loop().call_later(patience, self._give_up, poll)
        self._polls.append(poll)
        self._match()
        return poll

    def leave(self, poll: object) -> None:
        """Forget a poll whose client has gone."""
        if isinstance(poll, _Poll) and poll in self._polls:
            self._polls.remove(poll)
            assert poll.timer is not None
            poll.timer.cancel()

    def settle(self, request: bytes) -> bytes:
        """The answer to a batch that deletes or hides messages: all of it went well."""
        return b'{"Successful":[%b]}' % b",".join(b'{"Id":"%b"}' % found for found in _ID.findall(request))

    def _match(self) -> None:
        while self._polls and len(self._messages) >= self._polls[0].most:
            self._answer(self._polls.popleft())
        if self._polls and self._messages and self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(self._gather_seconds, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        if self._polls and self._messages:
            self._answer(self._polls.popleft())

    def _give_up(self, poll: _Poll) -> None:
        self._polls.remove(poll)
        self._answer(poll)

    def _answer(self, poll: _Poll) -> None:
        if poll.timer is not None:
            poll.timer.cancel()
        taken = [self._messages.popleft() for _ in range(min(poll.most, len(self._messages)))]
        poll.reply(b'{"Messages":[%b]}' % b",".join(taken) if taken else NO_MESSAGES)
