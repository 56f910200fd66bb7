"""Which way a payload goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.protocol.payload import Inline, Upload, plan_payload

sizes = st.none() | st.integers(0, 1_000_000)


@given(st.integers(1, 128_000), st.booleans())
def test_what_fits_goes_inline(size_bytes: int, uploads_configured: bool) -> None:
    """An upload is never paid for where the request itself can carry the payload."""
    plan = plan_payload(size_bytes, inline_accepted=True, uploads_configured=uploads_configured)

    assert Inline() == plan


@given(sizes, st.booleans())
def test_what_does_not_fit_is_uploaded(size_bytes: int | None, inline_accepted: bool) -> None:
    """With uploads configured nothing is refused, and exactly what may not go inline is uploaded."""
    plan = plan_payload(size_bytes, inline_accepted=inline_accepted, uploads_configured=True)

    fits = size_bytes is not None and 1 <= size_bytes <= 128_000
    assert (Inline() if fits and inline_accepted else Upload()) == plan


@pytest.mark.parametrize(
    ("size_bytes", "inline_accepted", "why"),
    [
        (128_001, True, "128,001 bytes long, and at most 128,000"),
        (None, True, "streamed"),
        (0, True, "is empty"),
        (1, False, "this endpoint takes none"),
    ],
)
def test_without_uploads_the_error_says_how_to_configure_them(
    size_bytes: int | None, inline_accepted: bool, why: str
) -> None:
    """What can go neither way is refused before anything is sent, with its reason and the code to write."""
    with pytest.raises(InvalidRequestError) as caught:
        plan_payload(size_bytes, inline_accepted=inline_accepted, uploads_configured=False)

    assert caught.value.field == "payload"
    assert why in caught.value.limit
    assert 'uploads=S3Uploads("s3://bucket/prefix/")' in caught.value.remedy
