"""From what a caller hands in to a request that is ready to be sent, checked before anything is."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from aio_sm_async.codecs import EncodedPayload, StreamedPayload, encode_payload
from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.options import NO_PAYLOAD, InvocationOptions
from aio_sm_async.protocol.identifiers import ClientIdentity, output_extension, output_filename
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.payload import Inline, plan_payload
from aio_sm_async.protocol.request import InvocationRequest, check_request

BLOCK_INVOCATIONS = 1000
"""As many as one page of a LIST holds: one call answers for a block."""

DEFAULT_TTL_SECONDS = 21_600
DEFAULT_TIMEOUT_SECONDS = 900
MARGIN_SECONDS = 300.0
"""SageMaker's defaults, and what its own clean-up, the publishing and the writing may take on top."""

LONGEST_PATIENCE_SECONDS = 21_600 + 3_600 + MARGIN_SECONDS
"""No request can ask for more: whatever says so is not to be believed."""

PLACEHOLDER = "s3://to-be-uploaded/input"


@dataclass(frozen=True, slots=True)
class OutputNames:
    """What an output is called, where that is not for `Drafts` to choose.

    Attributes:
        extension: ``S3OutputPathExtension``, whole.
        filename: ``Filename``.
    """

    extension: str
    filename: str

    def __str__(self) -> str:
        return f"{self.extension}/{self.filename}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A request, checked; ``upload`` is what must be in S3 before it is sent."""

    invocation: Invocation
    request: InvocationRequest
    upload: EncodedPayload | StreamedPayload | None

    @property
    def payload(self) -> bytes | None:
        """What is sent to the model, where that is in memory."""
        return self.upload.body if isinstance(self.upload, EncodedPayload) else self.request.body

    def request_for(self, invocation: Invocation) -> InvocationRequest:
        """The same request, under the names of an invocation that was sent before."""
        return replace(
            self.request,
            inference_id=invocation.inference_id,
            s3_output_path_extension=invocation.extension,
            filename=invocation.filename,
        )

    def under(self, names: OutputNames) -> Draft:
        """The same, its output called like this.

        Raises:
            InvalidRequestError: The extension is too long.
        """
        request = replace(self.request, s3_output_path_extension=names.extension, filename=names.filename)
        check_request(request)
        invocation = self.invocation
        invocation.extension, invocation.filename = names.extension, names.filename
        return Draft(invocation, request, self.upload)


class Drafts:
    """Makes requests.

    Args:
        identity: Mints inference ids.
        sends_names: Whether outputs get a prefix and names of this client's.
        uploads_configured: Whether a payload may go through S3.
    """

    def __init__(self, identity: ClientIdentity, *, sends_names: bool, uploads_configured: bool) -> None:
        self._identity = identity
        self.sends_names = sends_names
        self._uploads_configured = uploads_configured
        self._count = 0

    def of(
        self,
        payload: object,
        input_location: str | None,
        options: InvocationOptions,
        *,
        takes_inline: Callable[[str], bool],
    ) -> Draft:
        """A request for a payload, or for one that is in S3 already.

        Args:
            payload: The payload; `NO_PAYLOAD` if there is none.
            input_location: Where it lies, if it is in S3.
            options: For this request.
            takes_inline: Whether an endpoint takes payloads in the request itself.

        Raises:
            InvalidRequestError: A member breaks a limit, or there is no way to send the payload.
            TypeError: No codec takes such a payload.
        """
        if payload is NO_PAYLOAD and input_location is not None:
            return self.of_location(input_location, options)
        if payload is not NO_PAYLOAD and input_location is None:
            inline = takes_inline(options.get("endpoint_name") or "")
            return self.of_payload(payload, options, takes_inline=inline)
        raise InvalidRequestError(
            "payload", "exactly one of payload and input_location must be given", "Give one of them."
        )

    def of_payload(self, payload: object, options: InvocationOptions, *, takes_inline: bool) -> Draft:
        """A request for this payload: inside the request if it fits, by upload if not.

        Raises:
            InvalidRequestError: A member breaks a limit, or there is no way to send the payload.
            TypeError: No codec takes such a payload.
        """
        encoded = encode_payload(payload, options.get("content_type"))
        size = len(encoded.body) if isinstance(encoded, EncodedPayload) else None
        plan = plan_payload(size, inline_accepted=takes_inline, uploads_configured=self._uploads_configured)
        if isinstance(plan, Inline) and isinstance(encoded, EncodedPayload):
            return self._draft(options, encoded.content_type, body=encoded.body)
        draft = self._draft(options, encoded.content_type, input_location=PLACEHOLDER)
        return Draft(draft.invocation, draft.request, encoded)

    def of_location(self, input_location: str, options: InvocationOptions) -> Draft:
        """A request for a payload that is in S3 already.

        Raises:
            InvalidRequestError: A member breaks a limit.
        """
        return self._draft(options, options.get("content_type"), input_location=input_location)

    def _draft(
        self,
        options: InvocationOptions,
        content_type: str | None,
        *,
        body: bytes | None = None,
        input_location: str | None = None,
    ) -> Draft:
        # The caller may use an id again. What names objects in S3 is never used again, or the result of an
        # earlier run would be taken for this one's.
        object_name = self._identity.mint(secrets.token_bytes(12))
        inference_id = options.get("inference_id")
        if inference_id is None:
            inference_id = object_name
        request = InvocationRequest(
            endpoint_name=_endpoint_name(options),
            body=body,
            input_location=input_location,
            content_type=content_type,
            accept=options.get("accept"),
            custom_attributes=options.get("custom_attributes"),
            inference_id=inference_id,
            s3_output_path_extension=options.get("s3_output_path_extension"),
            filename=options.get("filename"),
            request_ttl_seconds=options.get("request_ttl_seconds"),
            invocation_timeout_seconds=options.get("invocation_timeout_seconds"),
        )
        check_request(request)
        is_in_block = self.sends_names and request.filename is None
        if self.sends_names:
            request = self._named(request, object_name)
        self._count += 1
        invocation = Invocation(
            inference_id,
            request.endpoint_name,
            patience_seconds=(request.request_ttl_seconds or DEFAULT_TTL_SECONDS)
            + (request.invocation_timeout_seconds or DEFAULT_TIMEOUT_SECONDS)
            + MARGIN_SECONDS,
            extension=request.s3_output_path_extension,
            filename=request.filename,
            object_name=object_name,
            is_in_block=is_in_block,
        )
        return Draft(invocation, request, None)

    def _named(self, request: InvocationRequest, object_name: str) -> InvocationRequest:
        extension = request.s3_output_path_extension
        ours = output_extension(extension, self._identity, self._count // BLOCK_INVOCATIONS)
        if request.filename is None:
            named = replace(request, s3_output_path_extension=ours, filename=output_filename(object_name))
        else:  # the same one may be given to many, so each has a folder of its own
            folder = output_filename(object_name).removesuffix(".out")
            named = replace(request, s3_output_path_extension=f"{ours}/{folder}")
        if extension is not None:
            check_request(named)  # the caller's part and ours may be too long together
        return named


def _endpoint_name(options: InvocationOptions) -> str:
    endpoint_name = options.get("endpoint_name")
    if endpoint_name is None:
        raise InvalidRequestError(
            "endpoint_name",
            "no endpoint was named",
            'Name one on the client, AsyncInferenceClient("my-endpoint"), or with the call, endpoint_name=.',
        )
    return endpoint_name
