"""What a token is good for: any process can look its invocation up, or wait for it.

A token comes from outside and may be forged. Nothing that it names is read before that was found to lie where
its endpoint writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aio_sm_async.clock import Clock
from aio_sm_async.completions.denials import Denials
from aio_sm_async.completions.polling import FAILURE_FOUND
from aio_sm_async.drafts import LONGEST_PATIENCE_SECONDS
from aio_sm_async.engine import Engine
from aio_sm_async.errors import AccessDeniedError, DeadlinePassedError, InvalidRequestError, NotFoundError
from aio_sm_async.flight import AnyFuture
from aio_sm_async.outcome import Outcomes
from aio_sm_async.protocol.completion import Completed, Failed
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import DeadlinePassed
from aio_sm_async.protocol.request import InvocationRequest, check_request
from aio_sm_async.protocol.token import Token, decode_token
from aio_sm_async.resolution import KEPT_FAILURE_BYTES
from aio_sm_async.results import Downloads, InferenceResult, ResponseBody
from aio_sm_async.status import InvocationStatus
from aio_sm_async.whereabouts import Whereabouts


@dataclass(frozen=True, slots=True)
class Tokens:
    """Takes tokens.

    Attributes:
        region: The client's region; tokens of others are not for it.
        engine: Waits for what is attached.
        whereabouts: Knows where endpoints write.
        downloads: Reads S3.
        denials: Knows what a 403 means.
        outcomes: Makes results and errors.
        clock: Time.
        max_body_bytes: Larger responses stay in S3 until they are asked for.
    """

    region: str
    engine: Engine
    whereabouts: Whereabouts
    downloads: Downloads
    denials: Denials
    outcomes: Outcomes
    clock: Clock
    max_body_bytes: int

    async def lookup(self, text: str) -> InvocationStatus:
        """Ask S3 for a result, then for a failure; see `AsyncInferenceClient.lookup`."""
        token = await self._checked(text)
        output = token.output_location
        if output is None:
            raise InvalidRequestError(
                "token",
                "does not say where its result will lie: SageMaker had not told when it was made",
                "Wait for a notification with attach(token), or look into the endpoint's output path.",
            )
        body = await self._read(output)
        if body is not None:
            completed = Completed(token.inference_id, output_location=output, content_type=body.content_type)
            return self._status(token, self._outcome(token, completed, body))
        failure = token.failure_location
        words = await self._read(failure) if failure is not None else None
        if words is not None:
            kept = None if words.data is None else words.data[:KEPT_FAILURE_BYTES]
            failed = Failed(token.inference_id, FAILURE_FOUND, failure_location=failure, body=kept)
            return self._status(token, self._outcome(token, failed))
        if self.clock.utc_now() < token.deadline:
            return self._status(token, None)
        passed = DeadlinePassed(
            token.inference_id, "S3 holds neither a result nor a failure, and its deadline has passed"
        )
        return self._status(token, self._outcome(token, passed))

    async def attach(self, text: str) -> AnyFuture:
        """Wait for the outcome; see `AsyncInferenceClient.attach`."""
        token = await self._checked(text)
        waiting = self.engine.future_of(token.inference_id)
        if waiting is not None:
            _check_same(token, waiting)
            return waiting
        left = (token.deadline - self.clock.utc_now()).total_seconds()
        patience = min(max(0.0, left), LONGEST_PATIENCE_SECONDS)
        invocation = _invocation(token, patience_seconds=patience)
        future = self.engine.adopt(invocation, is_accepted=token.output_location is not None)
        if left > 0:  # past its deadline it is looked for by itself, and for the last time
            self.engine.look(invocation)
        return future

    async def _checked(self, text: str) -> Token:
        """The token, if all that it names may be read; without a failure location that may not."""
        try:
            token = decode_token(text)
        except (ValueError, TypeError) as error:
            raise InvalidRequestError(
                "token", str(error), "Pass future.token, or the token of an error, as it was."
            ) from None
        _check_names(token)
        if token.region != self.region:
            raise InvalidRequestError(
                "token",
                f"is of region {token.region!r}, and this client is in {self.region!r}",
                "Pass it to a client of its region.",
            )
        name, output, failure = token.endpoint_name, token.output_location, token.failure_location
        if output is not None and not await self.whereabouts.holds_output(name, output):
            raise InvalidRequestError(
                "token",
                f"names {output}, which does not lie under the output path of {name}; nothing was read",
                "Ask whoever made it. If the endpoint wrote elsewhere once, name that place: output_path=.",
            )
        if failure is not None and not await self.whereabouts.holds_failure(name, failure):
            return replace(token, failure_location=None)
        return token

    async def _read(self, location: S3Location) -> ResponseBody | None:
        """What lies there; None if nothing does."""
        try:
            return await self.downloads.fetch(location, max_body_bytes=self.max_body_bytes)
        except NotFoundError:
            return None
        except AccessDeniedError as denied:
            if await self.denials.mean_missing(location, denied):
                return None
            raise

    def _outcome(
        self, token: Token, outcome: Completed | Failed | DeadlinePassed, body: ResponseBody | None = None
    ) -> InferenceResult[object] | Exception:
        return self.outcomes.of(_invocation(token), outcome, source="lookup", accept=None, body=body)

    def _status(self, token: Token, outcome: InferenceResult[object] | Exception | None) -> InvocationStatus:
        status = InvocationStatus(token.inference_id, token.endpoint_name, "pending", token.deadline)
        match outcome:
            case None:
                return status
            case InferenceResult():
                return replace(status, state="completed", result=outcome)
            case _:
                is_late = isinstance(outcome, DeadlinePassedError)
                return replace(status, state="deadline_passed" if is_late else "failed", error=outcome)


def _invocation(token: Token, *, patience_seconds: float = 0.0) -> Invocation:
    return Invocation(
        token.inference_id,
        token.endpoint_name,
        patience_seconds,
        output_location=token.output_location,
        failure_location=token.failure_location,
    )


def _check_names(token: Token) -> None:
    """Refuse names that no endpoint and no invocation can have."""
    try:
        check_request(
            InvocationRequest(
                token.endpoint_name, input_location="s3://any/input", inference_id=token.inference_id
            )
        )
    except InvalidRequestError as error:
        raise InvalidRequestError(
            "token", f"{error.field} {error.limit}", "Pass future.token, or the token of an error, as it was."
        ) from None


def _check_same(token: Token, waiting: AnyFuture) -> None:
    own = decode_token(waiting.token)
    if own.endpoint_name == token.endpoint_name and token.output_location in (None, own.output_location):
        return
    raise InvalidRequestError(
        "token",
        f"names {token.inference_id}, which is pending here, and another place or endpoint than its own",
        "Ask whoever made it.",
    )
