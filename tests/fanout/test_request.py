"""An item of a fan-out that is more than its payload."""

from __future__ import annotations

import pytest

from aio_sm_async import InferenceRequest


def test_a_misspelt_option_is_refused() -> None:
    """The error names the option that may have been meant."""
    with pytest.raises(TypeError, match=r"unknown option 'content_typ'.*'content_type'"):
        InferenceRequest("x", content_typ="text/csv")  # type: ignore[call-arg]
