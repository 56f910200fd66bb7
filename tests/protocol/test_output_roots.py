"""Where endpoints write, as their 202s have told."""

from __future__ import annotations

from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.output_roots import OutputRoot, OutputRoots

FAILED = S3Location("bucket", "bad/1-error.out")


def answered(output: str, *, extension: str | None = "me/0", filename: str | None = "1.out") -> Invocation:
    invocation = Invocation("id", "endpoint", 10.0, extension=extension, filename=filename)
    invocation.output_location = S3Location("bucket", output)
    invocation.failure_location = FAILED
    return invocation


def next_one(filename: str | None = "2.out") -> Invocation:
    return Invocation("other", "endpoint", 10.0, extension="me/0", filename=filename)


def test_names_that_were_honoured_tell_where_the_next_output_lies() -> None:
    """What comes before our own extension and file name is the root, and holds for the next."""
    roots = OutputRoots()
    roots.learn(answered("out/deep/me/0/1.out"))

    assert OutputRoot("bucket", "out/deep/", is_named=True) == roots.output_root("endpoint")
    assert S3Location("bucket", "out/deep/me/0/2.out") == roots.expected(next_one())


def test_names_that_were_not_honoured_tell_nothing_of_the_next() -> None:
    """Where SageMaker chooses the file name, only the folder is known."""
    roots = OutputRoots()
    roots.learn(answered("out/me/0/a-uuid.out"))
    root = roots.output_root("endpoint")

    assert OutputRoot("bucket", "out/", is_named=False) == root
    assert roots.expected(next_one()) is None
    assert root is not None
    assert root.holds(S3Location("bucket", "out/any"))
    assert not root.holds(S3Location("bucket", "outside/any"))
    assert not root.holds(S3Location("other", "out/any"))


def test_nothing_is_known_of_an_endpoint_that_never_answered() -> None:
    """Neither where outputs lie nor where failures do."""
    roots = OutputRoots()

    assert roots.output_root("endpoint") is None
    assert roots.expected(next_one()) is None
    assert not roots.is_failure_location("endpoint", FAILED)


def test_failures_lie_beside_each_other() -> None:
    """Any name in the folder of an earlier failure is credible, and nothing else."""
    roots = OutputRoots()
    roots.learn(answered("out/me/0/1.out"))

    assert roots.is_failure_location("endpoint", S3Location("bucket", "bad/2-error.out"))
    assert not roots.is_failure_location("endpoint", S3Location("bucket", "bad/deeper/2-error.out"))
