"""Invocations of the journal that nobody waits for yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.invocation import Delivery
from aio_sm_async.unclaimed import Unclaimed


@dataclass(eq=False)
class Message:
    fate: list[str] = field(default_factory=list)

    def acknowledge(self) -> None:
        self.fate.append("acknowledged")

    def hold(self) -> None:
        self.fate.append("held")

    def release(self, ownership: Ownership) -> None:
        self.fate.append(ownership.name)


def delivery(inference_id: str, message: Message | None = None) -> Delivery:
    return Delivery(Completed(inference_id), "sqs", message)


def test_what_comes_for_it_is_kept_until_somebody_asks() -> None:
    """Once, and the latest: SQS wants the latest receipt."""
    unclaimed = Unclaimed()
    unclaimed.expect("a")
    first, second = delivery("a"), delivery("a")
    kept = [unclaimed.keep(first), unclaimed.keep(second), unclaimed.keep(delivery("b"))]
    unclaimed.expect("a")

    assert [True, True, False] == kept
    assert unclaimed.claim("a") is second
    assert unclaimed.claim("a") is None
    assert not unclaimed.keep(first)


def test_messages_go_back_if_nobody_asks() -> None:
    """They are handed back, not deleted: another process may ask."""
    unclaimed, message = Unclaimed(), Message()
    for inference_id in ("a", "b", "c"):
        unclaimed.expect(inference_id)
    unclaimed.keep(delivery("a", message))
    unclaimed.keep(delivery("b"))

    assert ("a" in unclaimed, 3) == (True, len(unclaimed))

    unclaimed.release()

    assert (["held", "OURS"], 0) == (message.fate, len(unclaimed))


def test_messages_are_held_meanwhile() -> None:
    """Else SQS would bring each again and again, and a redrive policy take it away."""
    unclaimed, message = Unclaimed(), Message()
    unclaimed.expect("a")
    unclaimed.keep(delivery("a", message))

    assert ["held"] == message.fate


def test_what_nobody_will_ask_for_is_acknowledged() -> None:
    """It was given up after all: nothing is kept, and its message goes."""
    unclaimed, message = Unclaimed(), Message()
    for inference_id in ("a", "b"):
        unclaimed.expect(inference_id)
    unclaimed.keep(delivery("a", message))
    for inference_id in ("a", "b", "c"):
        unclaimed.forget(inference_id)

    assert (["held", "acknowledged"], 0) == (message.fate, len(unclaimed))
