"""Invocations, messages and places for the registry's tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from aio_sm_async.protocol.completion import Completion
from aio_sm_async.protocol.identifiers import ClientIdentity, Ownership
from aio_sm_async.protocol.invocation import Delivery, Invocation
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import Registry

ME = ClientIdentity("worker", "abcd1234")
ID = ME.mint(b"0123456789ab")
OTHER_ID = ME.mint(b"ba9876543210")
KIN_ID = ClientIdentity("worker", "zyxw9876").mint(b"0123456789ab")
STRANGER_ID = ClientIdentity("somebody", "abcd1234").mint(b"0123456789ab")
OWN_CHOICE = "order-4711"

OUT = S3Location("bucket", "out/worker/abcd1234/0/1.out")
OUT_TWO = S3Location("bucket", "out/worker/abcd1234/0/2.out")
EVIL = S3Location("evil", "out/worker/abcd1234/0/1.out")
BAD = S3Location("bucket", "bad/1-error.out")
NOW, PATIENCE = 100.0, 1000.0


@dataclass(eq=False)
class Message:
    """A receipt that only its identity tells from others."""

    fate: list[str] = field(default_factory=list)

    def acknowledge(self) -> None:
        self.fate.append("acknowledged")

    def release(self, ownership: Ownership) -> None:
        self.fate.append("released")


def invocation(inference_id: str = ID, *, filename: str | None = "1.out") -> Invocation:
    extension = "worker/abcd1234/0" if filename else None
    return Invocation(inference_id, "endpoint", PATIENCE, extension=extension, filename=filename)


def note(completion: Completion, message: Message | None = None) -> Delivery:
    return Delivery(completion, "sqs", message)


def pending(registry: Registry, inference_id: str = ID, *, filename: str | None = "1.out") -> Invocation:
    registered = invocation(inference_id, filename=filename)
    registry.register(registered)
    return registered


def accepted(
    registry: Registry,
    inference_id: str = ID,
    *,
    output: S3Location | None = OUT,
    failure: S3Location | None = None,
    filename: str | None = "1.out",
) -> Invocation:
    taken = pending(registry, inference_id, filename=filename)
    registry.accepted(inference_id, NOW, output_location=output, failure_location=failure)
    return taken
