"""Queue URLs, taken apart."""

from __future__ import annotations

import pytest

from aio_sm_async.errors import ConfigurationError
from aio_sm_async.wire.queue_address import QueueAddress, parse_queue_url


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("https://sqs.eu-west-1.amazonaws.com", "eu-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://sqs-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("https://sqs.eu-west-1.api.aws", "eu-west-1"),
        ("https://vpce-1-2.sqs.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("https://eu-west-1.queue.amazonaws.com", "eu-west-1"),
        ("https://queue.amazonaws.com", "us-east-1"),
        ("https://sqs.example.com", "sa-east-1"),
        ("http://127.0.0.1:4566", "sa-east-1"),
    ],
)
def test_the_host_tells_the_region_or_the_session_does(host: str, region: str) -> None:
    """Requests go to the host's root."""
    url = f"{host}/123456789012/results"

    assert parse_queue_url(url, default_region="sa-east-1") == QueueAddress(url, f"{host}/", region)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("results", "not an https URL"),
        ("https://sqs.eu-west-1.amazonaws.com", "is no queue URL"),
        ("https://sqs.eu-west-1.amazonaws.com/results", "is no queue URL"),
        ("https://sqs.eu-west-1.amazonaws.com/1/results?Action=x", "is no queue URL"),
        ("arn:aws:sqs:eu-west-1:1:results", "not an https URL"),
        ("http://sqs.eu-west-1.amazonaws.com/1/results", "clear text"),
        ("https://sqs.eu-west-1.amazonaws.com/1/results.fifo", "results.fifo is a FIFO queue"),
    ],
)
def test_what_is_no_queue_of_ours_is_refused(url: str, words: str) -> None:
    """At construction, with what is wrong."""
    with pytest.raises(ConfigurationError, match=words):
        parse_queue_url(url, default_region="eu-west-1")
