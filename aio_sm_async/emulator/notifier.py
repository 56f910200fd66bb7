"""Publishes results to topics, through whatever trouble is planned for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, assert_never

from aio_sm_async.emulator.rule import NotificationFault
from aio_sm_async.emulator.schedule import Schedule, Scheduled
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.trouble import Trouble


class Topics(Protocol):
    """What a notifier needs of SNS."""

    def publish(self, topic_arn: str, message: str) -> str:
        """Publish, and return the message id.

        Raises:
            ServiceFault: There is no such topic, or the message is too long.
        """
        ...


@dataclass(slots=True, eq=False)
class _HeldBack:
    """A notification that waits to be overtaken."""

    behind: int
    publish: Callable[[], None]
    release: Scheduled | None = None


class Notifier:
    """The endpoints' way out to SNS.

    Attributes:
        failures: How many notifications no topic took (the metric NotificationFailures).
    """

    def __init__(self, topics: Topics, *, trouble: Trouble, schedule: Schedule) -> None:
        self._topics = topics
        self._trouble = trouble
        self._schedule = schedule
        self._held: list[_HeldBack] = []
        self.failures = 0

    def announce(self, topic_arn: str, message: str) -> None:
        """Publish a test notification; trouble does not touch it.

        Raises:
            ServiceFault: The topic does not take it.
        """
        self._topics.publish(topic_arn, message)

    def publish(self, topic_arn: str, message: str, *, inference_id: str) -> None:
        """Publish a result, unless trouble is planned for it; a failure is counted, not raised."""
        fault = self._trouble.on_notification(inference_id)
        if fault is None:
            self._send(topic_arn, message)
        else:
            self._send_through(fault, topic_arn, message)

    def _send_through(self, fault: NotificationFault, topic_arn: str, message: str) -> None:
        match fault.kind:
            case "drop":
                return
            case "duplicate":
                for _ in range(fault.copies):
                    self._send(topic_arn, message)
            case "delay":
                self._schedule.after(fault.seconds, lambda: self._send(topic_arn, message))
            case "reorder":
                held = _HeldBack(fault.behind, lambda: self._publish(topic_arn, message))
                held.release = self._schedule.after(fault.seconds, lambda: self._release(held))
                self._held.append(held)
            case _:
                assert_never(fault.kind)

    def _send(self, topic_arn: str, message: str) -> None:
        self._publish(topic_arn, message)
        for held in tuple(self._held):
            held.behind -= 1
            if held.behind <= 0:
                self._release(held)

    def _release(self, held: _HeldBack) -> None:
        """Publish what was held back; this overtakes nobody in turn."""
        self._held.remove(held)
        if held.release is not None:
            held.release.cancel()
        held.publish()

    def _publish(self, topic_arn: str, message: str) -> None:
        try:
            self._topics.publish(topic_arn, message)
        except ServiceFault:
            self.failures += 1
