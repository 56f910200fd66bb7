"""The journal of a run, as a file: when it may be there, and when it is of no use any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread

from aio_sm_async.cli.plan import Plan
from aio_sm_async.errors import ConfigurationError

_BESIDE = ("", "-wal", "-shm", "-owner")


class JournalFile:
    """The file that a plan names, if it names one.

    Args:
        plan: The run.
    """

    def __init__(self, plan: Plan) -> None:
        self._path = plan.journal
        self._plan = plan

    @asynccontextmanager
    async def kept_if(
        self, is_needed: Callable[[], bool], *, has_begun: Callable[[], bool]
    ) -> AsyncIterator[None]:
        """Let the block use it. It goes afterwards, if it is only this run's and is not needed.

        Args:
            is_needed: Whether another run may go on with it, once the block has ended.
            has_begun: Whether anything may have been sent: then no exception makes it go.

        Raises:
            ConfigurationError: There is one of an earlier run, and that is not to be resumed; or there is
                none, and it should be recovered from.
        """
        was_there = await to_thread.run_sync(self._is_there)
        if was_there and not self._plan.resumes:
            raise ConfigurationError(
                f"{self._path} holds what an earlier run has sent. Go on with that run by --resume, name "
                "another --journal, or delete it."
            )
        if not was_there and self._plan.source is None:
            raise ConfigurationError(f"{self._path}: there is no such journal to recover from.")
        try:
            yield
        except BaseException:
            if not was_there and not has_begun():
                await to_thread.run_sync(self._delete)
            raise
        if self._plan.is_journal_temporary and not is_needed():
            await to_thread.run_sync(self._delete)

    def _is_there(self) -> bool:
        return self._path is not None and self._path.exists()

    def _delete(self) -> None:
        if self._path is not None:
            for suffix in _BESIDE:
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
