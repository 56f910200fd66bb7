"""SageMaker's runtime: the one call that queues an inference."""

from __future__ import annotations

from aio_sm_async.protocol.request import Acceptance, InvocationRequest, decode_acceptance, encode_request
from aio_sm_async.wire.call import SignedCalls
from aio_sm_async.wire.session import AwsSession


class Runtime:
    """The endpoints of the session's region."""

    def __init__(self, calls: SignedCalls, session: AwsSession) -> None:
        self._calls = calls
        self._session = session

    async def invoke(self, request: InvocationRequest, *, timeout_seconds: float) -> Acceptance:
        """Send one InvokeEndpointAsync, once.

        Args:
            request: A request that passed `check_request`.
            timeout_seconds: The most that it may take.

        Raises:
            NotSentError: Certainly nothing was sent.
            AmbiguousError: It was sent, and nobody knows whether it was accepted.
            ServiceError: SageMaker answered with an error.
        """
        encoded = encode_request(request)
        url = await self._session.service_url("sagemaker-runtime")
        region = self._session.region
        response = await self._calls.send(
            "InvokeEndpointAsync",
            "sagemaker",
            region,
            "POST",
            url + encoded.path,
            headers=encoded.headers,
            body=encoded.body,
            timeout_seconds=timeout_seconds,
        )
        if 200 <= response.status < 300:
            return decode_acceptance(response.status, response.headers, response.body)
        raise self._calls.failure("InvokeEndpointAsync", response, region)
