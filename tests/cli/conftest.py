"""An emulator for each module, and a process whose AWS settings point at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.standing import Standing, standing


@pytest.fixture(scope="module")
def emulator() -> Iterator[Standing]:
    """It stands as long as the module's tests run."""
    with standing() as standing_one:
        yield standing_one


@pytest.fixture
def aws(emulator: Standing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Standing:
    """The same, and the environment and the working directory of a user of it."""
    for name, value in emulator.aws.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return emulator
