"""When the journal of a run goes, and when it must not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from anyio import to_thread

from aio_sm_async.cli.journal_file import JournalFile
from aio_sm_async.cli.plan import Plan


@pytest.mark.parametrize("has_begun", [False, True])
async def test_no_exception_takes_what_was_sent_with_it(tmp_path: Path, has_begun: bool) -> None:
    """A journal goes with an exception only if that came before anything was sent."""
    journal = tmp_path / "run.sqlite"
    plan = SimpleNamespace(journal=journal, resumes=False, source="rows", is_journal_temporary=True)

    async def break_off() -> None:
        async with JournalFile(cast("Plan", plan)).kept_if(lambda: False, has_begun=lambda: has_begun):
            await to_thread.run_sync(journal.touch)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await break_off()

    assert has_begun is journal.exists()
