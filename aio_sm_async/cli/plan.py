"""What the command line asks of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aio_sm_async.cli.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run, of `map` or of `recover`.

    Attributes:
        source: A JSONL file, a directory, an ``s3://`` prefix, or ``-``; None for what a journal holds.
        sink: A JSONL file, a directory or an ``s3://`` prefix.
        errors: The file for errors.
        connection: How AWS is reached.
        journal: The file that remembers what was sent; None to remember nothing.
        is_journal_temporary: Whether the journal goes when the run is whole.
        key_field: The member of each line that is its key.
        content_type: What the items are sent as.
        resumes: Whether to go on with an earlier run.
        is_in_order: Whether results are written in the order of the source.
        limit: How many items to read at most.
        job: The job that outputs are named after, so that any machine can go on; None for none.
        version: The version of the job's model; None where there is only one.
        attempts: How often an item is sent at most; None for once.
        stop_after_failures: After how many failures nothing more is read.
        grace_seconds: How long to wait for what is in flight, once interrupted.
        is_quiet: Whether to show nothing while it runs.
        resume_command: The command that goes on with this run.
    """

    source: str | None
    sink: str
    errors: Path
    connection: Connection
    journal: Path | None = None
    is_journal_temporary: bool = False
    key_field: str | None = None
    content_type: str | None = None
    resumes: bool = False
    is_in_order: bool = False
    limit: int | None = None
    job: str | None = None
    version: str | None = None
    attempts: int | None = None
    stop_after_failures: int | None = None
    grace_seconds: float = 30.0
    is_quiet: bool = False
    resume_command: str = ""

    @property
    def needs_objects(self) -> bool:
        """Whether the command itself reads or writes S3."""
        return any(text is not None and text.startswith("s3://") for text in (self.source, self.sink))

    @property
    def title(self) -> str:
        """It in a few words."""
        if self.source is None:
            return f"{self.journal} → {self.sink}"
        return f"{self.source} → {self.connection.endpoint} → {self.sink}"
