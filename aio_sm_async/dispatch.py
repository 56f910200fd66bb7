"""Gets one flight to SageMaker: its payload uploaded where it needs to be, its request sent."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.errors import AsyncInferenceError, ValidationError
from aio_sm_async.flight import Flight
from aio_sm_async.flow import Gate
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.request import Acceptance
from aio_sm_async.submission import Submission
from aio_sm_async.uploads import Uploader

logger = logging.getLogger("aio_sm_async")


MAX_CONCURRENT_UPLOADS = 16
"""Each holds an open source, and up to five parts of it in memory."""


class DeletesAfter(Protocol):
    """`S3Uploads.deletes_after`, or its like."""

    def __call__(self, *, succeeded: bool) -> bool:
        """Whether the uploaded object goes."""
        ...


class Dispatch:
    """Uploads and sends.

    Args:
        submission: Sends a request, under the semaphore.
        uploader: Uploads a payload; None where no uploads are configured.
        deletes_after: Whether an uploaded payload goes, once its inference ended like this.
    """

    def __init__(
        self, submission: Submission, uploader: Uploader | None, *, deletes_after: DeletesAfter
    ) -> None:
        self._submission = submission
        self._uploader = uploader
        self._deletes_after = deletes_after
        self._inline_refused: set[str] = set()
        self._uploads = Gate(MAX_CONCURRENT_UPLOADS)

    def takes_inline(self, endpoint_name: str) -> bool:
        """False once the endpoint's region has refused a payload in the request itself."""
        return endpoint_name not in self._inline_refused

    async def send(self, flight: Flight, payload: EncodedPayload | StreamedPayload | None) -> Acceptance:
        """Upload the payload, if there is one to upload, and send the request.

        Raises:
            AmbiguousError: The request was sent, and its answer is lost.
            AsyncInferenceError: It was refused, or could not be sent.
        """
        if payload is not None:
            await self._upload(flight, payload)
        try:
            return await self.send_again(flight)
        except ValidationError as error:
            inline = self._inline_payload(flight, error)
            if inline is None:
                raise
            logger.info("%s takes no inline payloads; uploading from now on", flight.invocation.endpoint_name)
            self._inline_refused.add(flight.invocation.endpoint_name)
            return await self.send(flight, inline)

    async def send_again(self, flight: Flight) -> Acceptance:
        """Send the request as it is, after what must be in S3 before."""
        if flight.unsent is not None:
            await self._upload(flight, flight.unsent)
            flight.unsent = None
        assert flight.request is not None
        return await self._submission.send(flight.request)

    def upload_location(self, invocation: Invocation) -> S3Location:
        """Where a payload of this invocation is uploaded to."""
        assert self._uploader is not None
        return self._uploader.location_for(invocation.object_name or invocation.inference_id)

    def is_to_clean_up(self, flight: Flight, *, succeeded: bool) -> bool:
        """Whether the user wants the uploaded input deleted, now that the invocation has ended."""
        return flight.uploaded is not None and self._deletes_after(succeeded=succeeded)

    async def clean_up(self, flight: Flight) -> None:
        """Delete the uploaded input. A failure is logged, for the invocation is over."""
        assert self._uploader is not None
        assert flight.uploaded is not None
        try:
            await self._uploader.delete(flight.uploaded)
        except AsyncInferenceError as error:
            logger.warning("could not delete the uploaded input %s: %s", flight.uploaded, error)

    async def _upload(self, flight: Flight, payload: EncodedPayload | StreamedPayload) -> None:
        assert self._uploader is not None
        assert flight.request is not None
        location = self.upload_location(flight.invocation)
        async with self._uploads:
            flight.uploaded = location
            await self._uploader.upload(payload, location)
        flight.request = replace(
            flight.request, body=None, input_location=str(location), content_type=payload.content_type
        )

    def _inline_payload(self, flight: Flight, error: ValidationError) -> EncodedPayload | None:
        """The payload to upload instead, if SageMaker misses the InputLocation: it knows no ``Body`` then."""
        request = flight.request
        if self._uploader is None or request is None or request.body is None:
            return None
        if "inputlocation" not in error.message.lower():
            return None
        return EncodedPayload(request.body, request.content_type or "application/octet-stream")
