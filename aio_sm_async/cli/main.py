"""Reads the command line and runs the command."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from aio_sm_async.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` name; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        from aio_sm_async.cli.demo.command import run_demo  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as exc:
        print(f"The demo needs {exc.name}: pip install 'aio-sm-async[demo]'", file=sys.stderr)
        return 2
    return asyncio.run(run_demo(as_json=options.json, limit=options.images))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m aio_sm_async", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="send real images through an asynchronous endpoint on the embedded emulator, three times",
        description="Trains a model on half of scikit-learn's handwritten digits, serves it behind an "
        "asynchronous endpoint of the embedded emulator, sends the other half through the client over "
        "notifications, over S3 polling and amid trouble, and gives an exact account of each run.",
    )
    demo.add_argument("--json", action="store_true", help="print the accounts as one JSON object")
    demo.add_argument(
        "--images",
        type=int,
        metavar="N",
        help="send only the first N of the 898; with few, not all of the trouble comes about",
    )
    return parser
