"""``aio-sm-async lookup`` and ``attach``: results of invocations that another process sent."""

from __future__ import annotations

import io
import json
import sys

import pytest

from aio_sm_async.cli.main import main
from aio_sm_async.emulator import Endpoint, ModelError, ModelRequest
from aio_sm_async.emulator.model import echo
from tests.cli.standing import Standing


async def fail(request: ModelRequest) -> object:
    raise ModelError(400, "never")


def token_of(endpoint: Endpoint, capfd: pytest.CaptureFixture[str], payload: str = "[1]") -> str:
    """Of an invocation that somebody sent and nobody waits for."""
    capfd.readouterr()
    assert 0 == main(["invoke", payload, "-e", endpoint.name, "--no-wait"])
    return capfd.readouterr().out.strip()


def test_a_result(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """Both print the result alone, if one token is asked for."""
    token = token_of(aws.endpoint(echo), capfd)
    codes = [main(["attach", token]), main(["lookup", token])]

    assert [0, 0] == codes
    assert "[1][1]" == capfd.readouterr().out


def test_what_is_pending(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """A lookup of what is not done has a code of its own, and says until when."""
    token = token_of(aws.endpoint(echo, instances=0), capfd)
    codes = [main(["lookup", token]), main(["lookup", token, "--json"])]
    said = capfd.readouterr()

    assert [4, 4] == codes
    assert said.err.startswith("pending, until ")
    assert "pending" == json.loads(said.out)["state"]


def test_a_failure(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """A failure is code 1, and told in the model's words."""
    token = token_of(aws.endpoint(fail), capfd)
    codes = [main(["attach", token]), main(["attach", token, "--json"]), main(["lookup", token])]
    said = capfd.readouterr()

    assert [1, 1, 1] == codes
    assert 2 == said.err.count("never")
    assert "InferenceFailedError" == json.loads(said.out)["error"]


def test_many(aws: Standing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Of many tokens, from standard input, each has a line; the gravest decides about the code."""
    tokens = [
        token_of(aws.endpoint(echo), capfd),
        token_of(aws.endpoint(fail), capfd),
        token_of(aws.endpoint(echo, instances=0), capfd),
    ]
    main(["attach", *tokens[:2]])
    capfd.readouterr()
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(tokens)))
    code = main(["lookup", "-"])
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    assert 1 == code
    assert {"completed", "failed", "pending"} == {line["state"] for line in lines}


def test_none_that_can_be_read(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """What is no token is refused; among many it is one line like any other."""
    token = token_of(aws.endpoint(echo), capfd)
    codes = [main(["lookup", "nonsense"]), main(["attach", "nonsense", token])]
    said = capfd.readouterr()

    assert [2, 1] == codes
    assert {"unknown", "completed"} == {json.loads(line)["state"] for line in said.out.splitlines()}


def test_paths_without_an_endpoint(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """An output path is an endpoint's, which must be named with it."""
    assert 2 == main(["lookup", "x", "--output-path", "s3://b/out"])
    assert "name it with -e" in capfd.readouterr().err


def test_an_output_path(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """Given the output path, SageMaker is not asked; what lies elsewhere is not read."""
    endpoint = aws.endpoint(echo)
    token = token_of(endpoint, capfd)
    asked = aws.aws.calls["DescribeEndpoint"]
    failures = ["-e", endpoint.name, "--failure-path", endpoint.failure_path or ""]
    codes = [
        main(["attach", token, *failures, "--output-path", endpoint.output_path or ""]),
        main(["lookup", token, *failures, "--output-path", "s3://elsewhere/out"]),
    ]

    assert [0, 2] == codes
    assert asked == aws.aws.calls["DescribeEndpoint"]


def test_a_reader_that_went_away(
    aws: Standing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """If nobody reads the answers any more, the command ends with code 3."""
    tokens = [token_of(aws.endpoint(echo), capfd) for _ in range(2)]

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())

    assert 3 == main(["attach", *tokens])
