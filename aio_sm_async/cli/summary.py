"""How a run ended: for people, and as one JSON object for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from aio_sm_async.cli.account import Account, Traffic
from aio_sm_async.cli.exit_codes import ExitCode
from aio_sm_async.cli.pace import clock_face


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of a run.

    Attributes:
        account: What became of the items.
        traffic: What AWS was asked for.
        seconds: How long it took.
        sink: Where the results are.
        errors: Where the errors are.
        stopped_by: What ended it early; None if nothing did.
        resume: The command that goes on with it; None if there is nothing to go on with.
        exit_code: The exit code.
    """

    account: Account
    traffic: Traffic
    seconds: float
    sink: str
    errors: str
    stopped_by: str | None
    resume: str | None
    exit_code: ExitCode

    def as_json(self) -> str:
        """One line of JSON."""
        account = {
            name: value for name, value in asdict(self.account).items() if name not in {"total", "read"}
        }
        facts: Mapping[str, object] = {
            **account,
            "seconds": round(self.seconds, 3),
            "per_second": round(self._per_second, 2),
            "throttled": self.traffic.throttled,
            "resent": self.traffic.resent,
            "calls": dict(self.traffic.calls),
            "dollars": round(self.traffic.dollars, 6),
            "sink": self.sink,
            "errors": self.errors if self._has_errors else None,
            "stopped_by": self.stopped_by,
            "resume": self.resume,
            "exit_code": int(self.exit_code),
        }
        return json.dumps(facts)

    def lines(self) -> list[str]:
        """The same in a few plain lines."""
        account, traffic = self.account, self.traffic
        lines = [
            f"{account.succeeded:,} succeeded, {account.failed:,} failed, in {clock_face(self.seconds)} "
            f"({self._per_second:,.1f} per second)"
        ]
        if account.already_there:
            lines.append(
                f"{account.already_there:,} were done by an earlier run, {account.already_failed:,} of them "
                "as failures"
            )
        if account.unfinished:
            lines.append(f"{account.unfinished:,} were read and are not finished")
        lines.append(
            f"{traffic.calls.total():,} AWS calls, about ${traffic.dollars:.4f} at list prices, "
            f"{traffic.throttled:,} throttled"
        )
        lines.append(f"results: {self.sink}")
        if self._has_errors:
            lines.append(f"errors:  {self.errors}")
        if self.stopped_by is not None:
            lines.append(f"stopped: {self.stopped_by}")
        if self.resume is not None:
            lines.append(f"To go on: {self.resume}")
        return lines

    @property
    def _per_second(self) -> float:
        return (self.account.succeeded + self.account.failed) / self.seconds if self.seconds else 0.0

    @property
    def _has_errors(self) -> bool:
        return self.account.failed + self.account.already_failed > 0
