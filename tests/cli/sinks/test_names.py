"""Names of files for keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.cli.sinks.names import MAX_NAME, safe_name, stem_of, suffix_of


@given(st.text(min_size=1))
def test_a_name_stays_in_its_folder(key: str) -> None:
    """Whatever the key, the name has no separator, is not hidden, and is short."""
    name = safe_name(key)

    assert not {"/", "\\", "\0"} & set(name)
    assert not name.startswith((".", "-"))
    assert 0 < len(name) <= MAX_NAME


@given(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5))
def test_no_two_keys_share_a_name(one: str, other: str) -> None:
    """Different keys have different names."""
    assert (one == other) == (safe_name(one) == safe_name(other))


def test_long_keys() -> None:
    """Of long keys that begin alike, each has a name of its own."""
    assert safe_name("x" * 500 + "a") != safe_name("x" * 500 + "b")


def test_readable_names() -> None:
    """What is safe stays as it is."""
    assert ["row-1", "a%2Fb.png", "%2E.%2Fetc"] == [safe_name(key) for key in ("row-1", "a/b.png", "../etc")]


@given(
    st.text(min_size=1),
    st.sampled_from(["application/json", "text/plain; charset=utf-8", "image/png", "x/unknown", None]),
)
def test_the_stem_comes_back(key: str, content_type: str | None) -> None:
    """From the name of a file, with whatever suffix, the name of its key is told."""
    assert safe_name(key) == stem_of(safe_name(key) + suffix_of(content_type))
