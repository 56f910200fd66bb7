"""The commands on the page about the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aio_sm_async.emulator.model import echo
from tests.cli.standing import Standing

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
BLOCKS = [
    block
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    if "pip install" not in block
]

# The program as the shell would find it, once it is installed; an emulator that runs until Ctrl-C is bounded.
PROGRAM = f"""set -e
aio-sm-async() {{
    if [ "$1" = emulate ]; then set -- "$@" --for 0.1; fi
    {sys.executable} -m aio_sm_async "$@"
}}
"""


@pytest.mark.parametrize("block", BLOCKS)
def test_block(aws: Standing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block: str) -> None:
    """Each command runs as it stands, given the files and the bucket that it names, and succeeds."""
    if "my-endpoint" not in aws.aws.endpoints.endpoints:
        aws.endpoint(echo, name="my-endpoint")
        bucket = aws.bucket("my-bucket")
        aws.call(lambda: aws.aws.objects.put(bucket, "images/a.png", b"1", content_type="image/png"))
    Path("items.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    Path("images").mkdir()
    Path("images/a.png").write_bytes(b"1")
    Path("photo.png").write_bytes(b"1")
    Path("my_models.py").write_text("def classify(request): return 1\n")
    child = subprocess.run(
        ["bash", "-c", PROGRAM + block],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(tmp_path)},
    )

    assert 0 == child.returncode, child.stderr
