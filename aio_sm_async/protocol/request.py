"""One InvokeEndpointAsync request: its members, the service model's limits, its HTTP form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InvocationRequest:
    """Everything that InvokeEndpointAsync takes, in snake case; None is "not sent".

    Attributes:
        endpoint_name: ``EndpointName``.
        body: ``Body``, at most 128,000 bytes. Exactly one of this and ``input_location``.
        input_location: ``InputLocation``, an S3 URI.
        content_type: ``ContentType``, the MIME type of the input.
        accept: ``Accept``, the MIME type wished for.
        custom_attributes: ``CustomAttributes``, handed to the model verbatim.
        inference_id: ``InferenceId``.
        s3_output_path_extension: ``S3OutputPathExtension``.
        filename: ``Filename`` of the output object.
        request_ttl_seconds: ``RequestTTLSeconds``.
        invocation_timeout_seconds: ``InvocationTimeoutSeconds``.
    """

    endpoint_name: str
    body: bytes | None = None
    input_location: str | None = None
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = None
    inference_id: str | None = None
    s3_output_path_extension: str | None = None
    filename: str | None = None
    request_ttl_seconds: int | None = None
    invocation_timeout_seconds: int | None = None
