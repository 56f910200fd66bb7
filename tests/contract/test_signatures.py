from __future__ import annotations

import pytest

from tests.contract.answers import refused

CALLS = {"s3": "list_buckets", "sqs": "list_queues", "sns": "list_topics"}
# What each service's protocol calls the two mistakes.
WRONG_SECRET = {"SignatureDoesNotMatch", "InvalidSignatureException"}
UNKNOWN_KEY = {"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"}


@pytest.mark.parametrize("service", CALLS)
async def test_right_secret(server, service):
    """A call that is signed well is answered."""
    async with server.client(service) as client:
        answer = await getattr(client, CALLS[service])()

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("service", CALLS)
async def test_wrong_secret(server, service):
    """A call that is signed with a wrong secret is refused."""
    async with server.client(service, aws_secret_access_key="wrong") as client:
        with refused(*WRONG_SECRET, status=403):
            await getattr(client, CALLS[service])()


@pytest.mark.parametrize("service", CALLS)
async def test_unknown_key(server, service):
    """A call that is signed by nobody known is refused."""
    async with server.client(service, aws_access_key_id="AKIANOBODYNOBODYNOBO") as client:
        with refused(*UNKNOWN_KEY, status=403):
            await getattr(client, CALLS[service])()
