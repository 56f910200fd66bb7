from __future__ import annotations

import pytest

from tests.loopback import is_loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "bucket.localhost", b"127.0.0.1", None]
)
def test_this_machine(host):
    """A loopback address, a name below localhost and the wildcard stay on this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "10.0.0.1", "s3.amazonaws.com", "localhost.example.com", "::2"]
)
def test_elsewhere(host):
    """Private ranges, the metadata service and every other name are elsewhere."""
    assert not is_loopback(host)
