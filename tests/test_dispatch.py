"""Getting one flight to SageMaker."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field, replace

import pytest

from aio_sm_async.clock import VirtualClock
from aio_sm_async.codecs import EncodedPayload, StreamedPayload
from aio_sm_async.dispatch import Dispatch
from aio_sm_async.errors import (
    AccessDeniedError,
    AmbiguousError,
    AsyncInferenceError,
    NotFoundError,
    ThrottledError,
    ValidationError,
)
from aio_sm_async.flight import Flight
from aio_sm_async.future import InferenceFuture
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.request import Acceptance, InvocationRequest
from aio_sm_async.results import InferenceResult
from aio_sm_async.retries import Retries
from aio_sm_async.uploads import S3Uploads, Uploader
from tests.bucket import Bucket

INVOKE = "InvokeEndpointAsync"
UPLOADED = S3Location("bucket", "in/id-1")
REQUEST = InvocationRequest("digits", body=b"[7]", content_type="application/json", inference_id="id-1")
BY_UPLOAD = replace(REQUEST, body=None, input_location="s3://to-be-uploaded/input")
JSON = EncodedPayload(b"[7]", "application/json")
DENIED = AccessDeniedError("PutObject", "AccessDenied", "no", status=403)
NO_INLINE = ValidationError(
    INVOKE,
    "ValidationError",
    "1 validation error detected: Value null at 'inputLocation' failed to satisfy constraint: "
    "Member must not be null",
    status=400,
)


@dataclass
class Owner:
    """Hears of futures, and does nothing about it."""

    def abandon(self, invocation: Invocation) -> None: ...

    def let_go(self, invocation: Invocation) -> None: ...

    def let_go_threadsafe(self, invocation: Invocation) -> None: ...

    def consumed(self, invocation: Invocation) -> None: ...

    def keep(self, future: InferenceFuture[object]) -> None: ...

    def token_of(self, invocation: Invocation) -> str:
        return invocation.inference_id


@dataclass
class Sender:
    """Takes requests in place of a submission, and answers as it is told to."""

    answers: list[AsyncInferenceError] = field(default_factory=list)
    requests: list[InvocationRequest] = field(default_factory=list)

    async def send(self, request: InvocationRequest) -> Acceptance:
        self.requests.append(request)
        if self.answers:
            raise self.answers.pop(0)
        return Acceptance("id-1", None, None)


@dataclass
class Stage:
    """A dispatch and what it stands on."""

    sender: Sender = field(default_factory=Sender)
    bucket: Bucket = field(default_factory=Bucket)
    settings: S3Uploads | None = field(default_factory=lambda: S3Uploads("s3://bucket/in/"))
    dispatch: Dispatch = field(init=False)

    def __post_init__(self) -> None:
        uploader = None
        if self.settings is not None:
            uploader = Uploader(self.settings, self.bucket, Retries(VirtualClock(), dice=lambda: 0.0))
        self.dispatch = Dispatch(
            self.sender,  # type: ignore[arg-type] # it has the one method that is called
            uploader,
            deletes_after=(self.settings or S3Uploads("s3://bucket/in/")).deletes_after,
        )


class FlightPlan:
    """Makes flights, and holds their futures as a caller would."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: list[InferenceFuture[InferenceResult[object]]] = []

    def __call__(self, request: InvocationRequest | None = REQUEST) -> Flight:
        invocation = Invocation("id-1", "digits", 60.0)
        future: InferenceFuture[InferenceResult[object]] = InferenceFuture(invocation, Owner(), self._loop)
        self._held.append(future)
        return Flight(invocation, weakref.ref(future), request)


@pytest.fixture
async def flight_of() -> FlightPlan:
    return FlightPlan(asyncio.get_running_loop())


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_an_inline_payload_is_sent_as_it_is(stage: Stage, flight_of: FlightPlan) -> None:
    """S3 has no part in it."""
    flight = flight_of()

    assert Acceptance("id-1", None, None) == await stage.dispatch.send(flight, None)
    assert [REQUEST] == stage.sender.requests
    assert [] == stage.bucket.calls
    assert flight.uploaded is None


async def test_a_payload_is_uploaded_before_the_request_is_sent(stage: Stage, flight_of: FlightPlan) -> None:
    """The request names the place where the payload lies."""
    flight = flight_of(BY_UPLOAD)
    await stage.dispatch.send(flight, JSON)

    assert b"[7]" == stage.bucket.objects[UPLOADED].body
    assert "application/json" == stage.bucket.objects[UPLOADED].content_type
    assert [replace(BY_UPLOAD, input_location=str(UPLOADED))] == stage.sender.requests
    assert UPLOADED == flight.uploaded
    assert stage.sender.requests == [flight.request]


async def test_a_streamed_payload_is_uploaded_too(
    stage: Stage, flight_of: FlightPlan, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file goes to S3 under its own content type."""
    path = tmp_path_factory.mktemp("payloads") / "digit.png"
    path.write_bytes(b"PNG")
    await stage.dispatch.send(flight_of(BY_UPLOAD), StreamedPayload(path, "image/png"))

    assert b"PNG" == stage.bucket.objects[UPLOADED].body
    assert ["image/png"] == [request.content_type for request in stage.sender.requests]


async def test_a_failed_upload_sends_nothing(stage: Stage, flight_of: FlightPlan) -> None:
    """An inference without its input would be paid for in vain."""
    stage.bucket.trouble["put"] = [DENIED]
    with pytest.raises(AccessDeniedError):
        await stage.dispatch.send(flight_of(BY_UPLOAD), JSON)

    assert [] == stage.sender.requests


async def test_a_resend_uploads_nothing(stage: Stage, flight_of: FlightPlan) -> None:
    """The same request goes again; its input still lies where it lay."""
    flight = flight_of(BY_UPLOAD)
    await stage.dispatch.send(flight, JSON)
    await stage.dispatch.send_again(flight)

    assert 2 * [replace(BY_UPLOAD, input_location=str(UPLOADED))] == stage.sender.requests
    assert ["put"] == stage.bucket.calls


async def test_a_region_without_inline_payloads_gets_an_upload(flight_of: FlightPlan) -> None:
    """The payload that was refused inside the request goes through S3, and the caller notices nothing."""
    stage = Stage(Sender([NO_INLINE]))
    flight = flight_of()

    assert Acceptance("id-1", None, None) == await stage.dispatch.send(flight, None)
    assert [REQUEST, replace(BY_UPLOAD, input_location=str(UPLOADED))] == stage.sender.requests
    assert b"[7]" == stage.bucket.objects[UPLOADED].body
    assert UPLOADED == flight.uploaded


async def test_what_an_endpoint_refuses_is_remembered_for_it(flight_of: FlightPlan) -> None:
    """The next payload for it is uploaded at once, and others are asked for themselves."""
    stage = Stage(Sender([NO_INLINE]))
    before = stage.dispatch.takes_inline("digits")
    await stage.dispatch.send(flight_of(), None)

    assert before
    assert not stage.dispatch.takes_inline("digits")
    assert stage.dispatch.takes_inline("letters")


async def test_a_payload_without_a_content_type_is_uploaded_as_bytes(flight_of: FlightPlan) -> None:
    """S3 wants to be told one."""
    stage = Stage(Sender([NO_INLINE]))
    await stage.dispatch.send(flight_of(replace(REQUEST, content_type=None)), None)

    assert "application/octet-stream" == stage.bucket.objects[UPLOADED].content_type


async def test_without_uploads_the_refusal_is_the_callers(flight_of: FlightPlan) -> None:
    """There is no other way for the payload, and nothing is concluded from it."""
    stage = Stage(Sender([NO_INLINE]), settings=None)
    with pytest.raises(ValidationError) as caught:
        await stage.dispatch.send(flight_of(), None)

    assert NO_INLINE is caught.value
    assert stage.dispatch.takes_inline("digits")


@pytest.mark.parametrize(
    "error",
    [
        ValidationError(INVOKE, "ValidationError", "Endpoint digits of account 1 not found.", status=400),
        ThrottledError(INVOKE, "ThrottlingException", "inputLocation", status=400),
        AmbiguousError("the connection was reset. Look for the result."),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_other_refusals_upload_nothing(error: AsyncInferenceError, flight_of: FlightPlan) -> None:
    """Only a missing InputLocation tells that inline payloads are not known."""
    stage = Stage(Sender([error]))
    with pytest.raises(type(error)) as caught:
        await stage.dispatch.send(flight_of(), None)

    assert error is caught.value
    assert [] == stage.bucket.calls
    assert stage.dispatch.takes_inline("digits")


async def test_an_uploaded_payload_that_is_refused_is_not_uploaded_again(flight_of: FlightPlan) -> None:
    """SageMaker complains about the location that was sent: it is the caller's to mend."""
    stage = Stage(Sender([NO_INLINE]))
    with pytest.raises(ValidationError):
        await stage.dispatch.send(flight_of(BY_UPLOAD), JSON)

    assert ["put"] == stage.bucket.calls
    assert stage.dispatch.takes_inline("digits")


async def test_a_second_refusal_is_the_callers(flight_of: FlightPlan) -> None:
    """The upload did not help, and there is no third way."""
    stage = Stage(Sender([NO_INLINE, NO_INLINE]))
    with pytest.raises(ValidationError):
        await stage.dispatch.send(flight_of(), None)

    assert 2 == len(stage.sender.requests)


@pytest.mark.parametrize(
    ("delete", "succeeded", "goes"),
    [
        ("never", True, False),
        ("never", False, False),
        ("on_success", True, True),
        ("on_success", False, False),
        ("always", True, True),
        ("always", False, True),
    ],
)
async def test_an_input_goes_when_the_user_wishes_it(
    flight_of: FlightPlan, delete: str, succeeded: bool, goes: bool
) -> None:
    """Never, once it succeeded, or once it ended."""
    stage = Stage(settings=S3Uploads("s3://bucket/in/", delete=delete))  # type: ignore[arg-type]
    flight = flight_of(BY_UPLOAD)
    await stage.dispatch.send(flight, JSON)

    assert goes is stage.dispatch.is_to_clean_up(flight, succeeded=succeeded)


async def test_an_input_that_is_not_ours_never_goes(flight_of: FlightPlan) -> None:
    """What the caller put into S3 is not deleted, however uploads are configured."""
    stage = Stage(settings=S3Uploads("s3://bucket/in/", delete="always"))
    flight = flight_of(replace(BY_UPLOAD, input_location="s3://bucket/mine"))
    await stage.dispatch.send(flight, None)

    assert not stage.dispatch.is_to_clean_up(flight, succeeded=True)


async def test_without_uploads_there_is_nothing_to_delete(flight_of: FlightPlan) -> None:
    """An inline payload leaves nothing behind."""
    stage = Stage(settings=None)
    flight = flight_of()
    await stage.dispatch.send(flight, None)

    assert not stage.dispatch.is_to_clean_up(flight, succeeded=True)


async def test_cleaning_up_deletes_the_input(stage: Stage, flight_of: FlightPlan) -> None:
    """The object that was uploaded for this invocation, and no other."""
    other = S3Location("bucket", "in/id-2")
    await stage.bucket.put(other, b"[8]", headers={})
    flight = flight_of(BY_UPLOAD)
    await stage.dispatch.send(flight, JSON)
    await stage.dispatch.clean_up(flight)

    assert {other} == set(stage.bucket.objects)


@pytest.mark.parametrize(
    "error", [DENIED, NotFoundError("DeleteObject", "NoSuchBucket", "no such bucket", status=404)]
)
async def test_a_failed_clean_up_is_only_logged(
    stage: Stage, flight_of: FlightPlan, caplog: pytest.LogCaptureFixture, error: AsyncInferenceError
) -> None:
    """The invocation has ended, and its outcome does not change."""
    stage.bucket.trouble["delete"] = [error]
    flight = flight_of(BY_UPLOAD)
    await stage.dispatch.send(flight, JSON)
    await stage.dispatch.clean_up(flight)

    assert [f"could not delete the uploaded input {UPLOADED}: {error}"] == caplog.messages
