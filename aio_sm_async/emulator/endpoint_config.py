"""An endpoint's configuration: what CreateEndpointConfig takes, as far as it matters here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

SUCCESS_TOPIC = "SUCCESS_NOTIFICATION_TOPIC"
ERROR_TOPIC = "ERROR_NOTIFICATION_TOPIC"


@dataclass(frozen=True, slots=True)
class AsyncConfig:
    """``AsyncInferenceConfig``.

    Attributes:
        output_path: ``S3OutputPath``; None leaves the responses to the notifications alone.
        failure_path: ``S3FailurePath``; None keeps nothing of what failed.
        success_topic: ``SuccessTopic``, an SNS ARN; None tells nobody of success.
        error_topic: ``ErrorTopic``, an SNS ARN; None tells nobody of failure.
        include_response_in: ``IncludeInferenceResponseIn``.
        kms_key_id: ``KmsKeyId``. Kept and told, and nothing is encrypted.
        max_concurrent_invocations_per_instance: AWS chooses where none is given; the emulator chooses 4.
    """

    output_path: str | None = None
    failure_path: str | None = None
    success_topic: str | None = None
    error_topic: str | None = None
    include_response_in: frozenset[str] = frozenset()
    kms_key_id: str | None = None
    max_concurrent_invocations_per_instance: int = 4


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """One endpoint configuration, with its one production variant.

    Attributes:
        name: ``EndpointConfigName``.
        model_name: The variant's model.
        async_config: How it answers.
        variant_name: The variant's name.
        instance_type: The variant's instance type, kept and told.
        initial_instance_count: The instances that an endpoint starts with; 0 is allowed.
        created_time: When it was made, UTC.
    """

    name: str
    model_name: str
    async_config: AsyncConfig
    variant_name: str = "AllTraffic"
    instance_type: str = "ml.m5.large"
    initial_instance_count: int = 1
    created_time: datetime = field(default_factory=lambda: datetime.now(UTC))
