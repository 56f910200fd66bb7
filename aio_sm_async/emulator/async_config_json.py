"""``AsyncInferenceConfig`` as the control plane reads and writes it."""

from __future__ import annotations

from aio_sm_async.emulator.endpoint_config import ERROR_TOPIC, SUCCESS_TOPIC, AsyncConfig
from aio_sm_async.emulator.json_value import JsonObject
from aio_sm_async.emulator.s3_uri import parse_s3_uri
from aio_sm_async.emulator.service import ServiceFault
from aio_sm_async.emulator.structure import Structure

_NOTHING = Structure({})


def read_async_config(members: Structure) -> AsyncConfig:
    """The configuration that the structure holds.

    Raises:
        ServiceFault: A member is not what it must be.
    """
    output = members.structure("OutputConfig") or _NOTHING
    notification = output.structure("NotificationConfig") or _NOTHING
    client = members.structure("ClientConfig") or _NOTHING
    concurrency = client.integer(
        "MaxConcurrentInvocationsPerInstance", AsyncConfig().max_concurrent_invocations_per_instance
    )
    if not 1 <= concurrency <= 1000:
        raise ServiceFault(
            "ValidationException", "MaxConcurrentInvocationsPerInstance lies between 1 and 1000."
        )
    return AsyncConfig(
        output_path=_path(output, "S3OutputPath"),
        failure_path=_path(output, "S3FailurePath"),
        success_topic=notification.optional_text("SuccessTopic"),
        error_topic=notification.optional_text("ErrorTopic"),
        include_response_in=notification.texts(
            "IncludeInferenceResponseIn", frozenset({SUCCESS_TOPIC, ERROR_TOPIC})
        ),
        kms_key_id=output.optional_text("KmsKeyId"),
        max_concurrent_invocations_per_instance=concurrency,
    )


def write_async_config(config: AsyncConfig) -> JsonObject:
    """The structure that describes the configuration; what is not set is left out."""
    notification = _present({"SuccessTopic": config.success_topic, "ErrorTopic": config.error_topic})
    if config.include_response_in:
        notification["IncludeInferenceResponseIn"] = [*sorted(config.include_response_in, reverse=True)]
    output = _present(
        {
            "KmsKeyId": config.kms_key_id,
            "S3OutputPath": config.output_path,
            "S3FailurePath": config.failure_path,
        }
    )
    if notification:
        output["NotificationConfig"] = notification
    client: JsonObject = {
        "MaxConcurrentInvocationsPerInstance": config.max_concurrent_invocations_per_instance
    }
    return {"ClientConfig": client, "OutputConfig": output}


def _path(members: Structure, name: str) -> str | None:
    path = members.optional_text(name)
    if not path:
        return None
    try:
        parse_s3_uri(path)
    except ValueError as exc:
        raise ServiceFault("ValidationException", f"{name}: {exc}") from None
    return path


def _present(members: dict[str, str | None]) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
