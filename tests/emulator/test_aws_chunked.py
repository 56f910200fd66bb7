from __future__ import annotations

import io

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.emulator.aws_chunked import is_framed, unframe
from aio_sm_async.emulator.service import ServiceFault


@given(st.binary(max_size=200), st.integers(1, 64))
def test_botocore_framing(payload, chunk_size):
    """What botocore frames comes out whole, with its checksum behind it."""
    framed = AwsChunkedWrapper(
        io.BytesIO(payload),
        checksum_cls=Crc32Checksum,
        checksum_name="x-amz-checksum-crc32",
        chunk_size=chunk_size,
    )

    body, trailers = unframe(framed.read(), {"x-amz-decoded-content-length": str(len(payload))})

    assert payload == body
    assert {"x-amz-checksum-crc32": Crc32Checksum().handle(payload)} == trailers


def test_signed_chunks():
    """Chunk signatures are read over."""
    framed = b"3;chunk-signature=aa\r\nabc\r\n0;chunk-signature=bb\r\n\r\n"

    assert unframe(framed, {}) == (b"abc", {})


@pytest.mark.parametrize(
    "framed", [b"", b"3\r\nab", b"3\r\nabcd\r\n0\r\n\r\n", b"three\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n"]
)
def test_broken_framing(framed):
    """A body that ends early, or is no framing at all, is refused."""
    with pytest.raises(ServiceFault, match="terminated unexpectedly"):
        unframe(framed, {})


def test_wrong_length():
    """A body of another length than was told is refused."""
    with pytest.raises(ServiceFault, match="terminated unexpectedly"):
        unframe(b"3\r\nabc\r\n0\r\n\r\n", {"x-amz-decoded-content-length": "4"})


def test_is_framed():
    """The payload's hash tells whether there is framing."""
    assert is_framed({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
    assert not is_framed({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert not is_framed({})
