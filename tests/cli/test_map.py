"""``aio-sm-async map``, from the command line to the files it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aio_sm_async.cli.main import main
from aio_sm_async.emulator import Endpoint, ModelError, ModelRequest, ModelResponse
from aio_sm_async.emulator.model import echo
from tests.cli.standing import Standing


async def double(request: ModelRequest) -> object:
    n = request.json()["n"]
    if n == 3:
        raise ModelError(400, "three is refused")
    return {"double": 2 * n}


def to(endpoint: Endpoint) -> list[str]:
    return ["-e", endpoint.name, "--queue-url", endpoint.queue_url or ""]


def rows(count: int, path: str = "rows.jsonl") -> str:
    Path(path).write_text("".join(f'{{"id": "row-{n}", "n": {n}}}\n' for n in range(count)))
    return path


def records(path: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def summary(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out)


def test_lines_to_lines(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line has a line with its result or one with its error; the exit code tells that one failed."""
    endpoint = aws.endpoint(double)
    code = main(["map", rows(6), *to(endpoint), "-o", "out.jsonl"])
    said = capsys.readouterr()
    [error] = records("out.jsonl.errors.jsonl")

    assert 1 == code
    assert {"1": 0, "2": 2, "3": 4, "5": 8, "6": 10} == {
        each["key"]: each["result"]["double"] for each in records("out.jsonl")
    }
    assert (3, "4", "line 4", "InferenceFailedError") == tuple(
        error[name] for name in ("index", "key", "place", "error")
    )
    assert "three is refused" in error["reason"]
    assert "5 succeeded, 1 failed" in said.err
    assert "" == said.out


def test_all_is_well(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a failure the code is 0, there is no errors file, and --quiet says nothing."""
    code = main(["map", rows(2), *to(aws.endpoint(double)), "-o", "out.jsonl", "--quiet"])
    said = capsys.readouterr()

    assert (0, "", "") == (code, said.out, said.err)
    assert not Path("out.jsonl.errors.jsonl").exists()


def test_in_order(aws: Standing) -> None:
    """With --in-order the lines stand in the order of the source, each with its own key."""
    code = main(
        [
            "map",
            rows(30),
            *to(aws.endpoint(double)),
            "-o",
            "out.jsonl",
            "--in-order",
            "--key-field",
            "id",
        ]
    )
    order = [n for n in range(30) if n != 3]

    assert 1 == code
    assert [(n, f"row-{n}", 2 * n) for n in order] == [
        (each["index"], each["key"], each["result"]["double"]) for each in records("out.jsonl")
    ]


def test_resume_sends_only_the_rest(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run over more lines sends what is new; what failed before is told, and not sent again."""
    endpoint = aws.endpoint(double)
    command = ["map", rows(5), *to(endpoint), "-o", "out.jsonl", "--json"]
    main(command)
    sent = len(endpoint.invocations)
    capsys.readouterr()
    rows(8)
    code = main([*command, "--resume"])
    end = summary(capsys)

    assert (5, 3) == (sent, len(endpoint.invocations) - sent)
    assert (1, 3, 5, 1) == (code, end["succeeded"], end["already_there"], end["already_failed"])
    assert 7 == len(records("out.jsonl"))
    assert 1 == len(records("out.jsonl.errors.jsonl"))


def test_an_earlier_run_is_not_written_over(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --resume, results that are there already are left alone, and nothing is sent."""
    endpoint = aws.endpoint(double)
    Path("out.jsonl").write_text('{"key": "1"}\n')
    code = main(["map", rows(2), *to(endpoint), "-o", "out.jsonl"])

    assert 2 == code
    assert "--resume" in capsys.readouterr().err
    assert [] == endpoint.invocations


def test_two_items_of_one_key(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """The second item of a key is an error of its own, also when the run is resumed."""
    Path("rows.jsonl").write_text('{"id": "a", "n": 1}\n{"id": "a", "n": 2}\nbroken\n')
    command = [
        "map",
        "rows.jsonl",
        *to(aws.endpoint(double)),
        "-o",
        "out.jsonl",
        "--key-field",
        "id",
        "--json",
    ]
    codes = [main(command), main([*command, "--resume"])]

    assert [1, 1] == codes
    assert [2] == [each["result"]["double"] for each in records("out.jsonl")]
    assert ["line 2", "line 3"] == [each["key"] for each in records("out.jsonl.errors.jsonl")]
    assert capsys.readouterr().err.count("the key 'a' occurs twice") == 0


def test_files_to_files(aws: Standing) -> None:
    """Each file's result is a file, named after it and by the type of the response."""
    Path("in/sub").mkdir(parents=True)
    Path("in/a.txt").write_text("text")
    Path("in/sub/b.json").write_text("{}")
    Path("in/empty").touch()
    code = main(["map", "in", *to(aws.endpoint(echo)), "-o", "out"])

    assert 1 == code
    assert {"a.txt.txt": "text", "sub%2Fb.json.json": "{}"} == {
        path.name: path.read_text() for path in Path("out").iterdir()
    }
    assert "--uploads" in records("out.errors.jsonl")[0]["reason"]
    assert 1 == main(["map", "in", *to(aws.endpoint(echo)), "-o", "out", "--resume"])
    assert 2 == main(["map", "in", *to(aws.endpoint(echo)), "-o", "out"])


def test_objects_to_objects(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """Objects are read by SageMaker itself, and results become objects; a resume LISTs them."""
    bucket = aws.bucket("objects-to-objects")
    for name in ("in/a.txt", "in/b.txt", "in/folder/"):
        aws.call(
            lambda name=name: aws.aws.objects.put(bucket, name, name.encode(), content_type="text/plain")
        )
    endpoint = aws.endpoint(echo)
    command = ["map", f"s3://{bucket}/in/", *to(endpoint), "-o", f"s3://{bucket}/out/", "--json"]
    code = main(command)
    calls = summary(capsys)["calls"]
    again = main([*command, "--resume"])

    assert (0, 0) == (code, again)
    assert 2 == calls["PutObject"]
    assert 2 == len(endpoint.invocations)
    assert 2 == main(command)


def test_large_responses(aws: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response beyond memory is a file or an object like any other, and a line that tells where."""
    bucket = aws.bucket("large-responses")
    size = 17 * 1024 * 1024

    async def large(request: ModelRequest) -> ModelResponse:
        return ModelResponse(bytes(size), "application/x-large")

    endpoint = aws.endpoint(large)
    Path("rows.jsonl").write_text("1\n")
    sinks = ["out.jsonl", "out", f"s3://{bucket}/out/"]
    codes = [main(["map", "rows.jsonl", *to(endpoint), "-o", sink]) for sink in sinks]
    [line] = records("out.jsonl")

    assert [0, 0, 0] == codes
    assert size == line["size_bytes"]
    assert line["output_location"].startswith("s3://")
    assert size == Path("out/1.bin").stat().st_size


def test_what_json_cannot_say(aws: Standing) -> None:
    """Bytes, NaN and what only calls itself JSON are Base64 in a line: nothing is lost or made up."""

    async def odd(request: ModelRequest) -> ModelResponse:
        kind, body = {"1": ("image/png", b"\x89"), "2": ("application/json", b"[NaN]")}.get(
            request.text, ("application/json", b"nonsense")
        )
        return ModelResponse(body, kind)

    Path("rows.jsonl").write_text("1\n2\n3\n")
    main(["map", "rows.jsonl", *to(aws.endpoint(odd)), "-o", "out.jsonl"])

    assert {"1": "iQ==", "2": "W05hTl0=", "3": "bm9uc2Vuc2U="} == {
        each["key"]: each["result_base64"] for each in records("out.jsonl")
    }


def test_no_such_endpoint(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """An endpoint that does not exist ends the run at once, with code 3 and no errors of items."""
    code = main(["map", rows(500), "-e", "nowhere", "-o", "out.jsonl", "--json"])
    end = summary(capsys)

    assert (3, 3) == (code, end["exit_code"])
    assert "nowhere" in end["stopped_by"]
    assert not Path("out.jsonl.errors.jsonl").exists()
    assert end["resume"] is None
    assert [] == sorted(Path().glob("out.jsonl.journal*"))  # nothing was accepted: nothing is in the way


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone.jsonl", "-o", "out.jsonl"], "no such file or directory"),
        (["rows.jsonl", "-o", "rows.jsonl"], "is the source itself"),
        ([".", "-o", "out"], "lies within"),
        (["s3://b/in", "-o", "s3://b/in/out"], "lies within"),
        ([".", "-o", "/nowhere/x.jsonl", "--key-field", "id"], "Leave it out"),
        (["rows.jsonl", "-o", "out.jsonl", "--ttl", "5"], "--ttl: takes 60"),
        (["rows.jsonl", "-o", "out.jsonl", "--max-in-flight", "0"], "--max-in-flight 0: must be above 0"),
        (["rows.jsonl", "-o", "out.jsonl", "--endpoint-url", "s3"], "write SERVICE=URL"),
        (["rows.jsonl", "-o", "out.jsonl", "--endpoint-url", "s4=http://127.0.0.1:1"], "s4"),
        (["rows.jsonl", "-o", "out.jsonl", "--uploads", "bucket"], "--uploads"),
        (["rows.jsonl", "-o", "out.jsonl", "--profile", "nobody"], "nobody"),
        (["rows.jsonl", "-o", "out.jsonl", "--limit", "0"], "greater than"),
    ],
)
def test_wrong_usage(
    aws: Standing, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """What cannot work is refused before anything is sent, with code 2 and a sentence."""
    rows(1)
    code = main(["map", *arguments, "-e", "e"])

    assert 2 == code
    assert words in capsys.readouterr().err


def test_nowhere_to_write(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """A sink that cannot be opened is told by its path."""
    code = main(["map", rows(1), "-e", "e", "-o", "gone/out.jsonl"])

    assert 3 == code
    assert "gone/out.jsonl: No such file or directory." in capsys.readouterr().err


def test_standard_input(aws: Standing) -> None:
    """Lines from a pipe are items; --limit reads no more than it says; a bare URL names all services."""
    endpoint = aws.endpoint(double)
    command = [
        "map",
        "-",
        *to(endpoint),
        "-o",
        "out.jsonl",
        "--limit",
        "2",
        "--endpoint-url",
        aws.aws.url,
    ]
    child = subprocess.run(
        [sys.executable, "-m", "aio_sm_async", *command],
        check=False,
        input='{"n": 1}\n{"n": 2}\n{"n": 4}\n',
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert 0 == child.returncode, child.stderr
    assert [2, 4] == sorted(each["result"]["double"] for each in records("out.jsonl"))


def test_dry_run(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """Every item is checked and counted, and nothing is sent or written."""
    endpoint = aws.endpoint(double)
    Path("rows.jsonl").write_text(
        '{"id": 1}\n{"id": 1}\nnonsense\n' + json.dumps({"id": 2, "x": "y" * 130_000})
    )
    command = ["map", "rows.jsonl", *to(endpoint), "-o", "out.jsonl", "--key-field", "id", "--dry-run"]
    code = main(command)
    said = capsys.readouterr().err
    with_uploads = main([*command, "--uploads", "s3://b/in/", "--json"])
    end = summary(capsys)

    assert (1, 1) == (code, with_uploads)
    assert "1 would go inside their requests" in said
    assert "line 3: the line is no JSON" in said
    assert (1, 1, 0, 2) == tuple(end[name] for name in ("inline", "uploaded", "in_s3", "wrong"))
    assert [] == endpoint.invocations
    assert ["rows.jsonl"] == os.listdir()


def test_dry_run_of_objects(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """Objects are listed and counted; a location that is too long for SageMaker is wrong."""
    bucket = aws.bucket("dry-run")
    for name in ("a", "a" * 1020):
        aws.call(lambda name=name: aws.aws.objects.put(bucket, name, b"12", content_type="text/plain"))
    code = main(["map", f"s3://{bucket}/", "-e", "e", "-o", "out", "--dry-run", "--json"])
    end = summary(capsys)

    assert 1 == code
    assert (1, 1, 2) == tuple(end[name] for name in ("in_s3", "wrong", "payload_bytes"))


def test_many_faults_are_told_briefly(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """Of many wrong items the first are told, and how many more there are."""
    Path("rows.jsonl").write_text("x\n" * 25)
    main(["map", "rows.jsonl", "-e", "e", "-o", "out.jsonl", "--dry-run"])

    assert "and 5 more" in capsys.readouterr().err


def test_a_disk_that_is_full(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """Where results cannot be written any more, the run ends with code 3 and says how to go on."""
    endpoint = aws.endpoint(double)
    Path("out").mkdir()
    Path("out").chmod(0o500)
    if os.access("out", os.W_OK):  # root may write anywhere: let a folder be in the way instead
        for n in range(1, 30):
            Path(f"out/.{n}.json.part").mkdir()
    code = main(["map", rows(20), *to(endpoint), "-o", "out"])
    said = capsys.readouterr().err

    assert 3 == code
    assert "To go on: " in said
    assert "stopped: " in said


def test_second_tries(aws: Standing) -> None:
    """With --retry-failed an item that the container stumbled over is sent again; without, it has failed."""
    tries: list[str] = []

    async def stumble(request: ModelRequest) -> object:
        tries.append(request.text)
        if tries.count(request.text) == 1:
            raise ModelError(503, "not now")
        return "done"

    Path("rows.jsonl").write_text("1\n")
    endpoint = aws.endpoint(stumble)
    code = main(["map", "rows.jsonl", *to(endpoint), "-o", "out.jsonl", "--retry-failed", "3", "--quiet"])

    assert 0 == code
    assert 2 == len(tries)


def test_a_model_that_is_broken(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """After so many failures nothing more is sent: code 1, and the way to go on."""

    async def broken(request: ModelRequest) -> object:
        raise ModelError(400, "broken")

    endpoint = aws.endpoint(broken)
    command = ["map", rows(200), *to(endpoint), "-o", "out.jsonl", "--max-in-flight", "5"]
    code = main([*command, "--stop-after-failures", "3", "--json"])
    end = summary(capsys)

    assert 1 == code
    assert len(endpoint.invocations) < 200
    assert end["failed"] == len(records("out.jsonl.errors.jsonl")) >= 3
    assert "items failed" in end["stopped_by"]
    assert end["resume"].endswith("--resume")


def test_a_job_of_two_machines(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """What one machine had done for a job, another takes from S3; a new model is asked anew."""
    endpoint = aws.endpoint(echo)
    command = ["map", rows(5), *to(endpoint), "--job", "a-job", "--quiet"]
    sent = []
    for sink, version in [("one.jsonl", "1"), ("two.jsonl", "1"), ("three.jsonl", "2")]:
        assert 0 == main([*command, "-o", sink, "--model-version", version])
        sent.append(len(endpoint.invocations))

    assert [5, 5, 10] == sent
    assert [5, 5, 5] == [len(records(sink)) for sink in ("one.jsonl", "two.jsonl", "three.jsonl")]
    assert not [name for name in os.listdir() if "journal" in name]


def test_a_job_of_no_name(aws: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    """A job's name that S3 paths cannot hold is refused, with code 2 and the option's name."""
    code = main(["map", rows(1), *to(aws.endpoint(echo)), "-o", "out.jsonl", "--job", "../up"])

    assert 2 == code
    assert "--job" in capsys.readouterr().err
