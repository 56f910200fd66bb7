"""``aio-sm-async invoke``: one payload, one result."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from aio_sm_async.cli.main import main
from aio_sm_async.emulator import Endpoint, ModelError, ModelRequest, ModelResponse
from aio_sm_async.emulator.model import echo
from tests.cli.standing import Standing


def to(endpoint: Endpoint) -> list[str]:
    return ["-e", endpoint.name, "--queue-url", endpoint.queue_url or ""]


async def tell_type(request: ModelRequest) -> str:
    return f"{request.content_type}: {request.text}"


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        ('{"n": 1}', 'application/json: {"n": 1}'),
        ("two words", "text/plain; charset=utf-8: two words"),
        ("@a.csv", "text/csv: a,b"),
    ],
)
def test_payloads(aws: Standing, capfd: pytest.CaptureFixture[str], payload: str, answer: str) -> None:
    """Text goes as JSON if it is JSON, a file by its suffix; the answer alone is printed."""
    Path("a.csv").write_text("a,b")
    code = main(["invoke", payload, *to(aws.endpoint(tell_type))])

    assert (0, answer) == (code, capfd.readouterr().out)


def test_standard_input(
    aws: Standing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What comes from a pipe is sent as bytes, or as what it is said to be."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    code = main(["invoke", "-", *to(aws.endpoint(tell_type)), "--content-type", "text/x-piped"])

    assert (0, "text/x-piped: piped") == (code, capfd.readouterr().out)


def test_an_object(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """An s3:// URI names an input that is in S3 already."""
    bucket = aws.bucket("invoke-object")
    aws.call(lambda: aws.aws.objects.put(bucket, "a", b"stored", content_type="text/plain"))
    code = main(["invoke", f"s3://{bucket}/a", *to(aws.endpoint(echo))])

    assert (0, "stored") == (code, capfd.readouterr().out)


def test_a_large_file(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """What does not fit into a request is uploaded, and without a place for it the option is named."""
    bucket = aws.bucket("invoke-uploads")
    Path("large.txt").write_bytes(b"x" * 130_000)
    command = ["invoke", "@large.txt", *to(aws.endpoint(echo))]
    refused = main(command)
    said = capfd.readouterr().err
    code = main([*command, "--uploads", f"s3://{bucket}/", "-o", "answer.txt"])

    assert (2, 0) == (refused, code)
    assert "--uploads" in said
    assert b"x" * 130_000 == Path("answer.txt").read_bytes()


def test_as_json(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """With --json the result stands in one object, beside its id and its type."""
    code = main(["invoke", "[1]", *to(aws.endpoint(echo)), "--json"])
    said = json.loads(capfd.readouterr().out)

    assert 0 == code
    assert {"result": [1], "content_type": "application/json"} == {
        name: value for name, value in said.items() if name != "inference_id"
    }


def test_bytes_do_not_go_to_a_terminal(
    aws: Standing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A terminal is spared what is no text, and -o is named."""

    async def picture(request: ModelRequest) -> ModelResponse:
        return ModelResponse(b"\x89PNG", "image/png")

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code = main(["invoke", "1", *to(aws.endpoint(picture))])

    assert 2 == code
    assert "-o FILE" in capfd.readouterr().err


def test_failures(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """A model that fails is code 1 and its words; no such endpoint is code 3; no such file is code 2."""

    async def fail(request: ModelRequest) -> object:
        raise ModelError(400, "the model's words")

    codes = [main(["invoke", "1", *to(aws.endpoint(fail))]), main(["invoke", "1", "-e", "nowhere"])]
    said = capfd.readouterr().err

    assert [1, 3, 2] == [*codes, main(["invoke", "@gone", "-e", "e"])]
    assert "the model's words" in said
    assert "nowhere" in said


def test_patience_ends(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """After --timeout the code is 1, and the token is told, by which the result is found later."""
    code = main(["invoke", "1", *to(aws.endpoint(echo, instances=0)), "--timeout", "0.3"])
    said = capfd.readouterr().err

    assert 1 == code
    assert '"endpoint":"endpoint-' in said


def test_not_waiting(aws: Standing, capfd: pytest.CaptureFixture[str]) -> None:
    """With --no-wait the token is all that is printed."""
    endpoint = aws.endpoint(echo, instances=0)
    code = main(["invoke", "1", *to(endpoint), "--no-wait"])

    assert 0 == code
    assert endpoint.name == json.loads(capfd.readouterr().out)["endpoint"]
