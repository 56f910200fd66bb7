"""Those who do the work: one file each, read only in the process that measures it."""

from __future__ import annotations

from importlib import import_module

from benchmarks.work import Contender

NAMES = {
    "floor-inline": "floor",
    "floor-s3": "floor",
    "ours-inline": "ours",
    "ours-s3": "ours",
    "ours-poll": "ours",
    "ours-inline-journal": "ours",
    "ours-s3-journal": "ours",
    "aiobotocore-inline": "aiobotocore_by_hand",
    "aiobotocore-s3": "aiobotocore_by_hand",
    "boto3-threads": "boto3_threads",
    "async-predictor": "async_predictor",
}
"""The module of each, by name."""

MODES = {name: name.split("-")[1] for name in NAMES} | {"boto3-threads": "poll", "async-predictor": "poll"}
"""Where the server puts its results; see `benchmarks.server`."""

PACKAGES = {"async-predictor": "sagemaker", "boto3-threads": "boto3"}
"""What must be installed beside the product."""


def load(name: str) -> Contender:
    """The contender of this name.

    Raises:
        ImportError: What it needs is not installed.
    """
    module = import_module(f"{__name__}.{NAMES[name]}")
    contender = module.CONTENDERS[name]
    assert isinstance(contender, Contender)
    return contender
