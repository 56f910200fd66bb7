"""Whose an invocation is, told from names alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.identifiers import (
    ClientIdentity,
    Ownership,
    check_client_id,
    new_incarnation,
    output_extension,
    output_filename,
)
from aio_sm_async.protocol.request import InvocationRequest, check_request

client_ids = st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True)
incarnations = st.binary(min_size=6, max_size=6).map(new_incarnation)
identities = st.builds(ClientIdentity, client_ids, incarnations)
secrets = st.binary(min_size=12, max_size=16)


@given(client_ids)
def test_a_good_client_id_comes_back_unchanged(text: str) -> None:
    """What may stand in ids and keys is handed back as it is."""
    assert text == check_client_id(text)


@pytest.mark.parametrize("text", ["", "a" * 33, "a.b", "a b", "é", "a/b", "a\n", "..", "a\x00"])
def test_a_client_id_that_would_break_ids_or_keys_is_refused(text: str) -> None:
    """Dots, slashes, spaces, line ends and foreign letters are refused, with a way out."""
    with pytest.raises(InvalidRequestError) as caught:
        check_client_id(text)

    assert caught.value.field == "client_id"
    assert str(caught.value).endswith("one drawn.")


def test_an_identity_checks_its_client_id() -> None:
    """No identity exists under a name that could not be split from its ids again."""
    with pytest.raises(InvalidRequestError, match="client_id"):
        ClientIdentity("a.b", "x")


@pytest.mark.parametrize("incarnation", ["", "a.b", "123456789", "a/b", "a\n"])
def test_an_identity_checks_its_incarnation(incarnation: str) -> None:
    """An incarnation that could not be split from ids, or would make them too long, is refused."""
    with pytest.raises(ValueError, match="incarnation"):
        ClientIdentity("worker", incarnation)


@given(identities, secrets)
def test_a_minted_id_is_legal_and_ours(identity: ClientIdentity, random_bytes: bytes) -> None:
    """Whatever the client is called, its ids pass the service's limits and are known again."""
    minted = identity.mint(random_bytes)

    check_request(InvocationRequest("endpoint", b"x", inference_id=minted))
    assert Ownership.OURS is identity.owns(minted)
    assert minted.startswith(f"{identity.client_id}.{identity.incarnation}.")


@given(identities, secrets, secrets)
def test_ids_differ_as_their_random_bytes_do(identity: ClientIdentity, one: bytes, other: bytes) -> None:
    """No randomness is lost on the way into the id."""
    assert (one == other) == (identity.mint(one) == identity.mint(other))


@given(st.binary(max_size=11))
def test_an_id_is_not_minted_from_too_little_randomness(random_bytes: bytes) -> None:
    """Fewer than 96 bits could be guessed, and are refused."""
    with pytest.raises(ValueError, match="at least 12"):
        ClientIdentity("worker", "abc").mint(random_bytes)


def test_an_id_that_would_be_too_long_is_not_minted() -> None:
    """17 bytes do not fit behind the longest client id."""
    identity = ClientIdentity("w" * 32, "abcdefgh")

    assert len(identity.mint(bytes(16))) == 64
    with pytest.raises(ValueError, match="too many"):
        identity.mint(bytes(17))


@given(client_ids, incarnations, incarnations, secrets)
def test_an_id_of_an_earlier_incarnation_is_kin(
    client_id: str, before: str, now: str, random_bytes: bytes
) -> None:
    """A restarted client knows the ids of its former life from its own."""
    assume(before != now)
    minted = ClientIdentity(client_id, before).mint(random_bytes)

    assert Ownership.KIN is ClientIdentity(client_id, now).owns(minted)


@given(identities, identities, secrets)
def test_an_id_of_another_client_is_a_strangers(
    ours: ClientIdentity, theirs: ClientIdentity, random_bytes: bytes
) -> None:
    """One client's id is never taken for another's, however alike their names begin."""
    assume(ours.client_id != theirs.client_id)

    assert Ownership.STRANGER is ours.owns(theirs.mint(random_bytes))


@pytest.mark.parametrize(
    "text", ["", "worker", "worker.", "worker.abc", "worker.abc.", "worker..x", ".abc.x"]
)
def test_an_id_that_no_client_minted_is_a_strangers(text: str) -> None:
    """A caller's own id is nobody's by its text, even if it begins like ours."""
    assert Ownership.STRANGER is ClientIdentity("worker", "abc").owns(text)


@given(st.text())
def test_any_text_has_an_owner(text: str) -> None:
    """What arrives in a message is judged, never stumbled over."""
    assert isinstance(ClientIdentity("worker", "abc").owns(text), Ownership)


@given(st.binary(min_size=6, max_size=40))
def test_an_incarnation_is_eight_letters_and_digits(random_bytes: bytes) -> None:
    """It fits into ids, keys and file names alike."""
    assert re.fullmatch(r"[A-Za-z0-9]{8}", new_incarnation(random_bytes))


def test_incarnations_differ_as_their_bytes_do() -> None:
    """Each of the first six bytes counts, the later ones do not."""
    drawn = {new_incarnation(bytes(i == place for i in range(6))) for place in range(7)}

    assert len(drawn) == 7
    assert new_incarnation(b"123456") == new_incarnation(b"1234567")


def test_an_incarnation_needs_six_bytes() -> None:
    """Fewer would let two openings share a name."""
    with pytest.raises(ValueError, match="at least 6"):
        new_incarnation(b"12345")


@given(
    identities,
    st.integers(0, 10**9),
    st.none() | st.from_regex(r"[a-z0-9]{1,9}(/[a-z]{1,9})?", fullmatch=True),
)
def test_an_output_extension_is_legal_and_ends_in_ours(
    identity: ClientIdentity, block: int, users: str | None
) -> None:
    """The caller's own extension comes first, ours after it, and SageMaker admits the whole."""
    extension = output_extension(users, identity, block)

    check_request(InvocationRequest("endpoint", b"x", s3_output_path_extension=extension))
    ours = f"{identity.client_id}/{identity.incarnation}/{block}"
    assert (ours if users is None else f"{users}/{ours}") == extension


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_an_output_filename_is_legal_and_always_the_same(inference_id: str) -> None:
    """The same id gives the same name, so that a duplicate writes the same object."""
    filename = output_filename(inference_id)

    check_request(InvocationRequest("endpoint", b"x", filename=filename))
    assert re.fullmatch(r"[0-9a-f]{24}\.out", filename)
    assert filename == output_filename(inference_id)


def test_output_filenames_stay_as_they_are_between_releases() -> None:
    """A resumed job looks for the names that an earlier release gave."""
    assert output_filename("worker.abc.0123456789abcdef") == "9e6f53cd097b8e0858797bee.out"
