"""The work, and the check of its results."""

from __future__ import annotations

import pytest

from benchmarks.work import Work, WrongBytesError


def test_each_payload_is_handed_out_once_and_unlike_the_others() -> None:
    """Two workers share the payloads, all of the size that was asked for."""
    work = Work(3, 1024)
    first = next(iter(work))
    rest = [payload for _, payload in work]

    assert len({first[1], *rest}) == 3
    assert {len(payload) for payload in rest} == {1024}
    assert work.take() is None


def test_work_is_done_once_each_result_came_back() -> None:
    """The right bytes for each number end the work, in any order."""
    work = Work(2, 64)
    (one, first), (two, second) = work
    work.check(two, second)

    assert not work.is_done

    work.check_any(first)

    assert one == 0
    assert work.is_done


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-1], lambda b: b[:-1] + b"?", lambda b: b"9" + b[1:], lambda b: b""]
)
def test_wrong_bytes_are_refused(spoil: object) -> None:
    """A result that is shorter, changed or another's is an error."""
    work = Work(1, 64)
    number, payload = next(iter(work))

    with pytest.raises(WrongBytesError):
        work.check(number, spoil(payload))  # type: ignore[operator]
    with pytest.raises(WrongBytesError):
        work.check_any(spoil(payload))  # type: ignore[operator]


def test_a_result_counts_once() -> None:
    """The same result a second time is an error: somebody else's is missing then."""
    work = Work(1, 64)
    number, payload = next(iter(work))
    work.check(number, payload)

    with pytest.raises(WrongBytesError):
        work.check(number, payload)
