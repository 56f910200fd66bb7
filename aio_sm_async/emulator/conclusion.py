"""How an invocation ends: the object first, then exactly one notification, in this order as on AWS."""

from __future__ import annotations

from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.endpoint_config import ERROR_TOPIC, SUCCESS_TOPIC, AsyncConfig
from aio_sm_async.emulator.invocation import Broke, Invocation, Outcome, Status, Succeeded
from aio_sm_async.emulator.notifier import Notifier
from aio_sm_async.emulator.object_store import ObjectStore
from aio_sm_async.emulator.result_message import completed_message, failed_message
from aio_sm_async.emulator.s3_uri import parse_s3_uri
from aio_sm_async.emulator.service import ServiceFault


class Conclusion:
    """Writes the outcomes of invocations, and tells of them."""

    def __init__(self, objects: ObjectStore, notifier: Notifier, *, clock: Clock, region: str) -> None:
        self._objects = objects
        self._notifier = notifier
        self._clock = clock
        self._region = region

    def conclude(self, invocation: Invocation, outcome: Outcome, config: AsyncConfig) -> None:
        """End the invocation. A response that cannot be stored makes it a failed one."""
        if isinstance(outcome, Succeeded):
            outcome = self._stored(invocation, outcome)
        if isinstance(outcome, Succeeded):
            self._succeed(invocation, outcome, config)
        else:
            self._fail(invocation, outcome, config)
        invocation.mark_told()

    def _stored(self, invocation: Invocation, outcome: Succeeded) -> Outcome:
        location = invocation.output_location
        if location is not None and not self._put(location, outcome.body, outcome.content_type):
            return Broke(f"ClientError: Unable to upload the response to {location}.")
        return outcome

    def _succeed(self, invocation: Invocation, outcome: Succeeded, config: AsyncConfig) -> None:
        self._finish(invocation, "Completed")
        if config.success_topic is None:
            return
        included = SUCCESS_TOPIC in config.include_response_in
        message = completed_message(invocation, outcome, region=self._region, include_response=included)
        self._notifier.publish(config.success_topic, message, inference_id=invocation.inference_id)

    def _fail(self, invocation: Invocation, outcome: Broke, config: AsyncConfig) -> None:
        written = (
            outcome.body is not None
            and invocation.failure_location is not None
            and self._put(invocation.failure_location, outcome.body, outcome.content_type)
        )
        invocation.failure_reason = outcome.reason
        self._finish(invocation, "Expired" if outcome.expired else "Failed")
        if config.error_topic is None:
            return
        message = failed_message(
            invocation,
            outcome,
            region=self._region,
            include_response=ERROR_TOPIC in config.include_response_in,
            failure_written=written,
        )
        self._notifier.publish(config.error_topic, message, inference_id=invocation.inference_id)

    def _finish(self, invocation: Invocation, status: Status) -> None:
        invocation.status = status
        invocation.finished_time = self._clock.utc_now()
        invocation.finished_at = self._clock.monotonic()

    def _put(self, location: str, body: bytes, content_type: str) -> bool:
        try:
            bucket, key = parse_s3_uri(location)
            self._objects.put(bucket, key, body, content_type=content_type)
        except (ServiceFault, ValueError):
            return False
        return True
