"""Where else to look for what is in flight: S3, as often as notifications leave it needed."""

from __future__ import annotations

import logging

from aio_sm_async.completions.polling import PollingSource
from aio_sm_async.completions.source import Inbox
from aio_sm_async.protocol.invocation import Invocation, State
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.notification_health import NotificationHealth
from aio_sm_async.protocol.registry import Registry

logger = logging.getLogger("aio_sm_async")


class Lookout:
    """Tells polling what to look for and how often; without polling it looks nowhere.

    Args:
        polling: Asks S3; None to rely on notifications.
        registry: Knows where results will lie.
    """

    def __init__(self, polling: PollingSource | None, registry: Registry) -> None:
        self._polling = polling
        self._registry = registry
        self._health = NotificationHealth()
        # Sent without an answer while nobody knew where their endpoint writes.
        self._unplaced: dict[str, tuple[Invocation, bool]] = {}

    @property
    def is_notified(self) -> bool:
        """Whether notifications flow."""
        return self._health.is_flowing

    # What is looked for

    def watch(self, invocation: Invocation, *, is_inherited: bool = False) -> None:
        """Look for it from now on; ``is_inherited`` if another process sent it."""
        if self._polling is None:
            return
        output = self._registry.expected_location(invocation)
        if output is None:
            if invocation.state is State.AMBIGUOUS:
                self._unplaced[invocation.inference_id] = (invocation, is_inherited)
            return
        self._unplaced.pop(invocation.inference_id, None)
        prefix, _, _ = output.key.rpartition("/")
        is_block = invocation.is_in_block and prefix.endswith(f"{invocation.extension}")
        self._polling.watch(
            invocation.inference_id,
            output=output,
            failure=self._registry.failure_location(invocation),
            prefix=S3Location(output.bucket, prefix) if is_block else None,
            is_inherited=is_inherited,
        )

    def place(self) -> None:
        """An answer may have told where the outputs of others lie: look there."""
        for invocation, is_inherited in tuple(self._unplaced.values()):
            self.watch(invocation, is_inherited=is_inherited)

    def forget(self, inference_id: str) -> None:
        """Look for it no more."""
        self._unplaced.pop(inference_id, None)
        if self._polling is not None:
            self._polling.forget(inference_id)

    async def look(self, inbox: Inbox, inference_id: str) -> str:
        """Deliver what S3 has of the invocation now; in words what there is if it has nothing."""
        if self._polling is None:
            return "S3 is not asked, since polling=None"
        try:
            is_known = await self._polling.look(inbox, inference_id)
        except Exception as error:  # noqa: BLE001 - nothing must keep a deadline from passing
            logger.warning("could not look for %s in S3: %s", inference_id, error)
            return f"S3 could not be asked ({error})"
        if not is_known:
            return "where in S3 its result would lie was never told"
        return "S3 holds neither a result nor a failure"

    # How often

    def heard(self, source: str) -> None:
        """A source has told of one of ours."""
        if source != PollingSource.name:
            self._health.arrived()
            self._follow_health()

    def settled(self, source: str) -> None:
        """An invocation was settled by what this source told."""
        if source == PollingSource.name:
            self._health.missed()
            self._follow_health()

    def source_failed(self, source: str) -> None:
        """The source cannot be read: look more often."""
        self._health.source_failed(source)
        self._follow_health()

    def source_recovered(self, source: str) -> None:
        """The source can be read again."""
        self._health.source_recovered(source)
        self._follow_health()

    def _follow_health(self) -> None:
        if self._polling is not None:
            self._polling.set_notified(self._health.is_flowing)
