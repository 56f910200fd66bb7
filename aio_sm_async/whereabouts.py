"""Where endpoints write: as the caller says, else as a 202 has told, else as SageMaker answers when asked.

It is what stands between a name from outside, such as a token's, and a read from S3.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aio_sm_async.errors import AccessDeniedError, ConfigurationError
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.output_paths import OutputPaths, lies_under
from aio_sm_async.protocol.output_roots import OutputRoots
from aio_sm_async.retries import Retries
from aio_sm_async.wire.control import ControlPlane
from aio_sm_async.wire.single_flight import SingleFlight

logger = logging.getLogger("aio_sm_async")


class Whereabouts:
    """Where each endpoint writes. SageMaker is asked once an endpoint, however many ask here.

    Args:
        given: What the caller said, by endpoint.
        learned: What 202s have told.
        control: Answers for the rest.
        retries: Asks again what may pass.
    """

    def __init__(
        self,
        given: Mapping[str, OutputPaths],
        *,
        learned: OutputRoots,
        control: ControlPlane,
        retries: Retries,
    ) -> None:
        self._given = given
        self._learned = learned
        self._control = control
        self._retries = retries
        self._asked: SingleFlight[str, OutputPaths] = SingleFlight()
        self._warned_of: set[str] = set()

    async def output_path(self, endpoint_name: str) -> S3Location | None:
        """The path that the endpoint's responses lie under; None if it only notifies.

        Raises:
            ConfigurationError: Nobody has said, and SageMaker may not be asked.
            AsyncInferenceError: SageMaker could not be asked.
        """
        given = self._given_output(endpoint_name)
        if given is not None:
            return given
        root = self._learned.output_root(endpoint_name)
        if root is not None and root.is_named:
            return S3Location(root.bucket, root.prefix)
        return (await self._ask(endpoint_name)).output

    async def holds_output(self, endpoint_name: str, location: S3Location) -> bool:
        """Whether the endpoint writes its responses there; raises as `output_path` does."""
        root = self._learned.output_root(endpoint_name)
        if root is not None and self._given_output(endpoint_name) is None:
            learned = lies_under(location, S3Location(root.bucket, root.prefix))
            if learned or root.is_named:
                return learned
        # Nobody has told, or a root that is a guess, since no name was honoured: it may be too deep.
        path = await self.output_path(endpoint_name)
        return path is not None and lies_under(location, path)

    async def holds_failure(self, endpoint_name: str, location: S3Location) -> bool:
        """Whether the endpoint writes its failures there; False, with a warning, if it cannot be told.

        Raises:
            AsyncInferenceError: SageMaker could not be asked.
        """
        given = self._given.get(endpoint_name)
        if given is not None and given.failure is not None:
            return lies_under(location, given.failure)
        if self._learned.is_failure_location(endpoint_name, location):
            return lies_under(location, S3Location(location.bucket, ""))
        try:
            path = (await self._ask(endpoint_name)).failure
        except ConfigurationError as error:
            self._warn(endpoint_name, error)
            return False
        return path is not None and lies_under(location, path)

    def _given_output(self, endpoint_name: str) -> S3Location | None:
        given = self._given.get(endpoint_name)
        return given.output if given is not None else None

    async def _ask(self, endpoint_name: str) -> OutputPaths:
        return self._asked.known(endpoint_name) or await self._asked.get(
            endpoint_name, lambda: self._retries.call(lambda: self._ask_now(endpoint_name))
        )

    async def _ask_now(self, endpoint_name: str) -> OutputPaths:
        try:
            return await self._control.output_paths(endpoint_name)
        except AccessDeniedError as error:
            raise ConfigurationError(
                f"Where {endpoint_name} writes is not known, and SageMaker does not tell this caller. Allow "
                "sagemaker:DescribeEndpoint and sagemaker:DescribeEndpointConfig, or give the client "
                f'output_path="s3://bucket/path" and failure_path=. ({error})'
            ) from error

    def _warn(self, endpoint_name: str, error: ConfigurationError) -> None:
        if endpoint_name not in self._warned_of:
            self._warned_of.add(endpoint_name)
            logger.warning("failures of %s are not looked for in S3: %s", endpoint_name, error)
