"""Speaks the contract to MiniStack: ``python -m tests.contract.ministack EXECUTABLE [pytest options]``.

MiniStack pins botocore, so it lives in an environment of its own; `make leg-ministack` sets that up.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

# The root key is taken without a look at its signature; keys of IAM users are verified.
ROOT = {"AWS_ACCESS_KEY_ID": "root", "AWS_SECRET_ACCESS_KEY": "root"}
SETTINGS = {
    "AUTH": "true",
    "BIND_HOST": "127.0.0.1",
    "MINISTACK_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
}
STARTS_WITHIN_SECONDS = 20


def main() -> int:
    """Run the contract suite, with pytest's own exit code."""
    if len(sys.argv) < 2:
        print(__doc__)  # noqa: T201 - a command tells how it is used
        return 2
    executable, *options = sys.argv[1:]
    with serving(executable) as url:
        access_key_id, secret = user_with_every_right(url)
        suite = [
            *(sys.executable, "-m", "pytest", str(Path(__file__).parent)),
            *("--contract-url", url, "--contract-name", "ministack"),
            *("--contract-access-key", access_key_id, "--contract-secret", secret),
        ]
        return subprocess.run([*suite, *options], check=False).returncode


@contextmanager
def serving(executable: str) -> Iterator[str]:
    """MiniStack as a child process, ended with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    child = subprocess.Popen([executable], env=os.environ | ROOT | SETTINGS | {"GATEWAY_PORT": str(port)})
    try:
        wait_healthy(url, child)
        yield url
    finally:
        child.terminate()
        child.wait(timeout=10)


def wait_healthy(url: str, child: subprocess.Popen[bytes]) -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise RuntimeError(f"MiniStack did not answer at {url} within {STARTS_WITHIN_SECONDS} s")


def user_with_every_right(url: str) -> tuple[str, str]:
    """The key id and the secret of a new IAM user that may do everything."""
    iam = boto3.client(
        "iam",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ROOT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ROOT["AWS_SECRET_ACCESS_KEY"],
    )
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.create_user(UserName="contract")
    iam.put_user_policy(UserName="contract", PolicyName="everything", PolicyDocument=policy)
    key = iam.create_access_key(UserName="contract")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


if __name__ == "__main__":
    sys.exit(main())
