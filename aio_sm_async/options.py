"""What a caller may say of a request: on the client, on a view of it, or with one call."""

from __future__ import annotations

from typing import TypedDict


class RequestOptions(TypedDict, total=False):
    """The members of InvokeEndpointAsync, in snake case. None, or left out, is "not sent".

    Attributes:
        content_type: The MIME type of the payload; inferred from it if left out.
        accept: The MIME type wished for. Where a codec knows it, ``result.value`` is decoded by it.
        custom_attributes: Handed to the model verbatim, at most 1,024 visible ASCII characters.
        inference_id: The invocation's name, at most 64 characters; one is made if left out.
        s3_output_path_extension: Where below the endpoint's output path the response goes.
        filename: What the output object is called, at most 32 characters.
        request_ttl_seconds: How long the request may wait in SageMaker's queue: 60 to 21,600.
        invocation_timeout_seconds: How long the model may take: 1 to 3,600.
    """

    content_type: str | None
    accept: str | None
    custom_attributes: str | None
    inference_id: str | None
    s3_output_path_extension: str | None
    filename: str | None
    request_ttl_seconds: int | None
    invocation_timeout_seconds: int | None


class InvocationOptions(RequestOptions, total=False):
    """`RequestOptions`, and where to send the request.

    Attributes:
        endpoint_name: The endpoint, instead of the client's own.
    """

    endpoint_name: str | None
