"""Where an endpoint is configured to write, and whether a place lies there."""

from __future__ import annotations

from dataclasses import dataclass

from aio_sm_async.protocol.location import S3Location


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """What an endpoint's configuration says of its outputs.

    Attributes:
        output: ``S3OutputPath``; None on an endpoint that only notifies.
        failure: ``S3FailurePath``; None where failures leave no object, or where nobody has said.
    """

    output: S3Location | None
    failure: S3Location | None


def lies_under(location: S3Location, path: S3Location) -> bool:
    """Whether an object lies under the path, by whole segments of its key.

    A place that could be written in another way, with ``..`` or an empty segment, lies nowhere: what reads
    it may go elsewhere. One slash more is allowed where the path itself ends with one.
    """
    if location.bucket != path.bucket:
        return False
    root = path.key.rstrip("/")
    if root and not location.key.startswith(f"{root}/"):
        return False
    below = location.key[len(root) + 1 :] if root else location.key
    if root and path.key != root:
        below = below.removeprefix("/")
    return not {"", ".", ".."}.intersection(below.split("/"))
