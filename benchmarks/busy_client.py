"""A client of the server that nothing keeps from being busy."""

from __future__ import annotations

from aio_sm_async import AsyncInferenceClient, SqsNotifications


def client_of(url: str, owner: str, *, notified: bool = True) -> AsyncInferenceClient:
    """A client with the defaults, but for limits that would keep it from being busy."""
    queue = SqsNotifications([f"{url}/000000000000/{owner}"]) if notified else None
    services = ("sagemaker-runtime", "sagemaker", "s3", "sqs")
    return AsyncInferenceClient(
        owner,
        region_name="us-east-1",
        endpoint_urls=dict.fromkeys(services, url),
        notifications=queue,
        output_path=f"s3://{owner}/out/",
        max_in_flight=1_000_000,
        start_in_flight=1_000_000,
    )
