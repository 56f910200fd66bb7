"""Where the items come from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from aio_sm_async.fanout.intake import Intake, Source


async def pull_all(intake: Intake) -> list[object]:
    out = []
    while True:
        try:
            out.append(await intake.pull())
        except StopAsyncIteration:
            return out


class Opens:
    """An iterable that is no iterator."""

    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterator[object]:
        try:
            yield from (1, 2, 3)
        finally:
            self.is_closed = True


class Lines:
    """An iterator that somebody else has opened, and closes."""

    is_closed = False

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> object:
        return "line"

    def close(self) -> None:
        self.is_closed = True


class Ticks:
    """An async iterator that is no generator."""

    def __init__(self) -> None:
        self._left = [3, 2, 1]

    def __aiter__(self) -> Ticks:
        return self

    async def __anext__(self) -> object:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


async def counting(closed: list[str]) -> AsyncIterator[object]:
    try:
        for number in (1, 2, 3):
            yield number
    finally:
        closed.append("closed")


@pytest.mark.parametrize(
    "source", [[1, 2, 3], (1, 2, 3), range(1, 4), iter([1, 2, 3]), {1: 0, 2: 0, 3: 0}.keys(), Opens()]
)
async def test_sync_sources(source: Source) -> None:
    """Anything that can be iterated over is pulled to its end."""
    assert [1, 2, 3] == await pull_all(Intake(source))


async def test_async_sources() -> None:
    """So is anything that can be iterated over asynchronously."""
    assert [1, 2, 3] == await pull_all(Intake(counting([])))
    assert [1, 2, 3] == await pull_all(Intake(Ticks()))


@pytest.mark.parametrize("source", ["text", b"bytes", bytearray(b"x"), memoryview(b"x"), {"a": 1}])
def test_one_payload_is_no_source(source: Source) -> None:
    """A payload where payloads are expected is refused, not taken apart."""
    with pytest.raises(TypeError, match=r"payloads is one \w+. Pass an iterable"):
        Intake(source)


def test_nothing_to_iterate_over() -> None:
    """What cannot be iterated over is refused at once."""
    with pytest.raises(TypeError, match="payloads is a int"):
        Intake(7)  # type: ignore[arg-type]


async def test_generators_are_closed() -> None:
    """A generator is closed with the intake, an iterator that the caller opened is not."""
    closed: list[str] = []
    opens, lines, ticks = Opens(), Lines(), Ticks()
    for intake in (Intake(counting(closed)), Intake(opens), Intake(lines), Intake(ticks)):
        await intake.pull()
        await intake.aclose()
        assert [] == await pull_all(intake)

    assert (["closed"], True, False) == (closed, opens.is_closed, lines.is_closed)
    assert 2 == await anext(ticks)


async def test_closed_before_it_began() -> None:
    """A generator that was never begun is closed all the same, and gives nothing any more."""
    generator = iter(Opens())
    intake = Intake(generator)
    await intake.aclose()
    await intake.aclose()

    assert [] == await pull_all(intake)
    assert [] == list(generator)
