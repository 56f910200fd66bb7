"""What the items of a fan-out are called."""

from __future__ import annotations

import pytest

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.fanout.keys import MAX_KEY_CHARACTERS, Keys


def test_a_request_brings_its_own_key() -> None:
    """It goes before the key that would be made of the item."""
    keys = Keys(lambda _: "made", is_unique=False)

    assert ("own", "made") == (keys.enter("own", 1), keys.enter(None, 1))


def test_numbers_are_keys_too() -> None:
    """They are written as text, as they will be read again."""
    assert "7" == Keys(lambda row: row["id"], is_unique=True).enter(None, {"id": 7})


def test_without_a_way_to_make_one_there_is_none() -> None:
    """Items need no key."""
    keys = Keys(None, is_unique=True)

    assert keys.enter(None, 1) is None
    assert keys.enter(None, 1) is None


@pytest.mark.parametrize("made", [None, 1.5, True, b"x", ["x"]])
def test_what_is_no_key(made: object) -> None:
    """Anything but a str and an int might not be written the same way twice."""
    with pytest.raises(
        InvalidRequestError, match=f"key: must be a str or an int, got a {type(made).__name__}"
    ):
        Keys(lambda _: made, is_unique=False).enter(None, 1)


@pytest.mark.parametrize("key", ["", "x" * (MAX_KEY_CHARACTERS + 1)])
def test_what_is_remembered_must_be_of_some_length(key: str) -> None:
    """Neither empty nor a whole document."""
    with pytest.raises(InvalidRequestError, match="key: must have 1 to 1,024 characters"):
        Keys(None, is_unique=True).enter(key, 1)
    assert key == Keys(None, is_unique=False).enter(key, 1)


def test_two_items_on_their_way_must_not_share_a_remembered_key() -> None:
    """The second is refused until the first was handed out; labels that are not remembered may repeat."""
    unique, labels = Keys(None, is_unique=True), Keys(None, is_unique=False)
    unique.enter("a", 1)
    labels.enter("a", 1)

    assert "a" == labels.enter("a", 2)
    with pytest.raises(InvalidRequestError, match="'a' is the key of two items"):
        unique.enter("a", 2)

    unique.exit("a")
    unique.exit(None)

    assert "a" == unique.enter("a", 2)
