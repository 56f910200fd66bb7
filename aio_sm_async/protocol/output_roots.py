"""Where endpoints write, as their 202s have told: enough to tell where the output of another will lie."""

from __future__ import annotations

from dataclasses import dataclass

from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.location import S3Location


@dataclass(frozen=True, slots=True)
class OutputRoot:
    """Where an endpoint writes, learned from a 202, and whether under the names that we ask for.

    Attributes:
        bucket: The bucket.
        prefix: Ends with a slash, or is empty where the endpoint writes to the bucket's root.
        is_named: Whether SageMaker honours the extension and the file name that are sent to it.
    """

    bucket: str
    prefix: str
    is_named: bool

    @staticmethod
    def learn(output_location: S3Location, invocation: Invocation) -> OutputRoot:
        """The root that this output lies under."""
        key, names = output_location.key, _names(invocation)
        prefix = key.removesuffix(names)
        if names and key != prefix and (not prefix or prefix.endswith("/")):
            return OutputRoot(output_location.bucket, prefix, is_named=True)
        folder = key[: key.rfind("/") + 1]
        if invocation.extension is not None and f"/{folder}".endswith(f"/{invocation.extension}/"):
            folder = folder[: -len(invocation.extension) - 1]
        return OutputRoot(output_location.bucket, folder, is_named=False)

    def expected(self, invocation: Invocation) -> S3Location | None:
        """Where the invocation's output will lie; None where SageMaker chooses the name."""
        names = _names(invocation)
        return S3Location(self.bucket, self.prefix + names) if self.is_named and names else None

    def holds(self, location: S3Location) -> bool:
        """Whether the location lies under this root."""
        return location.bucket == self.bucket and location.key.startswith(self.prefix)


class OutputRoots:
    """The roots of all endpoints that a client has had answers from."""

    def __init__(self) -> None:
        self._outputs: dict[str, OutputRoot] = {}
        self._failures: dict[str, S3Location] = {}

    def learn(self, invocation: Invocation) -> None:
        """Its 202 told where its response and its failure will lie."""
        if invocation.output_location is not None:
            self._outputs[invocation.endpoint_name] = OutputRoot.learn(invocation.output_location, invocation)
        if invocation.failure_location is not None:
            self._failures[invocation.endpoint_name] = _parent(invocation.failure_location)

    def output_root(self, endpoint_name: str) -> OutputRoot | None:
        """Where the endpoint writes responses; None while no 202 has told."""
        return self._outputs.get(endpoint_name)

    def expected(self, invocation: Invocation) -> S3Location | None:
        """Where its response will lie, as earlier 202s of its endpoint let us infer."""
        root = self._outputs.get(invocation.endpoint_name)
        return root.expected(invocation) if root is not None else None

    def is_failure_location(self, endpoint_name: str, location: S3Location) -> bool:
        """Whether the endpoint writes its failures there."""
        return self._failures.get(endpoint_name) == _parent(location)


def _parent(location: S3Location) -> S3Location:
    return S3Location(location.bucket, location.key.rpartition("/")[0])


def _names(invocation: Invocation) -> str:
    """The end of the output key if SageMaker honours the names that we sent; empty if we sent none."""
    if invocation.filename is None:
        return ""
    if invocation.extension is None:
        return invocation.filename
    return f"{invocation.extension}/{invocation.filename}"
