"""How a job names its outputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.job import Job, block_of, parse_output
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.request import InvocationRequest, check_request

ROOT = S3Location("bucket", "out")
PARTS = st.tuples(st.text(max_size=3), st.text(max_size=3))


def test_names_of_an_output() -> None:
    """Output path, the caller's extension, the job, a block of a thousand, and the digest of the key."""
    job = Job("2026-11-run", extension="mine")
    digest = job.digest("row-1")

    assert "mine/2026-11-run/1" == job.output_extension(block_of(1999))
    assert 24 + len(".out") == len(job.filename(digest))
    assert S3Location("bucket", "out/mine/2026-11-run/") == job.prefix(ROOT)
    assert f"s3://bucket/out/mine/2026-11-run/1/{digest.hex()}.out" == str(job.location(ROOT, 1, digest))
    assert "s3://bucket/job/" == str(Job("job").prefix(S3Location("bucket", "")))
    assert "s3://bucket/out/job/" == str(Job("job").prefix(S3Location("bucket", "out/")))


@given(PARTS, PARTS)
def test_version_and_key_tell_outputs_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Two digests are equal only where version and key are, wherever the one ends and the other begins."""
    digests = [Job("job", version).digest(key) for version, key in (one, other)]

    assert (one == other) == (digests[0] == digests[1])


def test_the_job_is_in_the_digest() -> None:
    """Two jobs name the same item differently."""
    assert Job("a").digest("1") != Job("b").digest("1")


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "ä", "x" * 65, "a..b", "a\n", 7])
def test_name_that_is_none(name: object) -> None:
    """A name that S3 keys, or SageMaker, would not take as it is, is refused."""
    with pytest.raises(InvalidRequestError, match="job: must be 1 to 64 letters"):
        Job(name)  # type: ignore[arg-type]


@given(st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", fullmatch=True), st.integers(0, 10**12), st.text())
def test_sagemaker_takes_the_names(name: str, index: int, key: str) -> None:
    """Whatever names a job may have, the service model admits what is sent, and what is listed is read."""
    if ".." in name:
        return
    job = Job(name)
    digest, block = job.digest(key), block_of(index)
    check_request(
        InvocationRequest(
            "endpoint",
            body=b"x",
            s3_output_path_extension=job.output_extension(block),
            filename=job.filename(digest),
        )
    )

    assert (block, digest) == parse_output(job.location(ROOT, block, digest).key, job.prefix(ROOT))


@pytest.mark.parametrize(
    "below",
    [
        "0/0123456789ab0123456789ab",
        "0/0123456789AB0123456789AB.out",
        "0/0123456789ab0123456789abcd.out",
        "00/0123456789ab0123456789ab.out",
        "x/0123456789ab0123456789ab.out",
        "0/1/0123456789ab0123456789ab.out",
        "9999999999/0123456789ab0123456789ab.out",
        "",
    ],
)
def test_objects_of_others(below: str) -> None:
    """An object that a job would not name like this is none of its outputs."""
    assert parse_output(f"out/job/{below}", Job("job").prefix(ROOT)) is None
