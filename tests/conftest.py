"""What every test stands on: no real account, no foreign host, and nothing left behind.

A test fails if it leaves a task, a socket or a warning, if package code blocks the loop, or if it
asks for an address that is not on this machine.
"""

from __future__ import annotations

import asyncio
import asyncio.constants
import gc
import inspect
import os
from collections.abc import AsyncIterator, Iterator

import pytest
from blockbuster import BlockBuster
from hypothesis import settings

from tests.loopback import LoopbackGuard

# Fixed before anything imports botocore: a developer's own account must never be reached.
_DUMMY_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
_MAY_STAY = {"AWS_CA_BUNDLE"}
_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}

for _name in list(os.environ):
    if (_name.startswith("AWS_") and _name not in _MAY_STAY) or _name.upper() in _PROXIES:
        del os.environ[_name]
os.environ.update(_DUMMY_ACCOUNT)

settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None)
settings.register_profile("thorough", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# botocore reads models, profiles and certificates when a client is made: for us as for everyone.
_BOTOCORE_READS = {
    "botocore/session.py": {"_create_client"},
    "botocore/loaders.py": {"load_data_with_path", "list_api_versions"},
    "botocore/credentials.py": {"load_credentials"},
    "ssl.py": {"create_default_context"},
}

# An import reads files, and tqdm's reads its own version too: once, when the first bar is wanted.
_IMPORTS = {"fanout/progress_bar.py": {"_factory"}}

# The measurement of coverage locks its own data for an instant, and may meet another thread there.
_COVERAGE = {"coverage/collector.py": {"lock_data"}}

# The debug mode of asyncio keeps ten frames of every call, which is most of the time that it takes.
asyncio.constants.DEBUG_STACK_DEPTH = 1  # type: ignore[misc]

_guard = LoopbackGuard()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the contract suite be pointed at any server; see docs/contract.md."""
    group = parser.getgroup("contract", "the server that tests/contract speaks to")
    group.addoption("--contract-url", help="its URL, or 'aws'; then only this server is asked")
    group.addoption("--contract-name", default="other", help="its name in the table of quirks")
    group.addoption("--contract-region", default="us-east-1")
    group.addoption("--contract-access-key", default="test")
    group.addoption("--contract-secret", default="test")
    group.addoption("--contract-token", help="the session token, for temporary credentials")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse foreign addresses, unless the contract is to be spoken elsewhere."""
    if not config.getoption("--contract-url"):
        _guard.watch()


def pytest_collection_finish() -> None:
    """Begin with nothing for the collector to look at but what tests make."""
    _collect()


def _collect() -> None:
    # An unclosed socket or transport warns when it is collected: now, not in another test.
    gc.collect()
    # What has survived is not a test's: looking at it again and again would cost 50 ms a test.
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _blocking_calls_fail() -> Iterator[None]:
    """A blocking call in the event loop fails, where this package's code is on the stack."""
    watch = BlockBuster(scanned_modules=["aio_sm_async"])
    for function in watch.functions.values():
        for file, names in (_BOTOCORE_READS | _IMPORTS | _COVERAGE).items():
            function.can_block_in(file, names)
    watch.activate()
    yield
    watch.deactivate()


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set up first and torn down last, so that all other fixtures had their turn to clean up."""
    is_async = inspect.iscoroutinefunction(getattr(request, "function", None))
    if is_async:
        request.getfixturevalue("_no_task_left")
    yield
    if is_async:
        _collect()
    assert _guard.refused() == []


@pytest.fixture
async def _no_task_left() -> AsyncIterator[None]:
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}

    assert left == set()
