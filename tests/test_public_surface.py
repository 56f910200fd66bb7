from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import aio_sm_async

ROOT = Path(aio_sm_async.__file__).parent
PUBLIC = list(getattr(aio_sm_async, "__all__", ()))
SPEAKS_HTTP = {"aiohttp", "aiobotocore", "aioboto3", "boto3", "botocore"}
# The wire is the one place that speaks to AWS; the emulator is AWS.
MAY_SPEAK = {"wire", "emulator"}


def test_every_public_name_is_there():
    """What `__all__` promises can be imported."""
    assert [name for name in PUBLIC if not hasattr(aio_sm_async, name)] == []


def test_public_names_are_listed_once_in_order():
    """`__all__` is sorted, and names nothing twice."""
    assert sorted(set(PUBLIC)) == PUBLIC


def test_every_public_name_is_documented():
    """Each public class and function has a docstring of its own, not an inherited one."""
    public = {name: getattr(aio_sm_async, name) for name in PUBLIC}
    documented = {name for name, value in public.items() if value.__doc__}

    assert {name for name, value in public.items() if inspect.isclass(value) or callable(value)} <= documented


def test_public_methods_are_documented():
    """So has each public method of a public class."""
    bare = [
        f"{name}.{member}"
        for name in PUBLIC
        if inspect.isclass(value := getattr(aio_sm_async, name))
        and value.__module__.startswith("aio_sm_async")
        for member, function in vars(value).items()
        if not member.startswith("_") and inspect.isroutine(function) and not function.__doc__
    ]

    assert bare == []


def test_typed():
    """Type checkers read the package's own annotations."""
    assert (ROOT / "py.typed").is_file()


@pytest.mark.parametrize(
    "module", [found.name for found in pkgutil.walk_packages([str(ROOT)], "aio_sm_async.")]
)
def test_every_module_imports(module):
    """Each module can be imported, and says in a docstring what it is for."""
    if module.endswith(".__main__"):
        return

    assert importlib.import_module(module).__doc__


def test_only_the_wire_speaks_http():
    """Outside the wire and the emulator nothing imports an HTTP or AWS library."""
    speakers = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] not in MAY_SPEAK and imported(path) & SPEAKS_HTTP
    }

    assert set() == speakers


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports when it runs."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(node) for branch in ast.walk(tree) if _for_types_only(branch) for node in ast.walk(branch)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
