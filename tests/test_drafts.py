"""From what a caller hands in to a request that is ready to be sent."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.drafts import BLOCK_INVOCATIONS, PLACEHOLDER, Drafts
from aio_sm_async.errors import InvalidRequestError
from aio_sm_async.options import InvocationOptions
from aio_sm_async.protocol.identifiers import ClientIdentity, Ownership, output_filename
from aio_sm_async.protocol.invocation import State
from aio_sm_async.protocol.request import MAX_INLINE_BYTES, InvocationRequest, check_request

IDENTITY = ClientIdentity("team-a", "k3v9x2q8")
DIGITS: InvocationOptions = {"endpoint_name": "digits"}


def drafts(*, sends_names: bool = True, uploads_configured: bool = True) -> Drafts:
    return Drafts(IDENTITY, sends_names=sends_names, uploads_configured=uploads_configured)


def test_a_small_payload_goes_inside_the_request() -> None:
    """Nothing is uploaded, and its content type is told."""
    draft = drafts().of_payload({"digit": 7}, DIGITS, takes_inline=True)

    assert draft.upload is None
    assert (b'{"digit":7}', "application/json", None) == (
        draft.request.body,
        draft.request.content_type,
        draft.request.input_location,
    )


def test_a_large_payload_goes_through_s3() -> None:
    """What must be uploaded stands beside the request, which is whole but for the place."""
    body = bytes(MAX_INLINE_BYTES + 1)
    draft = drafts().of_payload(body, DIGITS, takes_inline=True)

    assert EncodedPayload(body, "application/octet-stream") == draft.upload
    assert (None, PLACEHOLDER) == (draft.request.body, draft.request.input_location)


def test_any_payload_goes_through_s3_where_none_is_taken_inside() -> None:
    """A region without inline payloads is no obstacle to who configured uploads."""
    draft = drafts().of_payload("7", DIGITS, takes_inline=False)

    assert EncodedPayload(b"7", "text/plain; charset=utf-8") == draft.upload
    assert draft.request.body is None


def test_a_streamed_payload_goes_through_s3() -> None:
    """It is not read before it is uploaded."""
    source = io.BytesIO(b"7")
    draft = drafts().of_payload(source, {**DIGITS, "content_type": "image/png"}, takes_inline=True)

    assert StreamedPayload(source, "image/png") == draft.upload
    assert 0 == source.tell()


@pytest.mark.parametrize(
    ("payload", "takes_inline"), [(bytes(MAX_INLINE_BYTES + 1), True), (b"", True), (b"7", False)]
)
def test_a_payload_with_no_way_to_go_is_refused(payload: bytes, takes_inline: bool) -> None:
    """The error shows how to open one."""
    with pytest.raises(InvalidRequestError, match=r"payload: .* Give the client uploads=S3Uploads"):
        drafts(uploads_configured=False).of_payload(payload, DIGITS, takes_inline=takes_inline)


def test_a_payload_that_no_codec_takes_is_a_type_error() -> None:
    """A mistake of the program, not of the data."""
    with pytest.raises(TypeError):
        drafts().of_payload(object(), DIGITS, takes_inline=True)


def test_a_payload_that_is_in_s3_already_is_only_named() -> None:
    """Nothing is encoded, uploaded or guessed."""
    draft = drafts().of_location("s3://bucket/in/1.png", {**DIGITS, "content_type": "image/png"})

    assert draft.upload is None
    assert (None, "s3://bucket/in/1.png", "image/png") == (
        draft.request.body,
        draft.request.input_location,
        draft.request.content_type,
    )


def test_a_bad_location_is_refused() -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError, match="input_location"):
        drafts().of_location("/home/me/1.png", DIGITS)


def test_every_member_of_the_call_is_sent() -> None:
    """What the caller says is said to SageMaker word for word."""
    options: InvocationOptions = {
        "endpoint_name": "digits",
        "content_type": "application/x-digits",
        "accept": "application/json",
        "custom_attributes": "c=1",
        "inference_id": "mine",
        "s3_output_path_extension": "reports/today",
        "filename": "seven.json",
        "request_ttl_seconds": 120,
        "invocation_timeout_seconds": 30,
    }
    draft = drafts(sends_names=False).of_payload(b"7", options, takes_inline=True)

    assert InvocationRequest(body=b"7", **options) == draft.request  # type: ignore[arg-type]
    assert ("mine", "digits", "reports/today", "seven.json") == (
        draft.invocation.inference_id,
        draft.invocation.endpoint_name,
        draft.invocation.extension,
        draft.invocation.filename,
    )


def test_what_is_not_said_is_not_sent() -> None:
    """SageMaker's own defaults stay in force."""
    request = drafts(sends_names=False).of_payload(b"7", DIGITS, takes_inline=True).request

    assert (
        InvocationRequest(
            "digits", body=b"7", content_type="application/octet-stream", inference_id=request.inference_id
        )
        == request
    )


def test_ids_are_minted_and_never_twice() -> None:
    """They are ours by their text, and registered before they are sent."""
    made = [drafts().of_payload(b"7", DIGITS, takes_inline=True) for _ in range(50)]
    ids = [draft.invocation.inference_id for draft in made]

    assert 50 == len(set(ids))
    assert {Ownership.OURS} == {IDENTITY.owns(inference_id) for inference_id in ids}
    assert ids == [draft.request.inference_id for draft in made]
    assert {State.REGISTERED} == {draft.invocation.state for draft in made}


def test_a_callers_own_id_is_taken() -> None:
    """Verbatim, for request and invocation; used again, it still has another output."""
    options: InvocationOptions = {**DIGITS, "inference_id": "order 66"}
    first, second = (drafts().of_payload(b"7", options, takes_inline=True) for _ in range(2))

    assert "order 66" == first.invocation.inference_id == first.request.inference_id
    assert first.request.filename != second.request.filename
    assert first.invocation.object_name != second.invocation.object_name


def test_outputs_get_a_place_of_their_own() -> None:
    """A prefix of this client's and a name for each, in the request and in what is remembered of it."""
    draft = drafts().of_payload(b"7", DIGITS, takes_inline=True)

    assert "team-a/k3v9x2q8/0" == draft.request.s3_output_path_extension
    assert output_filename(draft.invocation.inference_id) == draft.request.filename
    assert (draft.request.s3_output_path_extension, draft.request.filename) == (
        draft.invocation.extension,
        draft.invocation.filename,
    )


def test_a_callers_own_place_is_the_beginning_of_ours() -> None:
    """The extension is put before ours, the file name stays, in a folder of its own."""
    options: InvocationOptions = {**DIGITS, "s3_output_path_extension": "reports", "filename": "7.json"}
    made = drafts()
    first, second = (made.of_payload(b"7", options, takes_inline=True).invocation for _ in range(2))

    assert first.extension is not None
    assert first.extension.startswith("reports/team-a/k3v9x2q8/0/")
    assert ("7.json", False) == (first.filename, first.is_in_block)
    assert first.extension != second.extension


def test_no_names_are_sent_where_none_are_wanted() -> None:
    """An endpoint whose outputs others read keeps its own order."""
    draft = drafts(sends_names=False).of_payload(b"7", DIGITS, takes_inline=True)

    assert (None, None) == (draft.request.s3_output_path_extension, draft.request.filename)
    assert (None, None) == (draft.invocation.extension, draft.invocation.filename)


def test_a_block_is_one_page_of_a_list() -> None:
    """A thousand invocations share a prefix, and then the next one begins."""
    made = drafts()
    blocks = [
        made.of_payload(b"7", DIGITS, takes_inline=True).invocation.extension
        for _ in range(2 * BLOCK_INVOCATIONS + 1)
    ]

    assert ["team-a/k3v9x2q8/0"] * 1000 + ["team-a/k3v9x2q8/1"] * 1000 + ["team-a/k3v9x2q8/2"] == blocks


def test_a_refused_request_takes_no_place_in_a_block() -> None:
    """Only what may be sent counts."""
    made = drafts()
    for _ in range(BLOCK_INVOCATIONS):
        with pytest.raises(InvalidRequestError):
            made.of_payload(b"7", {"endpoint_name": "not a name"}, takes_inline=True)

    assert "team-a/k3v9x2q8/0" == made.of_payload(b"7", DIGITS, takes_inline=True).invocation.extension


@pytest.mark.parametrize(
    ("options", "patience_seconds"),
    [
        ({}, 21_600 + 900 + 300),
        ({"request_ttl_seconds": 60}, 60 + 900 + 300),
        ({"invocation_timeout_seconds": 1}, 21_600 + 1 + 300),
        ({"request_ttl_seconds": 60, "invocation_timeout_seconds": 3600}, 60 + 3600 + 300),
    ],
)
def test_patience_covers_queue_model_and_margin(options: InvocationOptions, patience_seconds: float) -> None:
    """Past it SageMaker is certainly done; where nothing was said its defaults count."""
    draft = drafts().of_payload(b"7", {**DIGITS, **options}, takes_inline=True)

    assert patience_seconds == draft.invocation.patience_seconds


@pytest.mark.parametrize("options", [{}, {"endpoint_name": None}])
def test_a_request_to_nowhere_is_refused(options: InvocationOptions) -> None:
    """The error shows both places where an endpoint can be named."""
    with pytest.raises(InvalidRequestError, match=r"Name one on the client, .* or with the call"):
        drafts().of_payload(b"7", options, takes_inline=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint_name", "arn:aws:sagemaker"),
        ("accept", "application/json\n"),
        ("custom_attributes", "x" * 1025),
        ("inference_id", "x" * 65),
        ("inference_id", ""),
        ("inference_id", 7),
        ("inference_id", "\ud800"),
        ("s3_output_path_extension", "/reports/"),
        ("s3_output_path_extension", 7),
        ("s3_output_path_extension", "x" * 500),
        ("filename", "two.dots.json"),
        ("request_ttl_seconds", 59),
        ("request_ttl_seconds", 0),
        ("invocation_timeout_seconds", 3601),
    ],
)
def test_a_member_that_breaks_a_limit_is_named(field: str, value: object) -> None:
    """Whatever is wrong with it, the caller learns which it is, before anything is sent."""
    options: InvocationOptions = {**DIGITS, field: value}  # type: ignore[misc]
    with pytest.raises(InvalidRequestError) as caught:
        drafts().of_payload(b"7", options, takes_inline=True)

    assert field == caught.value.field


_id = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)


@given(
    inference_id=st.none() | _id,
    extension=st.none() | st.from_regex(r"[a-z]{1,20}(/[a-z]{1,20}){0,3}", fullmatch=True),
    filename=st.none() | st.from_regex(r"[a-z0-9]{1,20}\.[a-z]{0,5}", fullmatch=True),
    sends_names=st.booleans(),
)
def test_what_was_legal_stays_legal(
    inference_id: str | None, extension: str | None, filename: str | None, sends_names: bool
) -> None:
    """The names that are added break no limit."""
    options: InvocationOptions = {
        **DIGITS,
        "inference_id": inference_id,
        "s3_output_path_extension": extension,
        "filename": filename,
    }
    draft = drafts(sends_names=sends_names).of_payload(b"7", options, takes_inline=True)
    check_request(replace(draft.request))

    assert inference_id in (None, draft.request.inference_id)
    assert filename in (None, draft.request.filename)
    assert (draft.request.s3_output_path_extension or "").startswith(extension or "")
