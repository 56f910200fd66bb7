"""Where the command line begins."""

from __future__ import annotations

import sys

import pytest

from aio_sm_async import __version__
from aio_sm_async.cli.main import main


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without typer, the line to install it is printed, and the code is 2."""
    for name in [name for name in sys.modules if name.startswith("aio_sm_async.cli.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "typer", None)

    assert 2 == main(["map"])
    assert "pip install 'aio-sm-async[cli]'" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` is the package's."""
    assert 0 == main(["--version"])
    assert f"{__version__}\n" == capsys.readouterr().out


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts can rely on exit codes, since ``map --help`` tells them."""
    assert 0 == main(["map", "--help"])
    assert "130 and 143" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("arguments", [["unknown"], ["map"], ["map", "x", "--unknown"]])
def test_what_there_is_not(arguments: list[str]) -> None:
    """Unknown commands and missing options are code 2."""
    assert 2 == main(arguments)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each shell can be taught the commands and options."""
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")

    assert 0 == main(["--show-completion", shell])
    assert "aio-sm-async" in capsys.readouterr().out
