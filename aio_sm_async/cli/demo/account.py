"""The account of one run, kept by the demo itself: it trusts only what it sent and what it got."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import quantiles

from aio_sm_async import ExpiredError, InferenceFailedError
from aio_sm_async.cli.demo.digits import Image, is_smudged
from aio_sm_async.cli.demo.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one image.

    Attributes:
        image: The image.
        inference_id: Its invocation; empty if it was never accepted.
        digit: What the endpoint took it for; None if there was no result.
        error: What was raised instead.
        resolved_time: When the caller had the outcome, seconds since the epoch.
    """

    image: Image
    inference_id: str
    digit: object
    error: BaseException | None
    resolved_time: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the emulator says of the run.

    Attributes:
        calls: AWS calls that it answered, by operation.
        injected: How often each trouble struck.
        finished: When each invocation had ended there, seconds since the epoch, by inference id.
        errors: Its own defects; there must be none.
    """

    calls: dict[str, int]
    injected: dict[str, int]
    finished: dict[str, float]
    errors: list[str]


@dataclass(slots=True)
class Account:
    """What happened to each image of a run."""

    scenario: Scenario
    sent: list[Image]
    evidence: Evidence
    by_source: dict[str, int]
    seconds: float
    answers: list[Answer] = field(default_factory=list)

    @property
    def succeeded(self) -> int:
        """Images with a result."""
        return sum(answer.error is None for answer in self.answers)

    @property
    def failed(self) -> Counter[str]:
        """Images with an error, by its class; expired ones apart."""
        errors = (answer.error for answer in self.answers)
        return Counter(
            type(error).__name__
            for error in errors
            if error is not None and not isinstance(error, ExpiredError)
        )

    @property
    def expired(self) -> int:
        """Images whose invocation SageMaker gave up."""
        return sum(isinstance(answer.error, ExpiredError) for answer in self.answers)

    @property
    def lost(self) -> int:
        """Images that were sent, and of which nothing was ever heard."""
        return len({image.number for image in self.sent} - {answer.image.number for answer in self.answers})

    @property
    def wrong(self) -> int:
        """Answers that are not the model's: another digit, or a failure of the wrong image."""
        return sum(not self._is_right(answer) for answer in self.answers)

    @property
    def calls_per_inference(self) -> dict[str, float]:
        """AWS calls by operation, for each image."""
        return {
            operation: round(count / len(self.sent), 3)
            for operation, count in sorted(self.evidence.calls.items())
        }

    @property
    def resolve_lag_ms(self) -> dict[str, float]:
        """From the moment at which the emulator had the result to that at which the caller had it."""
        finished = self.evidence.finished
        lags = [
            (answer.resolved_time - finished[answer.inference_id]) * 1000
            for answer in self.answers
            if answer.inference_id in finished
        ]
        if len(lags) < 2:
            return {"p50": 0.0, "p99": 0.0}
        cuts = quantiles(lags, n=100)
        return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}

    def problems(self) -> list[str]:
        """Why the account does not add up; empty if it does."""
        problems = []
        told = self.succeeded + self.failed.total() + self.expired + self.lost
        if told != len(self.sent):
            problems.append(f"{len(self.sent)} were sent, and {told} are accounted for")
        if self.lost:
            problems.append(f"{self.lost} were lost")
        if self.wrong:
            problems.append(f"{self.wrong} answers were wrong")
        problems += [
            f"the plan injected no {name}" for name, count in self.evidence.injected.items() if not count
        ]
        problems += [f"a defect of the emulator: {error}" for error in self.evidence.errors]
        return problems

    def as_json(self) -> dict[str, object]:
        """The account as plain values."""
        return {
            "name": self.scenario.name,
            "submitted": len(self.sent),
            "succeeded": self.succeeded,
            "failed": dict(self.failed),
            "expired": self.expired,
            "lost": self.lost,
            "wrong": self.wrong,
            "by_source": self.by_source,
            "calls_per_inference": self.calls_per_inference,
            "throughput_per_second": round(len(self.sent) / self.seconds, 1),
            "resolve_lag_ms": self.resolve_lag_ms,
            "injected": self.evidence.injected,
        }

    def _is_right(self, answer: Answer) -> bool:
        if self.scenario.fails_some and is_smudged(answer.image.body):
            return isinstance(answer.error, InferenceFailedError) and b"smudged" in (
                answer.error.response or b""
            )
        return answer.error is None and answer.digit == answer.image.digit
